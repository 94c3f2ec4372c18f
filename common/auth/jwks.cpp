#include "common/auth/jwks.h"

#include <openssl/core_names.h>
#include <openssl/err.h>

#include <algorithm>
#include <array>

#include "common/base/json.h"
#include "common/base/strings.h"

namespace mesh::auth {
namespace {

constexpr std::size_t kMostKeys = 100;
// NIST SP 800-131A no longer allows shorter ones.
constexpr int kLeastRsaBits = 2048;
constexpr int kMostRsaBits = 8192;  // verification's cost grows with the square

struct Curve {
  std::string_view name;
  std::size_t coordinate_bytes;
};
constexpr std::array<Curve, 3> kCurves = {{{"P-256", 32}, {"P-384", 48}, {"P-521", 66}}};

// A member that is a string, else "".
std::string text_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

// A base64url member's bytes; empty where it is missing or broken.
std::string bytes_of(const Json& object, const char* name) {
  return base64url_decode(text_of(object, name)).value_or("");
}

PkeyPtr build(const char* type, OSSL_PARAM_BLD* builder) {
  ParamsPtr params(OSSL_PARAM_BLD_to_param(builder));
  PkeyContextPtr context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (params && context && EVP_PKEY_fromdata_init(context.get()) == 1) {
    EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get());
  }
  ERR_clear_error();
  return PkeyPtr(key);
}

Result<PkeyPtr> rsa_key(const Json& jwk) {
  const auto modulus = bytes_of(jwk, "n");
  const auto exponent = bytes_of(jwk, "e");
  if (modulus.empty() || exponent.empty() || modulus.size() > kMostRsaBits / 8 + 1 ||
      exponent.size() > 8) {
    return fail(ErrorKind::invalid, "n or e is missing, malformed or too long");
  }
  BignumPtr n(BN_bin2bn(bytes(modulus), static_cast<int>(modulus.size()), nullptr));
  BignumPtr e(BN_bin2bn(bytes(exponent), static_cast<int>(exponent.size()), nullptr));
  const int bits = BN_num_bits(n.get());
  if (bits < kLeastRsaBits || bits > kMostRsaBits) {
    return fail(ErrorKind::invalid,
                "an RSA key of " + std::to_string(bits) + " bits; 2048 to 8192 are allowed");
  }
  // With e = 1 every signature verifies.
  if (!BN_is_odd(e.get()) || BN_is_one(e.get()) || !BN_is_odd(n.get())) {
    return fail(ErrorKind::invalid, "n or e is no RSA public key's");
  }
  ParamBuilderPtr builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get());
  auto key = build("RSA", builder.get());
  if (!key) return fail(ErrorKind::invalid, "no RSA public key");
  return key;
}

Result<PkeyPtr> ec_key(const Json& jwk, const Curve& curve) {
  const auto x = bytes_of(jwk, "x");
  const auto y = bytes_of(jwk, "y");
  if (x.size() != curve.coordinate_bytes || y.size() != curve.coordinate_bytes) {
    return fail(ErrorKind::invalid, "x or y is missing, malformed or not of the curve's length");
  }
  const std::string point = '\x04' + x + y;
  const std::string group(curve.name);
  ParamBuilderPtr builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, group.c_str(), 0);
  OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                   point.size());
  auto key = build("EC", builder.get());
  // A point off the curve lets others choose the group that signatures are checked in.
  PkeyContextPtr check(key ? EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr) : nullptr);
  if (!check || EVP_PKEY_public_check(check.get()) != 1) {
    ERR_clear_error();
    return fail(ErrorKind::invalid, "the point is not on the curve");
  }
  return key;
}

// The points whose order divides 8, least byte first, without the sign of x: with one of them as
// the key, signatures that verify can be made by anybody.
bool is_of_small_order(std::string_view point) {
  static const std::array<std::string, 7> kSmall = [] {
    std::string p(32, '\xff');  // 2^255 - 19, and the numbers beside it
    p.front() = '\xed';
    p.back() = '\x7f';
    const auto first = [](std::string bytes, char value) {
      bytes.front() = value;
      return bytes;
    };
    const std::string zero(32, '\0');
    return std::array<std::string, 7>{
        zero,
        first(zero, '\x01'),
        first(p, '\xec'),
        p,
        first(p, '\xee'),
        base64url_decode("JuiVj8KyJ7BFw_SJ8u-Y8NXfrAXTxjM5sTgCiG1T_AU").value(),
        base64url_decode("xxdqcD1N2E-6PAt2DRBnDyogU_osOczGTsf9d5KsA3o").value()};
  }();
  std::string unsigned_point(point);
  unsigned_point.back() = static_cast<char>(unsigned_point.back() & 0x7f);
  return std::ranges::find(kSmall, unsigned_point) != kSmall.end();
}

Result<PkeyPtr> ed25519_key(const Json& jwk) {
  constexpr std::size_t kLength = 32;
  const auto x = bytes_of(jwk, "x");
  if (x.size() != kLength) {
    return fail(ErrorKind::invalid, "x is missing, malformed or not 32 bytes long");
  }
  if (is_of_small_order(x)) return fail(ErrorKind::invalid, "x is a point of small order");
  PkeyPtr key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes(x), x.size()));
  ERR_clear_error();
  if (!key) return fail(ErrorKind::invalid, "no Ed25519 public key");
  return key;
}

bool is_for_verification(const Json& jwk) {
  if (jwk.contains("use") && text_of(jwk, "use") != "sig") return false;
  const auto operations = jwk.find("key_ops");
  if (operations == jwk.end()) return true;
  return operations->is_array() &&
         std::ranges::any_of(*operations, [](const Json& op) { return op == "verify"; });
}

// A null pointer for a key that is passed over.
Result<PkeyPtr> public_key(const Json& jwk) {
  const auto type = text_of(jwk, "kty");
  if (type == "oct") {
    return fail(ErrorKind::invalid, "a symmetric key; a key set holds public keys only");
  }
  // Passed over, as RFC 7517 §5 asks: a set may hold keys for others.
  if (type != "RSA" && type != "EC" && type != "OKP") return PkeyPtr();
  if (jwk.contains("d")) {
    return fail(ErrorKind::invalid, "a private key; keep it with the issuer, list the public one");
  }
  if (!is_for_verification(jwk)) return PkeyPtr();
  if (type == "RSA") return rsa_key(jwk);
  if (type == "OKP") {
    return text_of(jwk, "crv") == "Ed25519" ? ed25519_key(jwk) : Result<PkeyPtr>(PkeyPtr());
  }
  const auto curve = std::ranges::find(kCurves, text_of(jwk, "crv"), &Curve::name);
  if (curve == kCurves.end()) return PkeyPtr();
  return ec_key(jwk, *curve);
}

}  // namespace

Result<PublicKeys> parse_jwks(std::string_view text) {
  const auto refuse = [](const std::string& what) {
    return fail(ErrorKind::invalid, "JWKS: " + what);
  };
  auto document = parse_json(text, {.max_depth = 8, .max_bytes = 1 << 20});
  if (!document) return refuse(document.error().message);
  if (!document->is_object() || !document->contains("keys") || !(*document)["keys"].is_array()) {
    return refuse("not an object with an array `keys`");
  }
  const Json& list = (*document)["keys"];
  if (list.size() > kMostKeys) return refuse("more than 100 keys");
  PublicKeys keys;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Json& jwk = list[i];
    const std::string name = "key " + std::to_string(i) + ": ";
    if (!jwk.is_object()) return refuse(name + "not an object");
    auto key = public_key(jwk);
    if (!key) return refuse(name + key.error().message);
    if (!*key) continue;
    PublicKey entry{text_of(jwk, "kid"), std::nullopt, std::move(*key)};
    if (jwk.contains("alg")) {
      entry.algorithm = parse_algorithm(text_of(jwk, "alg"));
      if (!entry.algorithm) continue;  // for encryption, or not known here
      if (!fits(*entry.algorithm, entry.key.get())) {
        return refuse(name + "its alg is not one of its kty");
      }
    }
    const bool twice =
        !entry.kid.empty() && std::ranges::find(keys, entry.kid, &PublicKey::kid) != keys.end();
    if (twice) return refuse(name + "its kid appears twice");
    keys.push_back(std::move(entry));
  }
  if (keys.empty()) return refuse("no RSA, EC or Ed25519 key for signatures in it");
  return keys;
}

}  // namespace mesh::auth
