// Tenants as files: YAML documents of `kind: tenant`, as `mesh apply` reads and `mesh tenants get
// -o yaml` writes them.
#pragma once

#include <istream>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/base/json.h"
#include "common/domain/tenant.h"

namespace mesh::cli {

struct TenantDocument {
  Tenant tenant;                        // checked but for what a record before it forbids
  std::optional<std::int64_t> version;  // apply it to this version alone
  std::string place;                    // "acme.yaml, document 2"
};

// The document of a record: what the mesh itself says of it, as times and version, is left out.
Json to_document(const Tenant& tenant);

// All documents of a text. `invalid` with the place for what is no document of a tenant.
Result<std::vector<TenantDocument>> parse_tenants(const std::string& text, const std::string& name);
// Those of a file, of the *.yaml, *.yml and *.json files right in a folder by name, or with "-" of
// `in`. `invalid` where there is none, and for a tenant that is there twice.
Result<std::vector<TenantDocument>> read_tenants(const std::string& path, std::istream& in);

// `invalid` where a folder within that one has such files: to prune by what is right in it would
// delete the tenants of those.
Status nothing_below(const std::string& path);

// Where two JSON values differ: {"path","before","after"} each, null where there is nothing.
Json differences(const Json& before, const Json& after);

}  // namespace mesh::cli
