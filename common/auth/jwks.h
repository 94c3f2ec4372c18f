// JSON Web Key Sets (RFC 7517): the issuer's public keys.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/auth/openssl_internal.h"
#include "common/auth/signature.h"
#include "common/base/error.h"

namespace mesh::auth {

struct PublicKey {
  std::string kid;                     // empty: the key has none
  std::optional<Algorithm> algorithm;  // the only one it is for, where the set says so
  PkeyPtr key;

  bool allows(Algorithm wanted) const {
    return (!algorithm || *algorithm == wanted) && fits(wanted, key.get());
  }
};

using PublicKeys = std::vector<PublicKey>;

// Pure; any thread. Keys for other uses (`use: enc`, unknown types and curves) are passed over, as
// RFC 7517 §5 says. `invalid`, naming the key, for: a set without a usable key, private or
// symmetric keys, RSA below 2048 or over 8192 bits, points off their curve or of small order, two
// keys with one kid.
Result<PublicKeys> parse_jwks(std::string_view text);

}  // namespace mesh::auth
