// Schemas of the indexes: their generations, rebuilds, comparisons and what a verification found.
#pragma once

#include <string_view>

namespace mesh::services {

// A JSON object: JSON Schemas by name.
std::string_view index_schemas();

}  // namespace mesh::services
