#include "tests/common/auth/mint.h"

#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <stdexcept>

#include "common/base/hmac.h"
#include "common/base/strings.h"

namespace mesh::auth::test {
namespace {

void expect(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(what);
}

std::string bignum(const EVP_PKEY* key, const char* name, std::size_t width = 0) {
  BIGNUM* raw = nullptr;
  expect(EVP_PKEY_get_bn_param(key, name, &raw) == 1, name);
  const BignumPtr number(raw);
  std::string out(width != 0 ? width : static_cast<std::size_t>(BN_num_bytes(raw)), '\0');
  BN_bn2binpad(raw, reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(out.size()));
  return base64url_encode(out);
}

std::size_t coordinate_bytes(const EVP_PKEY* key) {
  return static_cast<std::size_t>(EVP_PKEY_get_bits(key) + 7) / 8;
}

const EVP_MD* digest_of(const std::string& alg) {
  if (alg.ends_with("256")) return EVP_sha256();
  return alg.ends_with("384") ? EVP_sha384() : EVP_sha512();
}

}  // namespace

Issuer Issuer::rsa(int bits) { return Issuer(EVP_RSA_gen(static_cast<unsigned>(bits))); }
Issuer Issuer::ec(const char* curve) { return Issuer(EVP_EC_gen(curve)); }

Issuer Issuer::ed25519() { return Issuer(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")); }

Json Issuer::jwk(const std::string& kid, const std::string& alg) const {
  Json out;
  if (EVP_PKEY_is_a(key_.get(), "RSA") == 1) {
    out = {{"kty", "RSA"},
           {"n", bignum(key_.get(), OSSL_PKEY_PARAM_RSA_N)},
           {"e", bignum(key_.get(), OSSL_PKEY_PARAM_RSA_E)}};
  } else if (EVP_PKEY_is_a(key_.get(), "ED25519") == 1) {
    std::string point(32, '\0');
    std::size_t size = point.size();
    expect(EVP_PKEY_get_raw_public_key(key_.get(), reinterpret_cast<unsigned char*>(point.data()),
                                       &size) == 1,
           "public key");
    out = {{"kty", "OKP"}, {"crv", "Ed25519"}, {"x", base64url_encode(point)}};
  } else {
    const auto width = coordinate_bytes(key_.get());
    out = {{"kty", "EC"},
           {"crv", width == 32   ? "P-256"
                   : width == 48 ? "P-384"
                                 : "P-521"},
           {"x", bignum(key_.get(), OSSL_PKEY_PARAM_EC_PUB_X, width)},
           {"y", bignum(key_.get(), OSSL_PKEY_PARAM_EC_PUB_Y, width)}};
  }
  if (!kid.empty()) out["kid"] = kid;
  if (!alg.empty()) out["alg"] = alg;
  return out;
}

std::string Issuer::public_pem() const {
  BIO* out = BIO_new(BIO_s_mem());
  PEM_write_bio_PUBKEY(out, key_.get());
  char* data = nullptr;
  const long size = BIO_get_mem_data(out, &data);
  std::string text(data, static_cast<std::size_t>(size));
  BIO_free(out);
  return text;
}

std::string Issuer::sign_der(const std::string& alg, const std::string& input) const {
  const DigestContextPtr context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* how = nullptr;
  const bool own_digest = EVP_PKEY_is_a(key_.get(), "ED25519") == 1;
  expect(EVP_DigestSignInit(context.get(), &how, own_digest ? nullptr : digest_of(alg), nullptr,
                            key_.get()) == 1,
         "init");
  if (alg.starts_with("PS")) {
    expect(EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING) == 1, "padding");
    expect(EVP_PKEY_CTX_set_rsa_pss_saltlen(how, RSA_PSS_SALTLEN_DIGEST) == 1, "salt");
  }
  std::size_t size = 0;
  expect(EVP_DigestSign(context.get(), nullptr, &size, bytes(input), input.size()) == 1, "size");
  std::string out(size, '\0');
  expect(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size,
                        bytes(input), input.size()) == 1,
         "sign");
  out.resize(size);
  return out;
}

std::string Issuer::sign(const std::string& alg, const std::string& input) const {
  const std::string signature = sign_der(alg, input);
  if (EVP_PKEY_is_a(key_.get(), "EC") != 1) return signature;
  const auto width = coordinate_bytes(key_.get());
  const unsigned char* at = bytes(signature);
  const EcdsaSignaturePtr parsed(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(signature.size())));
  std::string out(2 * width, '\0');
  auto* raw = reinterpret_cast<unsigned char*>(out.data());
  BN_bn2binpad(ECDSA_SIG_get0_r(parsed.get()), raw, static_cast<int>(width));
  BN_bn2binpad(ECDSA_SIG_get0_s(parsed.get()), raw + width, static_cast<int>(width));
  return out;
}

std::string Issuer::token(const Json& header, const Json& claims) const {
  const auto input = signing_input(header.dump(), claims.dump());
  return input + "." + base64url_encode(sign(header.at("alg").get<std::string>(), input));
}

std::string jwks(const std::vector<Json>& keys) { return Json{{"keys", keys}}.dump(); }

std::string signing_input(const std::string& header, const std::string& claims) {
  return base64url_encode(header) + "." + base64url_encode(claims);
}

std::string hmac_token(std::string_view secret, const std::string& header,
                       const std::string& claims) {
  const auto input = signing_input(header, claims);
  return input + "." + base64url_encode(hmac_sha256(secret, input));
}

}  // namespace mesh::auth::test
