// Schemas of what tenants send and get, and of what every listener answers.
#pragma once

#include <string_view>

namespace mesh::services {

// A JSON object: JSON Schemas by name.
std::string_view tenant_schemas();

}  // namespace mesh::services
