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
      {{"kty", "OKP"}, {"crv", "Ed25519"}, {"x", "AAAA"}},
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

TEST(Jwks, SecretKeysDoNotBelongIntoAPublicSet) {
  EXPECT_THAT(refusal(jwks({{{"kty", "oct"}, {"k", "AAAA"}}})), HasSubstr("a symmetric key"));
  EXPECT_THAT(refusal(jwks({changed(p256().jwk("k"), "d", "AAAA")})), HasSubstr("a private key"));
}

TEST(Jwks, BrokenSetsAreRefused) {
  EXPECT_THAT(refusal("{"), HasSubstr("JWKS: "));
  EXPECT_THAT(refusal("[]"), HasSubstr("an array `keys`"));
  EXPECT_THAT(refusal(R"({"keys":{}})"), HasSubstr("an array `keys`"));
  EXPECT_THAT(refusal(R"({"keys":[]})"), HasSubstr("no RSA or EC key"));
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
