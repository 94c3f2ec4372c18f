// Schemas of what operators send and get of the log: topics, records, groups, dead letters.
#pragma once

#include <string_view>

namespace mesh::services {

// A JSON object: JSON Schemas by name.
std::string_view log_schemas();

}  // namespace mesh::services
