// Schemas of what operators say of a tenant: its record, with limits, quotas, roles and types.
#pragma once

#include <string_view>

namespace mesh::services {

// A JSON object: JSON Schemas by name.
std::string_view record_schemas();

}  // namespace mesh::services
