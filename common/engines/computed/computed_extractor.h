// The deterministic PropertyExtractor: computes from the molecular formula.
#pragma once

#include <memory>

#include "common/ports/property_extractor.h"

namespace mesh::computed {
std::unique_ptr<PropertyExtractor> make_extractor();
}  // namespace mesh::computed
