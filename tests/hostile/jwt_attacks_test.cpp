// Every forged token at every route of a real meshd: refused, and nothing told.
#include <gtest/gtest.h>

#include <fstream>

#include "common/base/strings.h"
#include "tests/hostile/oracle.h"
#include "tests/hostile/tokens.h"
#include "tests/hostile/world.h"
#include "tests/support/raw_client.h"

namespace mesh::hostile {
namespace {

constexpr const char* kBody =
    R"({"email":"n@x.dev","name":"N","user_id":"1","event_type":"e","molecule_id":"m","researcher":"r","data":{}})";

std::string target_of(const DescribedRoute& route) {
  std::string path;
  for (std::size_t i = 0; i < route.pattern.size(); ++i) {
    if (route.pattern[i] == '{') {
      path += "1";
      i = route.pattern.find('}', i);
    } else {
      path += route.pattern[i];
    }
  }
  return path;
}

std::string request(const DescribedRoute& route, const std::string& token,
                    const std::string& headers = "", const std::string& query = "") {
  std::string text = route.method + " " + target_of(route) + query +
                     " HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer " + token + "\r\n" + headers;
  if (route.body)
    text += "Content-Type: application/json\r\nContent-Length: " +
            std::to_string(std::string(kBody).size()) + "\r\n";
  return text + "\r\n" + (route.body ? kBody : "");
}

const std::string kRefused = "the credential is not valid";

class JwtAttacks : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    world_ = std::make_unique<World>();
    ASSERT_TRUE(world_->start()) << world_->daemon.errors();
    world_->plant();
  }
  static void TearDownTestSuite() { world_.reset(); }

  // Sends all to one listener, pipelined; `expected` of each.
  struct Attack {
    std::string name, bytes;
    bool is_signed = false;
  };
  static void expect_all(const std::string& role, const std::vector<Attack>& attacks,
                         int expected) {
    for (std::size_t at = 0; at < attacks.size();) {
      test::RawClient wire(world_->daemon.address(role));
      const auto end = std::min(at + 50, attacks.size());
      std::string bytes;
      for (auto i = at; i < end; ++i) bytes += attacks[i].bytes;
      const auto received = wire.exchange(bytes, std::vector<bool>(end - at));
      ASSERT_FALSE(received.answers.empty()) << attacks[at].name << received.malformed;
      EXPECT_EQ(find_secret(received.bytes), "");
      for (std::size_t i = 0; i < received.answers.size(); ++i) {
        const auto& answer = received.answers[i];
        EXPECT_EQ(answer.status, expected) << attacks[at + i].name << "\n" << answer.body;
        EXPECT_EQ(offence_of({role, "", true, false, false, ""}, answer), "")
            << attacks[at + i].name;
        const Json problem = Json::parse(answer.body, nullptr, false);
        if (expected == 401) {
          // More is said of claims alone, and so to nobody without a signed token.
          const auto detail = problem.value("detail", "");
          EXPECT_TRUE(detail == kRefused ||
                      (attacks[at + i].is_signed && detail.starts_with(kRefused + ": ")))
              << attacks[at + i].name << ": " << detail;
        }
      }
      at += received.answers.size();
    }
  }

  static std::unique_ptr<World> world_;
};
std::unique_ptr<World> JwtAttacks::world_;

TEST_F(JwtAttacks, EveryForgedTokenIsRefusedAtEveryRoute) {
  const auto forgeries = TrustedIssuer::get().forgeries(kVictim);
  ASSERT_GT(forgeries.size(), 120u);
  for (const auto& route : described_routes(world_->daemon)) {
    if (route.credential.empty()) continue;
    std::vector<Attack> attacks;
    for (const auto& forgery : forgeries) {
      attacks.push_back({route.method + " " + route.pattern + ": " + forgery.attack,
                         request(route, forgery.token), forgery.is_signed});
    }
    expect_all(route.role, attacks, 401);
  }
}

TEST_F(JwtAttacks, TheGoodTokenThatTheForgeriesAreMadeOfIsTaken) {
  EXPECT_EQ(world_->as_victim("users", "GET", "/users").status, 200);
  EXPECT_EQ(
      world_->daemon.call("users", "GET", "/users", TrustedIssuer::get().token(kAttacker)).status,
      200);
}

TEST_F(JwtAttacks, AGoodTokenOpensOnlyItsOwnTenantWhateverTheRequestNames) {
  for (const auto& route : described_routes(world_->daemon)) {
    if (route.credential != "tenant") continue;
    const std::string name = route.method + " " + route.pattern;
    const auto& token = world_->attacker_token();
    expect_all(
        route.role,
        {{name + " by header", request(route, token, "X-Tenant-Id: acme\r\n")},
         {name + " by parameter", request(route, token, "", "?tenant_id=acme")},
         {name + " by both", request(route, token, "X-Tenant-Id: evil\r\n", "?tenant_id=acme")},
         {name + " by nobody's id", request(route, token, "X-Tenant-Id: nobody\r\n")}},
        403);
  }
}

TEST_F(JwtAttacks, ATenantsTokenOpensNoOperatorsRoute) {
  for (const auto& route : described_routes(world_->daemon)) {
    if (route.credential != "operator") continue;
    expect_all(route.role,
               {{route.method + " " + route.pattern, request(route, world_->attacker_token())},
                {route.pattern + " of the victim", request(route, world_->victim_token())}},
               403);
  }
}

TEST(JwtAttacksWithoutASecret, NoHmacIsTakenWherePublicKeysAloneAreTrusted) {
  test::TempDir dir;
  e2e::Daemon daemon(dir.file("data"), TrustedIssuer::get().config(dir.path(), false));
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  EXPECT_EQ(daemon.call("users", "GET", "/users", TrustedIssuer::get().token("acme")).status, 200);
  for (const auto& forgery : TrustedIssuer::get().forgeries("acme")) {
    EXPECT_EQ(daemon.call("users", "GET", "/users", forgery.token).status, 401) << forgery.attack;
  }
}

TEST(JwtAttacksOnTheKeys, WeakKeysStopTheStart) {
  const auto refused = [](const std::string& jwks, const std::string& secret) {
    test::TempDir dir;
    std::ofstream(dir.file("jwks.json")) << jwks;
    std::ofstream(dir.file("secret")) << secret;
    std::string text =
        "auth:\n  mode: jwt\n  anonymous_tenant: null\n  jwt:\n    issuer: i\n    audience: a\n";
    if (!jwks.empty()) text += "    jwks_file: " + dir.file("jwks.json") + "\n";
    if (!secret.empty()) text += "    hs256_secret_file: " + dir.file("secret") + "\n";
    e2e::Daemon daemon(dir.file("data"), text);
    return daemon.start() ? std::string("started") : daemon.errors();
  };
  using auth::test::Issuer;
  EXPECT_NE(refused(auth::test::jwks({Issuer::rsa(1024).jwk("weak")}), "").find("2048"),
            std::string::npos);
  EXPECT_NE(refused("", std::string(31, 's')).find("32"), std::string::npos);
  EXPECT_NE(refused(R"({"keys":[{"kty":"oct","k":"AAAA"}]})", "").find("symmetric"),
            std::string::npos);
}

}  // namespace
}  // namespace mesh::hostile
