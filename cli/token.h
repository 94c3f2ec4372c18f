// Tokens made and read on this side, without the server. Pure.
#pragma once

#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"

namespace mesh::cli {

struct MintRequest {
  std::string tenant, user, issuer, audience;
  std::string tenant_claim = "tenant_id";
  Duration ttl{std::chrono::hours{1}};
};

// "<tenant>:<user>"; `invalid` where the server would refuse it.
Result<std::string> dev_token(const std::string& tenant, const std::string& user);

// A JWT signed with HS256 (RFC 7515, 7518). `invalid` for a secret under 256 bits, a tenant or user
// that cannot be, an empty issuer or audience.
Result<std::string> mint_hs256(const MintRequest& request, std::string_view secret, Timestamp now);

// What a token says, unverified: {"kind","tenant","user"} of a dev token, {"kind","header",
// "claims","expires_at","expired"} of a JWT, {"kind":"opaque"} of anything else.
Json inspect_token(std::string_view token, Timestamp now);

}  // namespace mesh::cli
