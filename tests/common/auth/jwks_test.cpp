#include "common/auth/jwks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/json.h"
#include "common/base/strings.h"
#include "tests/common/auth/mint.h"

namespace mesh::auth {
namespace {

using test::Issuer;
using test::jwks;
using testing::HasSubstr;

const Issuer& p256() {
  static const Issuer issuer = Issuer::ec("P-256");
  return issuer;
}

std::string refusal(const std::string& text) {
  const auto keys = parse_jwks(text);
  if (keys) return "accepted";
  EXPECT_EQ(keys.error().kind, ErrorKind::invalid);
  return keys.error().message;
}

Json changed(Json jwk, const std::string& name, const Json& value) {
  jwk[name] = value;
  return jwk;
}

TEST(Jwks, KeysOfOtherUsesArePassedOver) {
  const Json good = p256().jwk("good");
  const auto keys = parse_jwks(jwks({
      {{"kty", "OKP"}, {"crv", "X25519"}, {"x", "AAAA"}},
      {{"kty", "OKP"}, {"crv", "Ed448"}, {"x", "AAAA"}},
      {{"kty", "EC"}, {"crv", "Ed25519"}, {"x", "AAAA"}},
      {{"kty", "EC"}, {"crv", "secp256k1"}, {"x", "AAAA"}, {"y", "AAAA"}},
      changed(good, "use", "enc"),
      changed(good, "key_ops", Json::array({"encrypt"})),
      changed(good, "alg", "ECDH-ES"),
      changed(changed(good, "use", "sig"), "key_ops", Json::array({"verify"})),
  }));
  ASSERT_TRUE(keys.has_value()) << keys.error().message;
  ASSERT_EQ(keys->size(), 1u);
  EXPECT_EQ((*keys)[0].kid, "good");
  EXPECT_TRUE((*keys)[0].allows(Algorithm::es256));
  EXPECT_FALSE((*keys)[0].allows(Algorithm::es384));
  EXPECT_FALSE((*keys)[0].allows(Algorithm::rs256));
  EXPECT_FALSE((*keys)[0].allows(Algorithm::hs256));
}

TEST(Jwks, WeakAndOversizedRsaKeysAreRefused) {
  EXPECT_THAT(refusal(jwks({Issuer::rsa(1024).jwk("weak")})),
              HasSubstr("key 0: an RSA key of 1024 bits"));
  const auto huge = base64url_encode(std::string(1025, '\xff'));
  EXPECT_THAT(refusal(jwks({{{"kty", "RSA"}, {"n", huge}, {"e", "AQAB"}}})),
              HasSubstr("8200 bits"));
  const auto n = base64url_encode(std::string(256, '\xff'));
  for (const std::string e : {"", "AQ", "Ag", "AA", "AQAB=", "AAAAAAAAAAAAAAAAAAAA"}) {
    EXPECT_NE(refusal(jwks({{{"kty", "RSA"}, {"n", n}, {"e", e}}})), "accepted") << e;
  }
}

TEST(Jwks, PointsOffTheCurveAreRefused) {
  const Json good = p256().jwk("k");
  const auto other = Issuer::ec("P-256").jwk("k");
  EXPECT_THAT(refusal(jwks({changed(good, "x", other["x"])})), HasSubstr("not on the curve"));
  EXPECT_THAT(refusal(jwks({changed(good, "x", "AAAA")})), HasSubstr("not of the curve's length"));
  EXPECT_THAT(refusal(jwks({changed(good, "crv", "P-384")})),
              HasSubstr("not of the curve's length"));
  EXPECT_THAT(refusal(jwks({changed(good, "y", nullptr)})), HasSubstr("x or y is missing"));
}

TEST(Jwks, Ed25519KeysAreForTheirAlgorithmOnly) {
  const auto keys = parse_jwks(jwks({Issuer::ed25519().jwk("ed")}));
  ASSERT_TRUE(keys.has_value()) << keys.error().message;
  for (const auto algorithm :
       {Algorithm::hs256, Algorithm::rs256, Algorithm::ps256, Algorithm::es256, Algorithm::es512}) {
    EXPECT_FALSE((*keys)[0].allows(algorithm));
  }
  EXPECT_TRUE((*keys)[0].allows(Algorithm::eddsa));
  for (const char* alg : {"EdDSA", "Ed25519"}) {
    EXPECT_TRUE(parse_jwks(jwks({Issuer::ed25519().jwk("ed", alg)})).has_value()) << alg;
  }
  EXPECT_THAT(refusal(jwks({Issuer::ed25519().jwk("ed", "ES256")})),
              HasSubstr("its alg is not one of its kty"));
  EXPECT_THAT(refusal(jwks({p256().jwk("ec", "EdDSA")})),
              HasSubstr("its alg is not one of its kty"));
  const Json good = Issuer::ed25519().jwk("ed");
  for (const std::string& length : {base64url_encode(std::string(31, 'x')),
                                    base64url_encode(std::string(33, 'x')), std::string()}) {
    EXPECT_THAT(refusal(jwks({changed(good, "x", length)})), HasSubstr("not 32 bytes"));
  }
  EXPECT_THAT(refusal(jwks({changed(good, "d", "AAAA")})), HasSubstr("a private key"));
}

// With the neutral element as the key, R = it and S = 0 verify over any text.
TEST(Jwks, Ed25519PointsOfSmallOrderAreRefused) {
  for (const char* hex : {"0100000000000000000000000000000000000000000000000000000000000000",
                          "0100000000000000000000000000000000000000000000000000000000000080",
                          "0000000000000000000000000000000000000000000000000000000000000000",
                          "0000000000000000000000000000000000000000000000000000000000000080",
                          "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
                          "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
                          "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
                          "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
                          "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                          "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                          "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"}) {
    std::string point;
    for (const char* at = hex; *at != 0; at += 2) {
      point += static_cast<char>(std::stoi(std::string(at, 2), nullptr, 16));
    }
    EXPECT_THAT(
        refusal(jwks({{{"kty", "OKP"}, {"crv", "Ed25519"}, {"x", base64url_encode(point)}}})),
        HasSubstr("small order"))
        << hex;
  }
}

TEST(Jwks, SecretKeysDoNotBelongIntoAPublicSet) {
  EXPECT_THAT(refusal(jwks({{{"kty", "oct"}, {"k", "AAAA"}}})), HasSubstr("a symmetric key"));
  EXPECT_THAT(refusal(jwks({changed(p256().jwk("k"), "d", "AAAA")})), HasSubstr("a private key"));
}

TEST(Jwks, BrokenSetsAreRefused) {
  EXPECT_THAT(refusal("{"), HasSubstr("JWKS: "));
  EXPECT_THAT(refusal("[]"), HasSubstr("an array `keys`"));
  EXPECT_THAT(refusal(R"({"keys":{}})"), HasSubstr("an array `keys`"));
  EXPECT_THAT(refusal(R"({"keys":[]})"), HasSubstr("no RSA, EC or Ed25519 key"));
  EXPECT_THAT(refusal(R"({"keys":[1]})"), HasSubstr("key 0: not an object"));
  EXPECT_THAT(refusal(R"({"keys":[],"keys":[]})"), HasSubstr("JWKS: "));
  EXPECT_THAT(refusal(jwks({p256().jwk("k"), Issuer::ec("P-256").jwk("k")})),
              HasSubstr("appears twice"));
  EXPECT_THAT(refusal(jwks({p256().jwk("k", "RS256")})),
              HasSubstr("its alg is not one of its kty"));
  EXPECT_THAT(refusal(jwks({p256().jwk("k", "ES512")})),
              HasSubstr("its alg is not one of its kty"));
  EXPECT_THAT(refusal(jwks(std::vector<Json>(101, p256().jwk("")))), HasSubstr("more than 100"));
}

}  // namespace
}  // namespace mesh::auth
