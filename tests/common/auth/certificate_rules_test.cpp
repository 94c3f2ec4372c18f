#include "common/auth/certificate_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/auth/authenticator.h"
#include "tests/support/manual_clock.h"

namespace mesh::auth {
namespace {

using testing::HasSubstr;
using PrincipalKind = Principal::Kind;

constexpr const char* kUser = "spiffe://mesh.test/{tenant}/{user}";
constexpr const char* kOperatorUser = "spiffe://mesh.test/operator";
const std::string kToken = "0123456789abcdef0123456789abcdef";

ClientCertificate with_uri(std::vector<std::string> uris) {
  return {std::move(uris), {"ignored"}, Timestamp::max()};
}
ClientCertificate with_name(std::vector<std::string> names) {
  return {{"spiffe://ignored"}, std::move(names), Timestamp::max()};
}

// "acme ada", "operator", "nobody", or why it is refused.
std::string holder(const CertificateOptions& options, const ClientCertificate& certificate) {
  const auto rules = CertificateRules::create(options);
  if (!rules) return "no rules: " + rules.error().message;
  const auto found = rules->holder(certificate, Timestamp{});
  if (!found) return found.error().message;
  if (!*found) return "nobody";
  return (*found)->kind == PrincipalKind::operator_
             ? "operator"
             : (*found)->tenant->str() + " " + (*found)->user;
}

TEST(CertificateRules, AUriNamesTenantAndUserByItsPlaces) {
  const CertificateOptions options{kUser, {}};
  EXPECT_EQ(holder(options, with_uri({"spiffe://mesh.test/acme/ada@x.dev"})), "acme ada@x.dev");
  EXPECT_EQ(holder({"spiffe://mesh.test/u/{user}/of/{tenant}", {}},
                   with_uri({"spiffe://mesh.test/u/ada/of/acme"})),
            "acme ada");
  EXPECT_EQ(holder({"CN={tenant}:{user}", {}}, with_name({"acme:ada"})), "acme ada");
  EXPECT_EQ(holder({"CN={user}/{tenant}", {}}, with_name({"ada/acme"})), "acme ada");
}

TEST(CertificateRules, WhatIsNotExactlyOfThatFormNamesNobody) {
  for (const char* uri :
       {"", "spiffe://mesh.test/acme/", "spiffe://mesh.test//ada", "spiffe://mesh.test/acme/ada/x",
        "spiffe://mesh.test/acme/ada?x", "spiffe://mesh.test/Acme/ada", "spiffe://mesh.test/-a/ada",
        "spiffe://mesh.test.evil/acme/ada", "xspiffe://mesh.test/acme/ada",
        "spiffe://mesh.test/acme/a%64a", "SPIFFE://mesh.test/acme/ada", "spiffe://mesh.test/a/b/c",
        "spiffe://mesh.test/acme/a b", "acme:ada"}) {
    EXPECT_EQ(holder({kUser, {}}, with_uri({uri})), "nobody") << uri;
  }
  EXPECT_EQ(holder({kUser, {}}, with_uri({"spiffe://mesh.test/acme/" + std::string(129, 'u')})),
            "nobody");
  EXPECT_EQ(holder({kUser, {}}, with_uri({"spiffe://mesh.test/" + std::string(64, 't') + "/u"})),
            "nobody");
  EXPECT_EQ(holder({kUser, {}}, with_name({"spiffe://mesh.test/acme/ada"})), "nobody")
      << "the subject says nothing where a URI is asked for";
  EXPECT_EQ(holder({"CN={tenant}:{user}", {}}, with_uri({"acme:ada"})), "nobody");
  EXPECT_EQ(holder({}, with_uri({"spiffe://mesh.test/acme/ada"})), "nobody");
}

TEST(CertificateRules, SeveralNamesAreRefusedAndNotChosenFrom) {
  const auto two = HasSubstr("more than one identity");
  EXPECT_THAT(holder({kUser, {}},
                     with_uri({"spiffe://mesh.test/acme/ada", "spiffe://mesh.test/globex/eve"})),
              two);
  EXPECT_THAT(holder({kUser, {}}, with_uri({"spiffe://other/x", "spiffe://mesh.test/acme/ada"})),
              two);
  EXPECT_THAT(holder({kUser, {}}, with_uri({"", "spiffe://mesh.test/acme/ada"})), two);
  EXPECT_THAT(holder({"CN={tenant}:{user}", {}}, with_name({"acme:ada", "acme:ada"})), two);
  const ClientCertificate both{{kOperatorUser}, {"acme:ada"}, Timestamp::max()};
  EXPECT_THAT(holder({"CN={tenant}:{user}", {kOperatorUser}}, both), two);
  EXPECT_EQ(holder({kUser, {}}, with_uri({"spiffe://other/x", "spiffe://other/y"})), "nobody");
}

TEST(CertificateRules, OperatorsAreNamedWhole) {
  const CertificateOptions options{kUser, {kOperatorUser, "CN=ops"}};
  EXPECT_EQ(holder(options, with_uri({kOperatorUser})), "operator");
  EXPECT_EQ(holder(options, with_name({"ops"})), "operator");
  EXPECT_EQ(holder(options, with_uri({std::string(kOperatorUser) + "s"})), "nobody");
  EXPECT_EQ(holder(options, with_uri({"spiffe://mesh.test/acme/operator"})), "acme operator");
  EXPECT_THAT(holder({"", {"spiffe://mesh.test/*"}}, {}), HasSubstr("no rules: \"spiffe"));
  EXPECT_THAT(holder({"", {"spiffe://mesh.test/{user}"}}, {}), HasSubstr("named whole"));
  EXPECT_THAT(holder({"", {"ops"}}, {}), HasSubstr("CN="));
  EXPECT_THAT(holder({"", {"CN="}}, {}), HasSubstr("no name"));
  EXPECT_THAT(holder({kUser, {"spiffe://mesh.test/acme/ada"}}, {}), HasSubstr("a tenant's user"));
}

TEST(CertificateRules, ARuleThatCouldBeReadInTwoWaysIsRefused) {
  for (const char* rule : {"CN={user}@{tenant}", "CN={tenant}-{user}", "CN={tenant}{user}",
                           "CN={tenant}:{user}x", "CN={user}.{tenant}"}) {
    EXPECT_THAT(holder({rule, {}}, {}), HasSubstr("two ways")) << rule;
  }
  for (const char* rule : {"CN={tenant}", "CN={user}", "CN={tenant}:{tenant}",
                           "CN={tenant}:{user}:{user}", "CN={tenant}:{user}{x}", "CN=a"}) {
    EXPECT_THAT(holder({rule, {}}, {}), HasSubstr("each once")) << rule;
  }
  EXPECT_THAT(holder({"{tenant}:{user}", {}}, {}), HasSubstr("neither a URI"));
}

class CertificateOfAClient : public testing::Test {
 protected:
  CertificateOfAClient() {
    options_.operator_token = kToken;
    options_.anonymous_tenant = TenantId::parse("default").value();
    options_.certificates = {kUser, {kOperatorUser}};
  }
  // "acme ada", "operator", "operator for acme", or the kind of the refusal.
  std::string who(const std::string& uri, const std::string& token, Wanted wanted = Wanted::tenant,
                  std::optional<std::string> tenant = {}) {
    Credential credential;
    if (!token.empty()) credential.authorization = "Bearer " + token;
    credential.tenant_header = std::move(tenant);
    if (!uri.empty()) {
      credential.certificate =
          std::make_shared<const ClientCertificate>(ClientCertificate{{uri}, {}, not_after_});
    }
    const auto made = Authenticator::create(options_, clock_);
    if (!made) return made.error().message;
    const auto principal = (*made)->authenticate(credential, wanted);
    if (!principal) return std::string(to_string(principal.error().kind));
    if (principal->kind == PrincipalKind::operator_) return "operator";
    const bool operates = principal->kind == PrincipalKind::operator_for_tenant;
    return (operates ? "operator for " : "") + principal->tenant->str() +
           (operates ? "" : " " + principal->user);
  }

  ManualClock clock_;
  Timestamp not_after_ = clock_.now() + std::chrono::hours(1);
  Options options_;
};

constexpr const char* kAda = "spiffe://mesh.test/acme/ada";

TEST_F(CertificateOfAClient, IsACredentialByItself) {
  EXPECT_EQ(who(kAda, ""), "acme ada");
  EXPECT_EQ(who(kAda, "", Wanted::tenant_or_anonymous), "acme ada") << "and not anonymous";
  EXPECT_EQ(who(kAda, "", Wanted::tenant, "acme"), "acme ada");
  EXPECT_EQ(who(kAda, "", Wanted::tenant, "globex"), "forbidden");
  EXPECT_EQ(who(kAda, "", Wanted::operator_), "forbidden");
  EXPECT_EQ(who(kOperatorUser, "", Wanted::operator_), "operator");
  EXPECT_EQ(who(kOperatorUser, "", Wanted::tenant, "globex"), "operator for globex");
  EXPECT_EQ(who(kOperatorUser, ""), "invalid") << "for which tenant?";
}

TEST_F(CertificateOfAClient, ThatNamesNobodyIsNone) {
  EXPECT_EQ(who("spiffe://other/x", ""), "unauthenticated");
  EXPECT_EQ(who("spiffe://other/x", "acme:bob"), "acme bob");
  EXPECT_EQ(who("spiffe://other/x", kToken, Wanted::operator_), "operator");
}

TEST_F(CertificateOfAClient, OfATenantKeepsATokenBesideItWithinTheTenant) {
  EXPECT_EQ(who(kAda, "acme:bob"), "acme bob");
  EXPECT_EQ(who(kAda, "globex:eve"), "forbidden");
  EXPECT_EQ(who(kAda, kToken, Wanted::operator_), "forbidden");
  EXPECT_EQ(who(kAda, kToken, Wanted::tenant, "acme"), "forbidden");
  EXPECT_EQ(who(kAda, "no token"), "unauthenticated") << "a bad one is not passed over";
}

TEST_F(CertificateOfAClient, OfAnOperatorLeavesATokenWhatItIs) {
  EXPECT_EQ(who(kOperatorUser, "acme:bob"), "acme bob");
  EXPECT_EQ(who(kOperatorUser, "acme:bob", Wanted::operator_), "forbidden");
  EXPECT_EQ(who(kOperatorUser, kToken, Wanted::operator_), "operator");
}

TEST_F(CertificateOfAClient, ThatExpiresWhileItsConnectionLivesIsRefused) {
  clock_.advance(std::chrono::hours(2));
  EXPECT_EQ(who(kAda, ""), "unauthenticated");
  EXPECT_EQ(who(kAda, "acme:bob"), "unauthenticated");
}

}  // namespace
}  // namespace mesh::auth
