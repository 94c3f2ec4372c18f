// The API description for people.
#pragma once

#include <string>

#include "common/base/json.h"

namespace mesh::services {

// One HTML page of a description as api_description makes it: no script, nothing from elsewhere.
std::string api_page(const Json& description);

}  // namespace mesh::services
