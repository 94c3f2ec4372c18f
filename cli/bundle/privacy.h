// What must not leave the house with a bundle. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/json.h"

namespace mesh::cli {

// "tenant-" and the first 12 hex digits of its SHA-256: the same in every bundle, so that whoever
// knows the name finds it.
std::string pseudonym(std::string_view tenant);

// Puts pseudonyms in place of the strings of members called tenant, tenant_id or tenantId, at any
// depth; "(others)" is none. Likewise of the paths of operators' requests in members called path.
void hide_tenants(Json& value);

// The same in the label tenant of metrics in Prometheus's text form; "other" is none.
std::string hide_tenant_labels(std::string_view metrics);

// Puts *** in place of each secret; empty ones do not count.
void strike_out(std::string& text, const std::vector<std::string>& secrets);

}  // namespace mesh::cli
