// Requests that make something new, about tenants of the canary's.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/http/client.h"
#include "daemon/canary/probes.h"

namespace mesh::canary {

// A request in one's own name that says another tenant, and by what it does: "X-Tenant-Id",
// "tenant_id", or how its body says it ("body", "body, in a batch", "ce-tenantid").
struct Naming {
  std::string named_by;
  http::ClientRequest request;
};

// Whether this knows what to ask of the operation.
bool can_create(std::string_view operation);

// By header and parameter, around any request.
std::vector<Naming> naming(const http::ClientRequest& request, const TenantId& owner);

// What `asker` would make in `owner`'s name by the operation, each of which the API refuses with
// 403. Of users it is one with an address that the owner has: who believes it finds the address
// taken, and makes nothing. An event has nothing of the owner's.
std::vector<Naming> creations_of(const std::string& url, const Probe& probe, const Planted& owner,
                                 const Planted& asker);

// The same in one's own name, which is not refused, and makes nothing new but at the first time
// under a key: a user that is there, or an event under the Idempotency-Key `key`. Every tenant's
// is the same but for its credential.
http::ClientRequest own_creation(const std::string& url, const Probe& probe, const Planted& planted,
                                 const std::string& key);
// Whether `own_creation` answers under its key.
bool has_key(const Probe& probe);

// What finds a user that `planted` has under the address of `other`'s.
http::ClientRequest find_misplaced(const std::string& url, const Planted& planted,
                                   const Planted& other);

}  // namespace mesh::canary
