// The deterministic Embedder: feature hashing of words and character n-grams.
// (The formula is written here, above the function, by whoever implements it.)
#pragma once

#include <memory>

#include "common/ports/embedder.h"

namespace mesh::hashing {
std::unique_ptr<Embedder> make_embedder(int dimension);
}  // namespace mesh::hashing
