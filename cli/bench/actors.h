// In whose name a load comes: tenants, and the credential of each.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/session.h"

namespace mesh::cli {

struct Actor {
  std::string tenant;
  client::Options options;   // for calls beside the load
  std::string headers;       // the credential's lines of a request
  bool by_operator = false;  // the credential is the operator's, which no rate limit holds
};

// The tenant of --tenant or of the token; with `tenants`, or where neither names one, bench-1,
// bench-2, … A load is not for the tenant that a context or $MESH_TENANT happens to name. Each acts
// by a token of its own where the server takes dev tokens, since the operator's token in a tenant's
// name is a line of the server's log for every request; where it does not, by the token of the
// settings or the operator's. Asks the server once, for its mode. `invalid` where --tenants is
// given beside a tenant or a tenant's token.
Result<std::vector<Actor>> make_actors(Session& session, std::optional<int> tenants);

// "bench-1 … bench-40", "acme"
std::string names_of(const std::vector<Actor>& actors);

}  // namespace mesh::cli
