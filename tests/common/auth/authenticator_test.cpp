#include "common/auth/authenticator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/auth/remote_keys.h"
#include "common/base/json.h"
#include "tests/common/auth/mint.h"
#include "tests/support/manual_clock.h"

namespace mesh::auth {
namespace {

const std::string kHs256 = R"({"alg":"HS256","typ":"JWT"})";

using testing::HasSubstr;
using testing::Not;
using Kind = Principal::Kind;

const std::string kOperator = "0123456789abcdef0123456789abcdef";

class Authentication : public testing::Test {
 protected:
  Authentication() {
    options_.operator_token = kOperator;
    options_.anonymous_tenant = TenantId::parse("default").value();
  }

  void expect_jwts() {
    options_.dev = false;
    options_.anonymous_tenant.reset();
    options_.jwt.issuer = "i";
    options_.jwt.audience = "a";
    options_.jwt.hs256_secret = std::string(32, 'k');
  }

  Result<Principal> authenticate(const Credential& credential, Wanted wanted = Wanted::tenant) {
    auto made = MESH_TRY(Authenticator::create(options_, clock_));
    return made->authenticate(credential, wanted);
  }
  ErrorKind refusal(const Credential& credential, Wanted wanted = Wanted::tenant) {
    const auto principal = authenticate(credential, wanted);
    EXPECT_FALSE(principal.has_value());
    return principal ? ErrorKind::internal : principal.error().kind;
  }

  ManualClock clock_;
  Options options_;
};

TEST_F(Authentication, ADevTokenNamesTenantAndUser) {
  const auto principal = authenticate({"Bearer acme:alice@x.dev", {}, {}});
  ASSERT_TRUE(principal.has_value()) << principal.error().to_string();
  EXPECT_EQ(principal->kind, Kind::tenant_user);
  EXPECT_EQ(principal->tenant->str(), "acme");
  EXPECT_EQ(principal->user, "alice@x.dev");
}

TEST_F(Authentication, TheSchemeIsReadInAnyCase) {
  for (const std::string scheme : {"Bearer", "bearer", "BEARER", "bEaReR"}) {
    EXPECT_TRUE(authenticate({scheme + " acme:alice", {}, {}}).has_value()) << scheme;
  }
}

TEST_F(Authentication, AnythingButOneBearerTokenIsRefused) {
  for (const std::string header :
       {"", " ", "Bearer", "Bearer ", "Bearer  ", "acme:alice", "Basic YTpi", "Beareracme:alice",
        "Bearer\tacme:alice", "Bearer acme:alice bob", "Bearer acme:alice, Bearer acme:bob",
        "Bearer acme:alice,acme:bob", "Bearer Bearer acme:alice", "Digest acme:alice"}) {
    EXPECT_EQ(refusal({header, {}, {}}, Wanted::tenant_or_anonymous), ErrorKind::unauthenticated)
        << header;
  }
}

TEST_F(Authentication, TokensThatNobodyTrustedSignedReadTheSameToAClient) {
  expect_jwts();
  std::set<std::string> texts, causes;
  for (const std::string& token : {std::string("acme:alice"), std::string("a.b.c"),
                                   test::hmac_token(std::string(32, 'x'), kHs256, "{}")}) {
    const auto principal = authenticate({"Bearer " + token, {}, {}});
    ASSERT_FALSE(principal.has_value());
    EXPECT_EQ(principal.error().kind, ErrorKind::unauthenticated);
    texts.insert(principal.error().message);
    causes.insert(principal.error().cause);
  }
  EXPECT_EQ(texts.size(), 1u);
  EXPECT_EQ(causes.size(), 3u);
}

TEST_F(Authentication, WhoHoldsASignedTokenLearnsWhatIsWrongWithIt) {
  expect_jwts();
  const auto why = [&](const Json& claims) {
    const auto token = test::hmac_token(options_.jwt.hs256_secret, kHs256, claims.dump());
    const auto principal = authenticate({"Bearer " + token, {}, {}});
    if (principal) return std::string("accepted");
    EXPECT_EQ(principal.error().kind, ErrorKind::unauthenticated);
    return principal.error().message;
  };
  const auto expires = clock_.now().time_since_epoch().count() / 1000 + 60;
  Json claims = {{"iss", "i"}, {"aud", "a"}, {"exp", expires}, {"sub", "u"}, {"tenant_id", "t"}};
  EXPECT_EQ(why(claims), "accepted");
  EXPECT_EQ(why(Json::object()), "the credential is not valid: no exp");
  claims["aud"] = "another";
  EXPECT_EQ(why(claims), "the credential is not valid: aud does not hold the audience");
  claims["exp"] = expires - 120;
  EXPECT_EQ(why(claims), "the credential is not valid: expired");
}

TEST_F(Authentication, WithoutTheIssuersKeysATokenIsNeitherGoodNorBad) {
  RemoteKeys none(
      "", [] { return fail(ErrorKind::unavailable, "nobody answers"); }, clock_);
  expect_jwts();
  options_.jwt.hs256_secret.clear();
  options_.jwt.remote_keys = &none;
  const auto token = test::Issuer::ed25519().token({{"alg", "EdDSA"}}, Json::object());
  EXPECT_EQ(refusal({"Bearer " + token, {}, {}}), ErrorKind::unavailable);
  EXPECT_EQ(refusal({"Bearer x.y.z", {}, {}}), ErrorKind::unauthenticated);
  EXPECT_TRUE(authenticate({"Bearer " + kOperator, {}, {}}, Wanted::operator_).has_value());
}

TEST_F(Authentication, AJwtNamesTenantAndUser) {
  expect_jwts();
  const auto expires = clock_.now().time_since_epoch().count() / 1000 + 60;
  const Json claims = {
      {"iss", "i"}, {"aud", "a"}, {"exp", expires}, {"sub", "u"}, {"tenant_id", "acme"}};
  const auto token = test::hmac_token(options_.jwt.hs256_secret, kHs256, claims.dump());
  const auto principal = authenticate({"Bearer " + token, "acme", {}});
  ASSERT_TRUE(principal.has_value()) << principal.error().to_string();
  EXPECT_EQ(principal->tenant->str(), "acme");
  EXPECT_EQ(principal->user, "u");
  EXPECT_EQ(refusal({"Bearer " + token, "other", {}}), ErrorKind::forbidden);
  // Neither dev tokens nor anonymous calls work beside JWTs.
  EXPECT_EQ(refusal({"Bearer acme:alice", {}, {}}), ErrorKind::unauthenticated);
  EXPECT_EQ(refusal({{}, {}, {}}, Wanted::tenant_or_anonymous), ErrorKind::unauthenticated);
}

TEST_F(Authentication, ATenantsCredentialIsForThatTenantOnly) {
  const std::string own = "Bearer acme:alice";
  EXPECT_TRUE(authenticate({own, "acme", {}}).has_value());
  EXPECT_TRUE(authenticate({own, {}, "acme"}).has_value());
  EXPECT_TRUE(authenticate({own, "acme", "acme"}).has_value());
  for (const Credential& credential :
       {Credential{own, "other", {}}, Credential{own, {}, "other"},
        Credential{own, "acme", "other"}, Credential{own, "other", "acme"},
        Credential{own, "other", "third"}}) {
    const auto principal = authenticate(credential);
    ASSERT_FALSE(principal.has_value());
    EXPECT_EQ(principal.error().kind, ErrorKind::forbidden);
    EXPECT_EQ(principal.error().message, "the credential is for another tenant");
  }
}

TEST_F(Authentication, AMalformedTenantIsInvalidWhoeverAsks) {
  for (const std::string bad : {"", "ACME", "a b", "a/b", "-", "acme "}) {
    EXPECT_EQ(refusal({"Bearer acme:alice", bad, {}}), ErrorKind::invalid) << bad;
    EXPECT_EQ(refusal({"Bearer acme:alice", {}, bad}), ErrorKind::invalid) << bad;
    EXPECT_EQ(refusal({"Bearer " + kOperator, bad, {}}), ErrorKind::invalid) << bad;
    EXPECT_EQ(refusal({{}, bad, {}}, Wanted::tenant_or_anonymous), ErrorKind::invalid) << bad;
  }
}

TEST_F(Authentication, WithoutACredentialOnlyAnonymousRoutesWork) {
  EXPECT_EQ(refusal({{}, {}, {}}, Wanted::tenant), ErrorKind::unauthenticated);
  EXPECT_EQ(refusal({{}, {}, {}}, Wanted::operator_), ErrorKind::unauthenticated);
  EXPECT_EQ(refusal({{}, "acme", {}}, Wanted::tenant), ErrorKind::unauthenticated);
  const auto principal = authenticate({{}, {}, {}}, Wanted::tenant_or_anonymous);
  ASSERT_TRUE(principal.has_value());
  EXPECT_EQ(principal->kind, Kind::tenant_user);
  EXPECT_EQ(principal->tenant->str(), "default");
  EXPECT_EQ(principal->user, "anonymous");
  options_.anonymous_tenant.reset();
  EXPECT_EQ(refusal({{}, {}, {}}, Wanted::tenant_or_anonymous), ErrorKind::unauthenticated);
}

TEST_F(Authentication, AnAnonymousCallerNamesItsTenant) {
  EXPECT_EQ(authenticate({{}, "acme", {}}, Wanted::tenant_or_anonymous)->tenant->str(), "acme");
  EXPECT_EQ(authenticate({{}, {}, "acme"}, Wanted::tenant_or_anonymous)->tenant->str(), "acme");
  EXPECT_EQ(refusal({{}, "acme", "other"}, Wanted::tenant_or_anonymous), ErrorKind::invalid);
}

TEST_F(Authentication, ABadTokenIsNotAnonymous) {
  EXPECT_EQ(refusal({"Bearer nonsense", {}, {}}, Wanted::tenant_or_anonymous),
            ErrorKind::unauthenticated);
}

TEST_F(Authentication, TheOperatorsTokenOpensTheAdminApi) {
  const auto principal = authenticate({"Bearer " + kOperator, {}, {}}, Wanted::operator_);
  ASSERT_TRUE(principal.has_value());
  EXPECT_EQ(principal->kind, Kind::operator_);
  EXPECT_EQ(principal->tenant, std::nullopt);
  EXPECT_EQ(principal->user, "operator");
}

TEST_F(Authentication, OnlyTheWholeOperatorsTokenCounts) {
  auto other = kOperator;
  other.back() = 'e';
  for (const std::string& token : {kOperator.substr(1), kOperator + "0", other, std::string("x")}) {
    EXPECT_EQ(refusal({"Bearer " + token, {}, {}}, Wanted::operator_), ErrorKind::unauthenticated);
  }
}

TEST_F(Authentication, ATokenOfTheProcessItselfIsForItsTenantOnly) {
  const std::string token = "mesh-" + std::string(64, 'f');
  for (const bool dev : {true, false}) {
    if (!dev) expect_jwts();
    options_.own_tokens.clear();
    EXPECT_EQ(refusal({"Bearer " + token, {}, {}}), ErrorKind::unauthenticated);
    options_.own_tokens.emplace(token, *TenantId::parse("acme"));
    const auto principal = authenticate({"Bearer " + token, {}, {}});
    ASSERT_TRUE(principal.has_value());
    EXPECT_EQ(principal->kind, Kind::tenant_user);
    EXPECT_EQ(principal->tenant->str(), "acme");
    EXPECT_EQ(refusal({"Bearer " + token, "other", {}}), ErrorKind::forbidden);
    EXPECT_EQ(refusal({"Bearer " + token, {}, {}}, Wanted::operator_), ErrorKind::forbidden);
    EXPECT_EQ(refusal({"Bearer " + token + "f", {}, {}}), ErrorKind::unauthenticated);
  }
}

TEST_F(Authentication, ATenantsTokenDoesNotOpenTheAdminApi) {
  EXPECT_EQ(refusal({"Bearer acme:alice", {}, {}}, Wanted::operator_), ErrorKind::forbidden);
}

TEST_F(Authentication, TheOperatorActsForTheTenantItNames) {
  for (const Wanted wanted : {Wanted::tenant, Wanted::tenant_or_anonymous}) {
    for (const Credential& credential : {Credential{"Bearer " + kOperator, "acme", {}},
                                         Credential{"Bearer " + kOperator, {}, "acme"},
                                         Credential{"Bearer " + kOperator, "acme", "acme"}}) {
      const auto principal = authenticate(credential, wanted);
      ASSERT_TRUE(principal.has_value());
      EXPECT_EQ(principal->kind, Kind::operator_for_tenant);
      EXPECT_EQ(principal->tenant->str(), "acme");
      EXPECT_EQ(principal->user, "operator");
    }
    EXPECT_EQ(refusal({"Bearer " + kOperator, {}, {}}, wanted), ErrorKind::invalid);
    EXPECT_EQ(refusal({"Bearer " + kOperator, "acme", "other"}, wanted), ErrorKind::invalid);
  }
}

TEST_F(Authentication, NoClientTextHoldsACredential) {
  const auto principal = authenticate({"Bearer secret-token-of-somebody", {}, {}});
  ASSERT_FALSE(principal.has_value());
  EXPECT_THAT(principal.error().to_string(), Not(HasSubstr("somebody")));
}

TEST_F(Authentication, OptionsThatCannotWorkStopTheStart) {
  options_.operator_token = std::string(31, 'x');
  EXPECT_THAT(authenticate({}).error().message, HasSubstr("32 characters"));
  options_.operator_token = kOperator;
  options_.dev = false;
  EXPECT_THAT(authenticate({}).error().message, HasSubstr("dev tokens only"));
  options_.anonymous_tenant.reset();
  EXPECT_THAT(authenticate({}).error().message, HasSubstr("JWT: "));
  options_.jwt = {"i", "a", "tenant_id", std::chrono::seconds{30}, "{}", ""};
  EXPECT_THAT(authenticate({}).error().message, HasSubstr("JWKS: "));
}

TEST(DevToken, ItsPartsAreChecked) {
  const auto token = parse_dev_token("tenant-a:Bob_1.x@y-z");
  ASSERT_TRUE(token.has_value());
  EXPECT_EQ(token->tenant.str(), "tenant-a");
  EXPECT_EQ(token->user, "Bob_1.x@y-z");
  EXPECT_TRUE(parse_dev_token("a:" + std::string(128, 'u')).has_value());
  for (const std::string& bad :
       {std::string(), std::string(":"), std::string("acme"), std::string("acme:"),
        std::string(":alice"), std::string("a:b:c"), std::string("a::b"), std::string("Acme:alice"),
        std::string("acme:al ice"), std::string("acme:al/ice"), std::string("acme:\xC3\xA4"),
        std::string("acme:a\0b", 8), "a:" + std::string(129, 'u'), std::string(64, 'a') + ":u"}) {
    const auto refused = parse_dev_token(bad);
    ASSERT_FALSE(refused.has_value()) << bad;
    EXPECT_EQ(refused.error().kind, ErrorKind::invalid);
  }
}

}  // namespace
}  // namespace mesh::auth
