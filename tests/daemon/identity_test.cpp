#include "daemon/identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "common/telemetry/recent_log.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temp_dir.h"

namespace mesh {
namespace {

using testing::HasSubstr;

// What the audit log says of a change at `path`; empty: nothing.
std::string audit_line(const std::string& path) {
  for (const auto& line : log::recent()) {
    if (line.find("audit: the operator changes") != line.npos && line.find(path) != line.npos) {
      return line;
    }
  }
  return {};
}

// A health check that asks every half a minute is nothing that an auditor looks for.
TEST(IdentityTest, OnlyWhatChangesSomethingIsAudited) {
  test::TempDir dir;
  ManualClock clock;
  config::Config config;
  config.data_dir = dir.path();
  const auto identity = Identity::open(config, clock);
  ASSERT_TRUE(identity) << identity.error().to_string();
  std::string token;
  std::ifstream(dir.file("operator.token")) >> token;
  http::Request request;
  request.headers = {{"Authorization", "Bearer " + token}};
  request.method = "POST";
  bool unaudited = false;
  const auto audited = [&](const std::string& path, bool read_only) {
    request.path = path;
    http::Route route;
    route.access = http::Access::operator_;
    route.read_only = read_only;
    route.unaudited = unaudited;
    EXPECT_TRUE((*identity)->authenticate(request, route));
    return !audit_line(path).empty();
  };
  EXPECT_TRUE(audited("/a", false));
  EXPECT_FALSE(audited("/b", true));
  unaudited = true;
  EXPECT_FALSE(audited("/c", false));
}

// Beside a client certificate it opens no more than a token would.
TEST(IdentityTest, ASessionOfTheConsoleIsAnOperatorOnRoutesForOperatorsAlone) {
  test::TempDir dir;
  ManualClock clock;
  config::Config config;
  config.data_dir = dir.path();
  const auto identity = Identity::open(config, clock).value();
  http::Request request;
  request.method = "GET";
  const auto asks = [&](http::Access access, std::optional<console::Session> session) {
    http::Route route;
    route.method = request.method;
    route.access = access;
    return identity->authenticate(request, route, session);
  };
  const console::Session session{"jane", {true, true}, {}};
  const auto principal = asks(http::Access::operator_, session);
  ASSERT_TRUE(principal) << principal.error().to_string();
  EXPECT_EQ(principal->kind, Principal::Kind::operator_);
  EXPECT_EQ(principal->user, "jane") << "who began it";
  EXPECT_TRUE(principal->by_session);
  EXPECT_TRUE(principal->hides_payloads);
  EXPECT_FALSE(asks(http::Access::operator_, {}));
  EXPECT_FALSE(asks(http::Access::tenant, session));
  request.method = "POST";
  request.headers = {{"Mesh-Console", "1"}};
  EXPECT_EQ(asks(http::Access::operator_, session).error().kind, ErrorKind::forbidden);
  EXPECT_TRUE(asks(http::Access::operator_, console::Session{}));
  request.headers = {{"Authorization", "Bearer acme:me"}};
  EXPECT_FALSE(asks(http::Access::operator_, session)) << "a token counts, and this one is none";
}

// The audit log said `console` of all that sessions did, whoever had begun them.
TEST(IdentityTest, TheAuditNamesTheOperatorAndSaysWhetherItWasByTheConsole) {
  test::TempDir dir;
  ManualClock clock;
  config::Config config;
  config.data_dir = dir.path();
  const auto identity = Identity::open(config, clock).value();
  std::string token;
  std::ifstream(dir.file("operator.token")) >> token;
  EXPECT_EQ(identity->operator_of(token), "operator");
  EXPECT_EQ(identity->operator_of("acme:me"), std::nullopt);
  http::Route route;
  route.access = http::Access::operator_;
  http::Request request;
  request.method = "POST";
  request.path = "/by-console";
  request.headers = {{"Mesh-Console", "1"}};
  ASSERT_TRUE(identity->authenticate(request, route, console::Session{"jane", {}, {}}));
  EXPECT_THAT(audit_line("/by-console"), HasSubstr(R"("user":"jane","via":"console")"));
  request.path = "/by-token";
  request.headers = {{"Authorization", "Bearer " + token}};
  ASSERT_TRUE(identity->authenticate(request, route, console::Session{"jane", {}, {}}));
  EXPECT_THAT(audit_line("/by-token"), HasSubstr(R"("user":"operator","via":"api")"));
}

}  // namespace
}  // namespace mesh
