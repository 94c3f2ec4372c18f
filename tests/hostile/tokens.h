// The issuer that a meshd under test trusts, and tokens that it must not take (after RFC 8725).
#pragma once

#include <string>
#include <vector>

#include "common/base/json.h"
#include "tests/common/auth/mint.h"

namespace mesh::hostile {

struct Forgery {
  std::string attack;
  std::string token;
  bool is_signed = false;  // by the issuer, for what its claims say
};

// Keys are made once per process.
class TrustedIssuer {
 public:
  static const TrustedIssuer& get();

  // A token that must be accepted.
  std::string token(const std::string& tenant, const std::string& user = "alice") const;
  // Tokens for `tenant` that must be refused: one or more for every attack that a token can carry.
  std::vector<Forgery> forgeries(const std::string& tenant) const;

  // The part `auth:` of a configuration that trusts this issuer, with its files written into
  // `folder`. Without HS256 only the public keys are configured.
  std::string config(const std::string& folder, bool hs256 = true) const;

 private:
  TrustedIssuer();
  Json claims(const std::string& tenant) const;

  const std::string secret_;
  const auth::test::Issuer rsa_, ec_, ed_;
  const auth::test::Issuer stranger_rsa_, stranger_ec_, stranger_ed_;
  const std::string jwks_;
};

}  // namespace mesh::hostile
