// Schemas of the overview.
#pragma once

#include <string_view>

namespace mesh::services {

// A JSON object: JSON Schemas by name.
std::string_view overview_schemas();

}  // namespace mesh::services
