// Schemas of what operators send and get of indexes, tasks, use and the process.
#pragma once

#include <string_view>

namespace mesh::services {

// A JSON object: JSON Schemas by name.
std::string_view admin_schemas();

}  // namespace mesh::services
