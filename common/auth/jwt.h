// Verification of JWTs in JWS compact form (RFC 7519, hardened after RFC 8725).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/auth/authenticator.h"
#include "common/auth/jwks.h"

namespace mesh::auth {

struct TokenSubject {
  TenantId tenant;
  std::string user;
};

// Immutable once made; any thread.
class JwtVerifier {
 public:
  // `invalid` for options that cannot work.
  static Result<JwtVerifier> create(const JwtOptions& options, const Clock& clock);

  // `unauthenticated` with the reason as the message; not for clients.
  Result<TokenSubject> verify(std::string_view token) const;

 private:
  JwtVerifier(const JwtOptions& options, std::vector<PublicKey> keys, const Clock& clock)
      : options_(options), keys_(std::move(keys)), clock_(&clock) {}

  Status check_signature(const Json& header, std::string_view input,
                         std::string_view signature) const;
  Status check_times(const Json& claims) const;
  Status check_audience(const Json& claims) const;

  JwtOptions options_;
  std::vector<PublicKey> keys_;
  const Clock* clock_;
};

}  // namespace mesh::auth
