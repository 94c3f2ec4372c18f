#include "common/auth/jwt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/hmac.h"
#include "common/base/json.h"
#include "common/base/strings.h"
#include "tests/common/auth/mint.h"
#include "tests/support/manual_clock.h"

namespace mesh::auth {
namespace {

using test::hmac_token;
using test::Issuer;
using test::jwks;
using test::signing_input;
using testing::HasSubstr;
using namespace std::chrono_literals;

const std::string kSecret(32, 'k');

// RSA keys take a while to make: one for all tests.
const Issuer& rsa() {
  static const Issuer issuer = Issuer::rsa();
  return issuer;
}
const Issuer& token_key() {
  static const Issuer issuer = Issuer::ec("P-256");
  return issuer;
}

class Jwt : public testing::Test {
 protected:
  Jwt() {
    options_.issuer = "https://issuer.test";
    options_.audience = "mesh";
    options_.jwks = jwks({rsa().jwk("rsa-1"), token_key().jwk("ec-1")});
    options_.hs256_secret = kSecret;
  }

  std::int64_t now() const {
    return std::chrono::floor<std::chrono::seconds>(clock_.now()).time_since_epoch().count();
  }
  Json claims() const {
    return {{"iss", options_.issuer},
            {"aud", "mesh"},
            {"exp", now() + 300},
            {"sub", "alice"},
            {"tenant_id", "acme"}};
  }
  Json with(const std::string& name, const Json& value) const {
    Json out = claims();
    out[name] = value;
    return out;
  }
  Json without(const std::string& name) const {
    Json out = claims();
    out.erase(name);
    return out;
  }

  static Result<TokenSubject> verify(const JwtVerifier& verifier, const std::string& token) {
    const auto opened = MESH_TRY(verifier.open(token));
    return verifier.subject(opened);
  }
  // Why the token is refused; "accepted" where it is not.
  std::string outcome(const std::string& token) const {
    auto verifier = JwtVerifier::create(options_, clock_);
    if (!verifier) return "options: " + verifier.error().message;
    const auto subject = verify(*verifier, token);
    if (subject) return "accepted";
    EXPECT_EQ(subject.error().kind, ErrorKind::unauthenticated);
    return subject.error().message;
  }
  std::string outcome_of(const Json& the_claims) const {
    return outcome(rsa().token({{"alg", "RS256"}, {"kid", "rsa-1"}}, the_claims));
  }
  // Claims as text, for what a JSON value cannot say.
  std::string outcome_of_text(const std::string& the_claims) const {
    return outcome(hmac_token(kSecret, R"({"alg":"HS256"})", the_claims));
  }
  // A well-signed token with this header.
  std::string outcome_of_header(const Json& header) const {
    return outcome(rsa().token(header, claims()));
  }

  ManualClock clock_;
  JwtOptions options_;
};

TEST_F(Jwt, AGoodTokenNamesTenantAndUser) {
  const auto verifier = JwtVerifier::create(options_, clock_);
  ASSERT_TRUE(verifier.has_value()) << verifier.error().message;
  const auto subject =
      verify(*verifier, rsa().token({{"alg", "RS256"}, {"kid", "rsa-1"}}, claims()));
  ASSERT_TRUE(subject.has_value()) << subject.error().message;
  EXPECT_EQ(subject->tenant.str(), "acme");
  EXPECT_EQ(subject->user, "alice");
}

TEST_F(Jwt, EveryAllowedAlgorithmWorks) {
  for (const std::string alg : {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}) {
    EXPECT_EQ(outcome_of_header({{"alg", alg}, {"kid", "rsa-1"}, {"typ", "JWT"}}), "accepted")
        << alg;
  }
  const std::pair<std::string, const char*> curves[] = {
      {"ES256", "P-256"}, {"ES384", "P-384"}, {"ES512", "P-521"}};
  for (const auto& [alg, curve] : curves) {
    const auto issuer = Issuer::ec(curve);
    options_.jwks = jwks({issuer.jwk("k", alg)});
    for (int i = 0; i < 8; ++i) {  // r and s of all lengths
      EXPECT_EQ(outcome(issuer.token({{"alg", alg}, {"kid", "k"}}, with("n", i))), "accepted")
          << alg;
    }
  }
  EXPECT_EQ(outcome(hmac_token(kSecret, R"({"alg":"HS256","typ":"JWT"})", claims().dump())),
            "accepted");
  const auto ed25519 = Issuer::ed25519();
  for (const std::string bound : {"", "EdDSA", "Ed25519"}) {
    options_.jwks = jwks({rsa().jwk("k0"), ed25519.jwk("k", bound)});
    for (const std::string alg : {"EdDSA", "Ed25519"}) {
      EXPECT_EQ(outcome(ed25519.token({{"alg", alg}, {"kid", "k"}}, claims())), "accepted") << alg;
      EXPECT_EQ(outcome(ed25519.token({{"alg", alg}}, claims())), "accepted") << alg;
    }
  }
}

TEST_F(Jwt, EdDsaIsBoundToItsKeysAndExact) {
  const auto ed25519 = Issuer::ed25519();
  options_.jwks = jwks({rsa().jwk("rsa-1"), token_key().jwk("ec-1"), ed25519.jwk("ed-1")});
  const auto input = signing_input(R"({"alg":"EdDSA","kid":"ed-1"})", claims().dump());
  const auto with_signature = [&](const std::string& raw) {
    return outcome(input + "." + base64url_encode(raw));
  };
  const auto good = ed25519.sign("EdDSA", input);
  ASSERT_EQ(with_signature(good), "accepted");
  for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
    auto wrong = good;
    wrong[bit / 8] = static_cast<char>(wrong[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_EQ(with_signature(wrong), "the signature is wrong") << bit;
  }
  // S + L is the same number modulo the order L, and not in its range (RFC 8032, 5.1.7).
  const auto order = base64url_decode("7dP1XBpjEljWnPei3vneFAAAAAAAAAAAAAAAAAAAABA").value();
  auto beyond = good;
  int carry = 0;
  for (std::size_t i = 0; i < 32; ++i) {
    carry += static_cast<unsigned char>(good[32 + i]) + static_cast<unsigned char>(order[i]);
    beyond[32 + i] = static_cast<char>(carry & 0xff);
    carry >>= 8;
  }
  const std::string zero(32, '\0'), one = '\x01' + std::string(31, '\0');
  for (const std::string& wrong :
       {beyond, zero + zero, one + zero, good.substr(0, 63), good + '\0', good.substr(0, 32) + zero,
        zero + good.substr(32), good + good}) {
    EXPECT_EQ(with_signature(wrong), "the signature is wrong");
  }
  EXPECT_THAT(with_signature(""), HasSubstr("the signature is empty"));
  EXPECT_EQ(outcome(Issuer::ed25519().token({{"alg", "EdDSA"}, {"kid", "ed-1"}}, claims())),
            "the signature is wrong");

  for (const auto& [header, signer] : {std::pair{R"({"alg":"EdDSA","kid":"rsa-1"})", &ed25519},
                                       std::pair{R"({"alg":"EdDSA","kid":"ec-1"})", &ed25519},
                                       std::pair{R"({"alg":"ES256","kid":"ed-1"})", &token_key()},
                                       std::pair{R"({"alg":"RS256","kid":"ed-1"})", &rsa()}}) {
    const auto crossed = signing_input(header, claims().dump());
    const std::string alg = Json::parse(header)["alg"];
    EXPECT_EQ(outcome(crossed + "." + base64url_encode(signer->sign(alg, crossed))),
              "no key for its kid and alg")
        << header;
  }
  // The public key as an HMAC's secret.
  const auto x = ed25519.jwk("ed-1")["x"].get<std::string>();
  for (const auto& secret : {x, base64url_decode(x).value(), ed25519.public_pem()}) {
    EXPECT_NE(outcome(hmac_token(secret, R"({"alg":"HS256","kid":"ed-1"})", claims().dump())),
              "accepted");
    EXPECT_NE(outcome(hmac_token(secret, R"({"alg":"EdDSA","kid":"ed-1"})", claims().dump())),
              "accepted");
  }
}

TEST_F(Jwt, NoneAndUnknownAlgorithmsAreRefused) {
  for (const std::string alg :
       {"none", "None", "NONE", "nOnE", "", "rs256", "HS384", "HS512", "ES256K", "eddsa", "Ed448",
        "ED25519", "RSA-OAEP", "dir", "RS256 "}) {
    const Json header = {{"alg", alg}, {"kid", "rsa-1"}};
    const auto input = signing_input(header.dump(), claims().dump());
    EXPECT_EQ(outcome(input + "." + base64url_encode(rsa().sign("RS256", input))),
              "alg is missing or not allowed")
        << alg;
    EXPECT_NE(outcome(input + "."), "accepted") << alg;
  }
  for (const std::string header :
       {"{}", R"({"alg":null})", R"({"alg":["RS256"]})", R"({"alg":1})"}) {
    const auto input = signing_input(header, claims().dump());
    EXPECT_EQ(outcome(input + "." + base64url_encode(rsa().sign("RS256", input))),
              "alg is missing or not allowed")
        << header;
  }
}

TEST_F(Jwt, EmptyCutAndForeignSignaturesAreRefused) {
  const Json header = {{"alg", "RS256"}, {"kid", "rsa-1"}};
  const auto input = signing_input(header.dump(), claims().dump());
  const auto signature = rsa().sign("RS256", input);
  EXPECT_EQ(outcome(input + "." + base64url_encode(signature)), "accepted");
  EXPECT_THAT(outcome(input + "."), HasSubstr("the signature is empty"));
  for (const std::size_t length : {1u, 32u, 255u}) {
    EXPECT_EQ(outcome(input + "." + base64url_encode(signature.substr(0, length))),
              "the signature is wrong");
  }
  EXPECT_EQ(outcome(input + "." + base64url_encode(signature + '\0')), "the signature is wrong");
  const auto other = signing_input(header.dump(), with("tenant_id", "other").dump());
  EXPECT_EQ(outcome(other + "." + base64url_encode(signature)), "the signature is wrong");
  EXPECT_EQ(outcome(Issuer::rsa().token(header, claims())), "the signature is wrong");
}

TEST_F(Jwt, AnHmacWithThePublicKeyAsItsSecretIsRefused) {
  const auto pem = rsa().public_pem();
  const Json jwk = rsa().jwk("rsa-1");  // says no alg
  for (const bool has_secret : {true, false}) {
    if (!has_secret) options_.hs256_secret.clear();
    for (const std::string& secret :
         {pem, " " + pem, "\n" + pem, pem.substr(0, pem.size() - 1), jwk.dump(), options_.jwks,
          jwk["n"].get<std::string>(), base64url_decode(jwk["n"].get<std::string>()).value(),
          std::string()}) {
      for (const std::string header : {R"({"alg":"HS256"})", R"({"alg":"HS256","kid":"rsa-1"})",
                                       R"({"alg":"HS256","kid":"ec-1"})"}) {
        EXPECT_NE(outcome(hmac_token(secret, header, claims().dump())), "accepted");
      }
    }
  }
}

// The comparison looks at every byte (equal_constant_time); none of them may count for nothing.
TEST_F(Jwt, AnHmacIsWrongWhereverItDiffers) {
  const auto input = signing_input(R"({"alg":"HS256"})", claims().dump());
  const auto good = hmac_sha256(kSecret, input);
  ASSERT_EQ(outcome(input + "." + base64url_encode(good)), "accepted");
  for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
    auto wrong = good;
    wrong[bit / 8] = static_cast<char>(wrong[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_EQ(outcome(input + "." + base64url_encode(wrong)), "the signature is wrong") << bit;
  }
  for (const auto& wrong : {good.substr(0, 31), good.substr(1), good + '\0', good + good}) {
    EXPECT_EQ(outcome(input + "." + base64url_encode(wrong)), "the signature is wrong");
  }
}

TEST_F(Jwt, ATokenThatNamesNoKeyCostsFewVerifications) {
  std::vector<Json> keys;
  for (int i = 0; i < 5; ++i) keys.push_back(Issuer::ec("P-256").jwk("other-" + std::to_string(i)));
  keys.push_back(token_key().jwk("last"));
  options_.jwks = jwks(keys);
  EXPECT_EQ(outcome(token_key().token({{"alg", "ES256"}}, claims())), "the signature is wrong")
      << "not all are tried";
  EXPECT_EQ(outcome(token_key().token({{"alg", "ES256"}, {"kid", "last"}}, claims())), "accepted");
}

TEST_F(Jwt, TheAlgorithmIsBoundToTheKey) {
  const auto es_input = signing_input(R"({"alg":"ES256","kid":"rsa-1"})", claims().dump());
  EXPECT_EQ(outcome(es_input + "." + base64url_encode(rsa().sign("RS256", es_input))),
            "no key for its kid and alg");
  const auto rs_input = signing_input(R"({"alg":"RS256","kid":"ec-1"})", claims().dump());
  EXPECT_EQ(outcome(rs_input + "." + base64url_encode(token_key().sign("ES256", rs_input))),
            "no key for its kid and alg");
  const auto es384 = signing_input(R"({"alg":"ES384","kid":"ec-1"})", claims().dump());
  EXPECT_EQ(outcome(es384 + "." + base64url_encode(token_key().sign("ES384", es384))),
            "no key for its kid and alg");

  options_.jwks = jwks({rsa().jwk("rsa-1", "PS256")});
  EXPECT_EQ(outcome_of_header({{"alg", "RS256"}, {"kid", "rsa-1"}}), "no key for its kid and alg");
  EXPECT_EQ(outcome_of_header({{"alg", "PS256"}, {"kid", "rsa-1"}}), "accepted");
}

TEST_F(Jwt, APkcs1SignatureIsNoPssSignature) {
  const auto input = signing_input(R"({"alg":"PS256"})", claims().dump());
  EXPECT_EQ(outcome(input + "." + base64url_encode(rsa().sign("RS256", input))),
            "the signature is wrong");
}

TEST_F(Jwt, EcdsaSignaturesMustBeRawAndWithinTheOrder) {
  const auto input = signing_input(R"({"alg":"ES256","kid":"ec-1"})", claims().dump());
  const auto with_signature = [&](const std::string& raw) {
    return outcome(input + "." + base64url_encode(raw));
  };
  const auto good = token_key().sign("ES256", input);
  EXPECT_EQ(with_signature(good), "accepted");
  const std::string zero(32, '\0'), one = std::string(31, '\0') + '\x01', all(32, '\xff');
  for (const std::string& raw :
       {zero + zero, zero + one, one + zero, one + one, all + all, zero + good.substr(32),
        good.substr(0, 32) + zero, good.substr(0, 63), good + '\0', '\0' + good,
        token_key().sign_der("ES256", input)}) {
    EXPECT_EQ(with_signature(raw), "the signature is wrong");
  }
}

TEST_F(Jwt, KeysInsideOfTokensAreNeverUsed) {
  const auto attacker = Issuer::rsa();
  const Json embedded = {{"alg", "RS256"}, {"jwk", attacker.jwk("rsa-1")}};
  EXPECT_EQ(outcome(attacker.token(embedded, claims())), "the header has jwk");
  for (const std::string name : {"jku", "x5u", "x5c"}) {
    const Json header = {{"alg", "RS256"}, {name, "https://evil.test/keys"}};
    EXPECT_EQ(outcome(attacker.token(header, claims())), "the header has " + name);
    EXPECT_EQ(outcome(rsa().token(header, claims())), "the header has " + name);
  }
}

TEST_F(Jwt, CriticalAndUnencodedExtensionsAreRefused) {
  EXPECT_EQ(outcome_of_header({{"alg", "RS256"}, {"crit", {"exp"}}, {"exp", 1}}),
            "the header has crit");
  EXPECT_EQ(outcome_of_header({{"alg", "RS256"}, {"crit", Json::array()}}), "the header has crit");
  EXPECT_EQ(outcome_of_header({{"alg", "RS256"}, {"b64", false}}), "the header has b64");
  EXPECT_EQ(outcome_of_header({{"alg", "RS256"}, {"zip", "DEF"}}), "the header has zip");
}

TEST_F(Jwt, AKeyIdOnlyEverNamesAKey) {
  for (const std::string& kid :
       {std::string("../../dev/null"), std::string("' OR 1=1 --"), std::string("rsa-2"),
        std::string("RSA-1"), std::string("rsa-1 ")}) {
    EXPECT_EQ(outcome_of_header({{"alg", "RS256"}, {"kid", kid}}), "no key for its kid and alg")
        << kid;
  }
  for (const Json& kid : {Json(std::string("rsa-1\0x", 7)), Json(std::string(257, 'k')), Json(""),
                          Json(1), Json(nullptr), Json::array({"rsa-1"})}) {
    EXPECT_EQ(outcome_of_header({{"alg", "RS256"}, {"kid", kid}}), "kid is not a short text");
  }
}

TEST_F(Jwt, WithoutAKeyIdTheFittingKeysAreTried) {
  EXPECT_EQ(outcome_of_header({{"alg", "RS256"}}), "accepted");
  options_.jwks = jwks({token_key().jwk(""), rsa().jwk("")});
  EXPECT_EQ(outcome_of_header({{"alg", "RS256"}, {"kid", "anything"}}), "accepted");
}

TEST_F(Jwt, AnIssuersKeyIsOfNoUseToAnother) {
  EXPECT_EQ(outcome_of(with("iss", "https://other.test")), "iss is not the issuer");
  EXPECT_EQ(outcome(token_key().token({{"alg", "ES256"}, {"kid", "rsa-1"}}, claims())),
            "no key for its kid and alg");
}

TEST_F(Jwt, OnlyTheCompactSignedFormIsRead) {
  const auto good = rsa().token({{"alg", "RS256"}}, claims());
  const auto parts = split(good, '.');
  for (const std::string& bad :
       {std::string(), std::string("."), std::string(".."), std::string("..."), std::string("abc"),
        parts[0] + "." + parts[1], good + ".", good + ".x.y", "." + good,
        Json{{"protected", parts[0]}, {"payload", parts[1]}, {"signature", parts[2]}}.dump(),
        Json{{"payload", parts[1]},
             {"signatures", {{{"protected", parts[0]}, {"signature", parts[2]}}}}}
            .dump(),
        base64url_encode(R"({"alg":"dir","enc":"A256GCM"})") + "..AAAA.AAAA.AAAA"}) {
    EXPECT_NE(outcome(bad), "accepted") << bad;
  }
  EXPECT_THAT(outcome(base64url_encode(R"({"alg":"RS256","enc":"A256GCM"})") + ".AAAA.AAAA"),
              HasSubstr("the header has enc"));
}

TEST_F(Jwt, Base64urlMustBeExact) {
  const auto good = rsa().token({{"alg", "RS256"}}, claims());
  const auto parts = split(good, '.');
  for (const char* junk : {"=", "==", " ", "\n", "\t", "\r\n", "+", "/", "!", "%3D"}) {
    for (int part = 0; part < 3; ++part) {
      auto changed = parts;
      changed[static_cast<std::size_t>(part)] += junk;
      EXPECT_NE(outcome(changed[0] + "." + changed[1] + "." + changed[2]), "accepted") << junk;
    }
  }
  // The last character of 256 bytes holds four bits that must be zero.
  auto loose = good;
  loose.back() = static_cast<char>(loose.back() + 1);
  EXPECT_NE(outcome(loose), "accepted");
}

TEST_F(Jwt, DuplicateMembersDepthAndSizeAreRefused) {
  const auto body = claims().dump();
  EXPECT_EQ(outcome_of_text(body), "accepted");
  EXPECT_THAT(outcome_of_text(R"({"tenant_id":"other",)" + body.substr(1)), HasSubstr("claims: "));
  EXPECT_THAT(outcome(hmac_token(kSecret, R"({"alg":"HS256","alg":"HS256"})", body)),
              HasSubstr("header: "));
  std::string deep = body.substr(0, body.size() - 1) + ",\"x\":";
  deep += std::string(1000, '[') + std::string(1000, ']') + "}";
  EXPECT_THAT(outcome_of_text(deep), HasSubstr("claims: "));
  EXPECT_EQ(outcome_of(with("x", std::string(8192, 'x'))), "longer than 8 KiB");
  EXPECT_THAT(outcome_of_text("[]"), HasSubstr("claims is not a JSON object"));
  EXPECT_THAT(outcome_of_text("{\"sub\":\"\xff\"}"), HasSubstr("claims: "));
  EXPECT_THAT(outcome_of_text(body + "{}"), HasSubstr("claims: "));
}

TEST_F(Jwt, TheExpiryMustBeAReasonableNumber) {
  EXPECT_EQ(outcome_of(without("exp")), "no exp");
  for (const Json& value :
       {Json("2030-01-01"), Json(std::to_string(now() + 300)), Json(nullptr), Json(true),
        Json::array({now() + 300}), Json(-1), Json(-1e308), Json(1e308), Json(1e18),
        Json(UINT64_MAX), Json(INT64_MAX), Json(INT64_MIN)}) {
    EXPECT_EQ(outcome_of(with("exp", value)), "exp is not a time") << value;
  }
  const auto head =
      R"({"iss":"https://issuer.test","aud":"mesh","sub":"a","tenant_id":"acme","exp":)";
  for (const std::string text :
       {"NaN", "Infinity", "1e999", "0x7fffffff", "+1", "01", "99999999999999999999999"}) {
    EXPECT_NE(outcome_of_text(head + text + "}"), "accepted") << text;
  }
  EXPECT_EQ(outcome_of_text(head + std::to_string(now() + 9) + ".5}"), "accepted");
}

TEST_F(Jwt, AnExpiredTokenIsRefusedFromTheLeewaysEndOn) {
  options_.leeway = 60s;
  const auto token = rsa().token({{"alg", "RS256"}}, with("exp", now() + 10));
  clock_.advance(70s - 1ms);
  EXPECT_EQ(outcome(token), "accepted");
  clock_.advance(1ms);
  EXPECT_EQ(outcome(token), "expired");
  options_.leeway = 0s;
  EXPECT_EQ(outcome_of(with("exp", now())), "expired");
  EXPECT_EQ(outcome_of(with("exp", now() + 1)), "accepted");
}

TEST_F(Jwt, ATokenOfTheFutureIsAcceptedFromTheLeewaysBeginOn) {
  options_.leeway = 30s;
  for (const std::string name : {"nbf", "iat"}) {
    EXPECT_EQ(outcome_of(with(name, now() + 30)), "accepted");
    EXPECT_EQ(outcome_of(with(name, now() + 31)), name + " is in the future");
    EXPECT_EQ(outcome_of(with(name, static_cast<double>(now()) + 30.001)),
              name + " is in the future");
    EXPECT_EQ(outcome_of(with(name, 0)), "accepted");
    EXPECT_EQ(outcome_of(with(name, -1)), name + " is not a time");
    EXPECT_EQ(outcome_of(with(name, "0")), name + " is not a time");
    EXPECT_EQ(outcome_of(with(name, nullptr)), name + " is not a time");
  }
}

TEST_F(Jwt, TheLeewayHoldsAtBothEdgesWhateverItIs) {
  for (const auto leeway : {0s, 30s, 60s}) {
    options_.leeway = leeway;
    const auto edge = leeway.count();
    EXPECT_EQ(outcome_of(with("exp", now() - edge + 1)), "accepted") << edge;
    EXPECT_EQ(outcome_of(with("exp", now() - edge)), "expired") << edge;
    for (const std::string name : {"nbf", "iat"}) {
      EXPECT_EQ(outcome_of(with(name, now() + edge)), "accepted") << edge;
      EXPECT_EQ(outcome_of(with(name, now() + edge + 1)), name + " is in the future") << edge;
    }
  }
}

TEST_F(Jwt, IssuerAndAudienceAreRequiredExactly) {
  EXPECT_EQ(outcome_of(without("iss")), "iss is not the issuer");
  for (const Json& iss : {Json("https://issuer.test/"), Json("https://issuer.tes"), Json(""),
                          Json(nullptr), Json::array({"https://issuer.test"})}) {
    EXPECT_EQ(outcome_of(with("iss", iss)), "iss is not the issuer") << iss;
  }
  EXPECT_EQ(outcome_of(without("aud")), "no aud");
  EXPECT_EQ(outcome_of(with("aud", Json::array({"other", "mesh"}))), "accepted");
  for (const Json& aud : {Json("other"), Json("mesh2"), Json("Mesh"), Json(""), Json(nullptr),
                          Json(1), Json::array(), Json::array({"other"}), Json::array({"mesh", 1}),
                          Json::array({Json::array({"mesh"})}), Json{{"mesh", true}}}) {
    EXPECT_EQ(outcome_of(with("aud", aud)), "aud does not hold the audience") << aud;
  }
}

TEST_F(Jwt, OnlyAccessTokenTypesPass) {
  for (const std::string typ : {"JWT", "jwt", "at+jwt", "application/at+jwt"}) {
    EXPECT_EQ(outcome_of_header({{"alg", "RS256"}, {"typ", typ}}), "accepted") << typ;
  }
  for (const Json& typ : {Json("id+jwt"), Json("logout+jwt"), Json("secevent+jwt"), Json("JWE"),
                          Json("JOSE"), Json(""), Json(nullptr), Json(1)}) {
    EXPECT_THAT(outcome_of_header({{"alg", "RS256"}, {"typ", typ}}), HasSubstr("typ is not"))
        << typ;
  }
}

TEST_F(Jwt, TheTenantClaimMustBeATenantId) {
  EXPECT_EQ(outcome_of(without("tenant_id")), "no claim tenant_id");
  EXPECT_EQ(outcome_of(with("tenant_id", Json::array({"acme"}))), "no claim tenant_id");
  for (const std::string bad : {"", "ACME", "a/b", "../a", "-a", "a b", "*"}) {
    EXPECT_EQ(outcome_of(with("tenant_id", bad)), "the claim tenant_id is not a tenant id") << bad;
  }
  options_.tenant_claim = "https://mesh.test/tenant";
  EXPECT_EQ(outcome_of(claims()), "no claim https://mesh.test/tenant");
  EXPECT_EQ(outcome_of(with("https://mesh.test/tenant", "acme")), "accepted");
}

TEST_F(Jwt, AJsonPointerNamesANestedTenantClaim) {
  options_.tenant_claim = "/realm/tenant";
  EXPECT_EQ(outcome_of(with("realm", {{"tenant", "acme"}})), "accepted");
  const auto verifier = JwtVerifier::create(options_, clock_);
  EXPECT_EQ(verifier->subject(with("realm", {{"tenant", "other"}}))->tenant.str(), "other");
  for (const Json& realm : {Json(nullptr), Json("acme"), Json::array({"acme"}), Json::object(),
                            Json{{"tenant", 1}}, Json{{"tenant", {{"id", "acme"}}}}}) {
    EXPECT_EQ(outcome_of(with("realm", realm)), "no claim /realm/tenant") << realm;
  }
  EXPECT_EQ(outcome_of(with("/realm/tenant", "acme")), "no claim /realm/tenant");
  EXPECT_EQ(outcome_of(with("realm", {{"tenant", "A/B"}})),
            "the claim /realm/tenant is not a tenant id");
  options_.tenant_claim = "/https:~1~1mesh.test~1t~0x/0";
  EXPECT_EQ(outcome_of(with("https://mesh.test/t~x", Json::array({"acme"}))), "accepted");
  options_.tenant_claim = "/x/99999999999999999999999";
  EXPECT_EQ(outcome_of(with("x", Json::array({"acme"}))), "no claim " + options_.tenant_claim);
  for (const char* bad : {"/a~", "/a~2", "/~b"}) {
    options_.tenant_claim = bad;
    EXPECT_THAT(outcome_of(claims()), HasSubstr("no JSON pointer")) << bad;
  }
}

TEST_F(Jwt, TheSubjectMustBeAShortPrintableText) {
  for (const Json& sub :
       {Json(""), Json(nullptr), Json(7), Json(std::string(256, 'u')), Json("a\nb")}) {
    EXPECT_THAT(outcome_of(with("sub", sub)), HasSubstr("sub is missing"));
  }
  EXPECT_THAT(outcome_of(without("sub")), HasSubstr("sub is missing"));
}

TEST_F(Jwt, ClaimsOfABadlySignedTokenAreNotLookedAt) {
  const auto input = signing_input(R"({"alg":"RS256"})", "this is not JSON");
  EXPECT_EQ(outcome(input + "." + base64url_encode(std::string(256, 'x'))),
            "the signature is wrong");
}

TEST_F(Jwt, WeakOptionsStopTheStart) {
  const auto refused = [&](auto change) {
    JwtOptions options = options_;
    change(options);
    const auto made = JwtVerifier::create(options, clock_);
    if (made) return std::string("accepted");
    EXPECT_EQ(made.error().kind, ErrorKind::invalid);
    return made.error().message;
  };
  EXPECT_THAT(refused([](auto& o) { o.hs256_secret = std::string(31, 'k'); }),
              HasSubstr("32 bytes"));
  EXPECT_THAT(refused([](auto& o) { o.jwks = jwks({Issuer::rsa(1024).jwk("weak")}); }),
              HasSubstr("2048"));
  EXPECT_THAT(refused([](auto& o) { o.hs256_secret = o.jwks = ""; }), HasSubstr("neither"));
  EXPECT_THAT(refused([](auto& o) { o.issuer = ""; }), HasSubstr("issuer"));
  EXPECT_THAT(refused([](auto& o) { o.audience = ""; }), HasSubstr("audience"));
  EXPECT_THAT(refused([](auto& o) { o.leeway = 61s; }), HasSubstr("leeway"));
  EXPECT_THAT(refused([](auto& o) { o.leeway = -1s; }), HasSubstr("leeway"));
  EXPECT_EQ(refused([](auto& o) { o.leeway = 60s; }), "accepted");
}

}  // namespace
}  // namespace mesh::auth
