// Key sets: only public keys that are strong enough come out.
#include "common/auth/jwks.h"
#include "common/base/json.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mesh;
  using namespace mesh::fuzz;
  const auto text = text_of(data, size);
  const auto keys = auth::parse_jwks(text);
  if (!keys) {
    holds(keys.error().kind == ErrorKind::invalid, "a bad set is invalid");
    holds(keys.error().message.starts_with("JWKS: "), "a refusal says of what");
    return 0;
  }
  const auto list = parse_json(text, {.max_depth = 8, .max_bytes = 1 << 20})->at("keys");
  holds(!keys->empty() && keys->size() <= 100 && keys->size() <= list.size(),
        "there are as many keys as the set lists, or fewer");
  for (const auto& key : *keys) {
    holds(key.key != nullptr, "a key is a key");
    const bool rsa = EVP_PKEY_is_a(key.key.get(), "RSA") == 1;
    const bool ed25519 = EVP_PKEY_is_a(key.key.get(), "ED25519") == 1;
    holds(rsa || ed25519 || EVP_PKEY_is_a(key.key.get(), "EC") == 1, "a key is RSA, EC or Ed25519");
    const int bits = EVP_PKEY_get_bits(key.key.get());  // of Ed25519: 253 in OpenSSL 3.0
    holds(rsa ? bits >= 2048 && bits <= 8192 : bits >= (ed25519 ? 253 : 256),
          "a key is strong enough");
    holds(!key.algorithm || auth::fits(*key.algorithm, key.key.get()),
          "a key's algorithm is one of its type");
    holds(!key.allows(auth::Algorithm::hs256), "no public key is a secret");
    for (const auto& other : *keys) {
      holds(&other == &key || key.kid.empty() || other.kid != key.kid, "each kid names one key");
    }
    const auto algorithm = rsa       ? auth::Algorithm::rs256
                           : ed25519 ? auth::Algorithm::eddsa
                                     : auth::Algorithm::es256;
    holds(!auth::verify_signature(algorithm, key.key.get(), "input", text.substr(0, 256)),
          "bytes that nobody signed do not verify");
  }
  return 0;
}
