// Schemas of what is told of single events and users.
#pragma once

#include <string_view>

namespace mesh::services {

// A JSON object: JSON Schemas by name.
std::string_view trace_schemas();

}  // namespace mesh::services
