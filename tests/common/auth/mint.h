// Makes keys, key sets and tokens, good and bad, at run time.
#pragma once

#include <string>
#include <string_view>

#include "common/auth/openssl_internal.h"
#include "common/auth/signature.h"
#include "common/base/json.h"

namespace mesh::auth::test {

// A key pair of an issuer.
class Issuer {
 public:
  static Issuer rsa(int bits = 2048);
  static Issuer ec(const char* curve);  // "P-256"
  static Issuer ed25519();

  // The public key as a JWK; `alg` is left out where empty.
  Json jwk(const std::string& kid, const std::string& alg = "") const;
  std::string public_pem() const;
  // Raw signature of `input`, as `alg` wants it.
  std::string sign(const std::string& alg, const std::string& input) const;
  // The same for EC, in DER: what JWS does not allow.
  std::string sign_der(const std::string& alg, const std::string& input) const;
  // A whole token.
  std::string token(const Json& header, const Json& claims) const;

 private:
  explicit Issuer(EVP_PKEY* key) : key_(key) {}
  PkeyPtr key_;
};

std::string jwks(const std::vector<Json>& keys);

// "<header>.<claims>", encoded.
std::string signing_input(const std::string& header, const std::string& claims);
// A token signed with HMAC-SHA-256, whatever its header says.
std::string hmac_token(std::string_view secret, const std::string& header,
                       const std::string& claims);

}  // namespace mesh::auth::test
