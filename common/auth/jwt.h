// Verification of JWTs in JWS compact form (RFC 7519, hardened after RFC 8725).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/auth/authenticator.h"
#include "common/auth/jwks.h"
#include "common/base/json.h"

namespace mesh::auth {

struct TokenSubject {
  TenantId tenant;
  std::string user;
};

// Any thread; does not block.
class JwtVerifier {
 public:
  // `invalid` for options that cannot work.
  static Result<JwtVerifier> create(const JwtOptions& options, const Clock& clock);

  // The claims of a token that a trusted key has signed. `unauthenticated` with the reason as the
  // message, which is not for clients: one without such a token learns nothing by trying.
  // `unavailable` where the key may be one that remote_keys do not have yet.
  Result<Json> open(std::string_view token) const;
  // Whom such claims name. `unauthenticated`; here the reason may be told, for whoever has the
  // signed token may know what is wrong with it.
  Result<TokenSubject> subject(const Json& claims) const;

 private:
  JwtVerifier(const JwtOptions& options, std::optional<Json::json_pointer> tenant_pointer,
              PublicKeys keys, const Clock& clock)
      : options_(options),
        tenant_pointer_(std::move(tenant_pointer)),
        keys_(std::move(keys)),
        clock_(&clock) {}

  Status check_signature(const Json& header, std::string_view input,
                         std::string_view signature) const;
  const std::string* tenant_of(const Json& claims) const;
  Status check_times(const Json& claims) const;
  Status check_audience(const Json& claims) const;

  JwtOptions options_;
  std::optional<Json::json_pointer> tenant_pointer_;  // where tenant_claim is one
  PublicKeys keys_;                                   // of the file
  const Clock* clock_;
};

}  // namespace mesh::auth
