// The signature algorithms of JWS (RFC 7518 §3) over OpenSSL.
//
// OpenSSL is used directly: a JOSE library would read the header a second time, with its own rules
// on duplicate keys and sizes, and choose the key's use by what the token says of itself.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/auth/openssl_internal.h"

namespace mesh::auth {

enum class Algorithm {
  hs256,
  rs256,
  rs384,
  rs512,
  ps256,
  ps384,
  ps512,
  es256,
  es384,
  es512,
  eddsa,
};

// The exact names of RFC 7518, and of Ed25519 its two (RFC 8037 "EdDSA", RFC 9864 "Ed25519");
// nothing for any other text, "none" in whatever case included.
std::optional<Algorithm> parse_algorithm(std::string_view name);

// True where the key's type, and its curve, is the one that `algorithm` asks for.
bool fits(Algorithm algorithm, const EVP_PKEY* key);

// A public key's signature over `input`; ES in the raw form r || s. False for anything wrong.
bool verify_signature(Algorithm algorithm, EVP_PKEY* key, std::string_view input,
                      std::string_view signature);

}  // namespace mesh::auth
