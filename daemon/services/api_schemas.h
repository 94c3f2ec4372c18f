// The component schemas of the API descriptions: what a body holds, each once.
#pragma once

#include "common/base/json.h"

namespace mesh::services {

// JSON Schemas (2020-12) by name; "XPage" is a list of X as the admin API answers it. What the
// catalogue defines, such as users, tenants' records and the data of events, is taken from there.
// Made at the first use; any thread.
const Json& api_schemas();

}  // namespace mesh::services
