#include "common/auth/signature.h"

#include <openssl/err.h>
#include <openssl/rsa.h>

#include <array>

namespace mesh::auth {
namespace {

enum class Family { hmac, pkcs1, pss, ecdsa, ed25519 };

struct Definition {
  std::string_view name;
  Algorithm algorithm;
  Family family;
  const EVP_MD* (*digest)();         // nullptr: the algorithm has its own
  std::string_view curve = {};       // of ecdsa
  std::size_t coordinate_bytes = 0;  // of ecdsa
};

constexpr std::array<Definition, 11> kDefinitions = {{
    {"HS256", Algorithm::hs256, Family::hmac, EVP_sha256},
    {"RS256", Algorithm::rs256, Family::pkcs1, EVP_sha256},
    {"RS384", Algorithm::rs384, Family::pkcs1, EVP_sha384},
    {"RS512", Algorithm::rs512, Family::pkcs1, EVP_sha512},
    {"PS256", Algorithm::ps256, Family::pss, EVP_sha256},
    {"PS384", Algorithm::ps384, Family::pss, EVP_sha384},
    {"PS512", Algorithm::ps512, Family::pss, EVP_sha512},
    {"ES256", Algorithm::es256, Family::ecdsa, EVP_sha256, "prime256v1", 32},
    {"ES384", Algorithm::es384, Family::ecdsa, EVP_sha384, "secp384r1", 48},
    {"ES512", Algorithm::es512, Family::ecdsa, EVP_sha512, "secp521r1", 66},
    {"EdDSA", Algorithm::eddsa, Family::ed25519, nullptr},
}};

const Definition& definition(Algorithm algorithm) {
  return kDefinitions[static_cast<std::size_t>(algorithm)];
}

// r || s in the DER that OpenSSL verifies; empty where the length is wrong. That r and s are
// between 1 and the order is OpenSSL's check.
std::string der_signature(std::string_view raw, std::size_t coordinate_bytes) {
  if (raw.size() != 2 * coordinate_bytes) return {};
  const int length = static_cast<int>(coordinate_bytes);
  EcdsaSignaturePtr signature(ECDSA_SIG_new());
  BignumPtr r(BN_bin2bn(bytes(raw), length, nullptr));
  BignumPtr s(BN_bin2bn(bytes(raw.substr(coordinate_bytes)), length, nullptr));
  if (!signature || !r || !s) return {};
  ECDSA_SIG_set0(signature.get(), r.release(), s.release());
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &der);
  if (size <= 0) return {};
  std::string out(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return out;
}

// RFC 7518 §3.5: the same digest in the mask, and a salt of its length.
bool use_pss(EVP_PKEY_CTX* context, const EVP_MD* digest) {
  return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_mgf1_md(context, digest) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
}

}  // namespace

std::optional<Algorithm> parse_algorithm(std::string_view name) {
  // The name that RFC 9864 gives to the only curve that is taken here.
  if (name == "Ed25519") return Algorithm::eddsa;
  for (const auto& known : kDefinitions) {
    if (known.name == name) return known.algorithm;
  }
  return std::nullopt;
}

bool fits(Algorithm algorithm, const EVP_PKEY* key) {
  const Definition& wanted = definition(algorithm);
  switch (wanted.family) {
    case Family::hmac:
      return false;
    case Family::pkcs1:
    case Family::pss:
      return EVP_PKEY_is_a(key, "RSA") == 1;
    case Family::ed25519:
      return EVP_PKEY_is_a(key, "ED25519") == 1;
    case Family::ecdsa:
      break;
  }
  char group[32];
  std::size_t length = 0;
  return EVP_PKEY_is_a(key, "EC") == 1 &&
         EVP_PKEY_get_group_name(key, group, sizeof group, &length) == 1 &&
         std::string_view(group, length) == wanted.curve;
}

bool verify_signature(Algorithm algorithm, EVP_PKEY* key, std::string_view input,
                      std::string_view signature) {
  const Definition& how = definition(algorithm);
  if (signature.empty() || !fits(algorithm, key)) return false;
  std::string der;
  if (how.family == Family::ecdsa) {
    der = der_signature(signature, how.coordinate_bytes);
    if (der.empty()) return false;
    signature = der;
  }
  const EVP_MD* digest = how.digest != nullptr ? how.digest() : nullptr;
  DigestContextPtr context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* key_context = nullptr;  // the digest context's
  const bool good = context != nullptr &&
                    EVP_DigestVerifyInit(context.get(), &key_context, digest, nullptr, key) == 1 &&
                    (how.family != Family::pss || use_pss(key_context, digest)) &&
                    EVP_DigestVerify(context.get(), bytes(signature), signature.size(),
                                     bytes(input), input.size()) == 1;
  // A bad signature leaves an entry in the thread's error queue, which others read.
  if (!good) ERR_clear_error();
  return good;
}

}  // namespace mesh::auth
