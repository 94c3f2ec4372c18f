// What HTTP promises over the real binaries: conditional requests, codings, hosts, origins,
// replays.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>

#include "common/base/strings.h"
#include "tests/common/http/encode.h"
#include "tests/e2e/daemon.h"
#include "tests/support/raw_client.h"
#include "tests/support/temp_dir.h"

namespace mesh::e2e {
namespace {

constexpr const char* kAlice = "acme:alice";

class HttpSemantics : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(daemon_.start()) << daemon_.errors(); }

  Answer users(const std::string& method, const std::string& target, const std::string& body = {},
               const http::HeaderList& headers = {}) {
    return daemon_.call("users", method, target, kAlice, body, headers);
  }
  Answer tenants(const std::string& method, const std::string& target, const std::string& body = {},
                 const http::HeaderList& headers = {}) {
    return daemon_.call("admin", method, "/admin/v1/tenants" + target, daemon_.operator_token(),
                        body, headers);
  }
  std::string metrics(const std::string& role, const std::string& token = {}) {
    return daemon_.call(role, "GET", "/metrics", token).body;
  }

  test::TempDir dir_;
  Daemon daemon_{dir_.file("data"), "http: {cors: {origins: ['https://app.example.com']}}\n"};
};

TEST_F(HttpSemantics, AUserIsChangedOnlyAtTheVersionThatWasRead) {
  const auto made = users("POST", "/users/create", R"({"email":"a@acme.dev","name":"A"})");
  ASSERT_EQ(made.status, 201);
  EXPECT_EQ(made.header("ETag"), "\"1\"");
  EXPECT_EQ(users("GET", "/users/1").header("ETag"), "\"1\"");
  const auto same = users("GET", "/users/1", "", {{"If-None-Match", "\"7\", W/\"1\""}});
  EXPECT_EQ(same.status, 304);
  EXPECT_EQ(same.header("ETag"), "\"1\"");
  EXPECT_EQ(same.body, "");
  EXPECT_EQ(users("GET", "/users/1", "", {{"If-None-Match", "\"2\""}}).status, 200);

  const auto changed = users("PATCH", "/users/1", R"({"name":"B"})", {{"If-Match", "\"1\""}});
  EXPECT_EQ(changed.status, 200);
  EXPECT_EQ(changed.header("ETag"), "\"2\"");
  for (const char* stale : {"\"1\"", "W/\"2\"", "2", "\"other\""}) {
    const auto refused = users("PATCH", "/users/1", R"({"name":"C"})", {{"If-Match", stale}});
    EXPECT_EQ(refused.status, 412) << stale;
    EXPECT_EQ(refused.header("Content-Type"), "application/problem+json");
    EXPECT_EQ(users("DELETE", "/users/1", "", {{"If-Match", stale}}).status, 412) << stale;
  }
  EXPECT_EQ(users("GET", "/users/1").json()["name"], "B");
  EXPECT_EQ(users("PATCH", "/users/1", R"({"name":"D"})", {{"If-Match", "*"}}).status, 200);
  EXPECT_EQ(users("DELETE", "/users/1", "", {{"If-Match", "\"1\", \"3\""}}).status, 204);
  EXPECT_EQ(users("DELETE", "/users/1", "", {{"If-Match", "*"}}).status, 404);
}

TEST_F(HttpSemantics, AnEmailThatIsTakenIsAConflictAlsoWithIfMatch) {
  users("POST", "/users/create", R"({"email":"a@acme.dev","name":"A"})");
  users("POST", "/users/create", R"({"email":"b@acme.dev","name":"B"})");
  EXPECT_EQ(users("PATCH", "/users/2", R"({"email":"a@acme.dev"})", {{"If-Match", "\"1\""}}).status,
            409);
}

TEST_F(HttpSemantics, ATenantIsChangedOnlyAtTheVersionThatWasRead) {
  EXPECT_EQ(tenants("POST", "", R"({"id":"acme"})").header("ETag"), "\"1\"");
  EXPECT_EQ(tenants("GET", "/acme", "", {{"If-None-Match", "\"1\""}}).status, 304);
  const auto changed = tenants("PATCH", "/acme", R"({"name":"Acme"})", {{"If-Match", "\"1\""}});
  EXPECT_EQ(changed.status, 200);
  EXPECT_EQ(changed.header("ETag"), "\"2\"");
  EXPECT_EQ(tenants("PATCH", "/acme", R"({"name":"X"})", {{"If-Match", "\"1\""}}).status, 412);
  EXPECT_EQ(tenants("DELETE", "/acme", "", {{"If-Match", "\"1\""}}).status, 412);
  EXPECT_EQ(tenants("GET", "/acme").json()["name"], "Acme");
  EXPECT_EQ(tenants("DELETE", "/acme", "", {{"If-Match", "\"2\""}}).status, 204);
}

TEST_F(HttpSemantics, ARepeatedCreateIsAnsweredWithItsHeadersAlsoAfterARestart) {
  const http::HeaderList key{{"Idempotency-Key", "k1"}};
  const std::string body = R"({"email":"a@acme.dev","name":"A"})";
  const auto first = users("POST", "/users/create", body, key);
  ASSERT_EQ(first.header("Location"), "/users/1");
  for (int i = 0; i < 2; ++i) {
    const auto again = users("POST", "/users/create", body, key);
    EXPECT_EQ(again.status, 201);
    EXPECT_EQ(again.header("Idempotent-Replayed"), "true");
    EXPECT_EQ(again.header("Location"), "/users/1");
    EXPECT_EQ(again.header("ETag"), first.header("ETag"));
    EXPECT_EQ(again.header("Content-Type"), first.header("Content-Type"));
    EXPECT_EQ(std::ranges::count_if(
                  again.headers,
                  [](const auto& field) { return to_lower(field.first) == "content-type"; }),
              1);
    ASSERT_EQ(daemon_.stop(), 0);
    ASSERT_TRUE(daemon_.start()) << daemon_.errors();
  }
}

TEST_F(HttpSemantics, BodiesMayBeCompressed) {
  const std::string user = R"({"email":"z@acme.dev","name":"Zip"})";
  const http::HeaderList gzipped{
      {"Content-Encoding", "gzip"}, {"Content-Type", "application/json"}, {"Idempotency-Key", "k"}};
  EXPECT_EQ(users("POST", "/users/create", http::gzip(user), gzipped).json()["name"], "Zip");
  EXPECT_EQ(users("POST", "/users/create", user, {{"Idempotency-Key", "k"}})
                .header("Idempotent-Replayed"),
            "true")
      << "however it is encoded, it is the same request";
  std::string lines;
  for (int i = 0; i < 1000; ++i) {
    lines += R"({"type":"analytics.recorded","data":{"user_id":"u","event_type":"e"}})"
             "\n";
  }
  const auto published =
      daemon_.call("publisher", "POST", "/api/v1/events", kAlice, http::zstd(lines),
                   {{"Content-Type", "application/x-ndjson"}, {"Content-Encoding", "zstd"}});
  EXPECT_EQ(published.status, 202) << published.body;
  EXPECT_EQ(published.json()["accepted"], 1000);
  EXPECT_EQ(users("POST", "/users/create", http::zstd(std::string(64 << 20, ' ')),
                  {{"Content-Encoding", "zstd"}, {"Content-Type", "application/json"}})
                .status,
            413);
}

TEST_F(HttpSemantics, ADeleteWithABodyIsADelete) {
  users("POST", "/users/create", R"({"email":"a@acme.dev","name":"A"})");
  EXPECT_EQ(users("DELETE", "/users/1", "{}").status, 204);
}

TEST_F(HttpSemantics, TenantsAreNamedInMetricsOnlyWhereAnOperatorLooks) {
  daemon_.call("gateway", "GET", "/ai/users/search?query=x", "secretive:u");
  daemon_.call("gateway", "GET", "/ai/users/search?query=x", "shy:u");
  for (const auto* role : {"users", "gateway", "publisher", "subscriber"}) {
    for (const std::string token : {"", "secretive:u", "nonsense"}) {
      const auto text = metrics(role, token);
      EXPECT_EQ(text.find("secretive"), std::string::npos) << role;
      EXPECT_EQ(text.find("shy"), std::string::npos) << role;
      EXPECT_NE(text.find(R"(,tenant="other"} 2)"), std::string::npos) << role;
    }
    EXPECT_NE(metrics(role, daemon_.operator_token()).find("tenant=\"secretive\""),
              std::string::npos);
  }
  EXPECT_NE(metrics("admin").find("tenant=\"secretive\""), std::string::npos);
}

TEST_F(HttpSemantics, NoNameOfAnotherSiteReachesWhatNeedsNoSecret) {
  const auto ask = [&](const std::string& host, const std::string& headers) {
    test::RawClient client(daemon_.address("subscriber"));
    return client
        .ask("GET /api/v1/analytics/user/u HTTP/1.1\r\nHost: " + host + "\r\n" + headers + "\r\n")
        .status;
  };
  const std::string dev = "Authorization: Bearer acme:a\r\n";
  for (const auto& headers : {std::string(), dev}) {
    EXPECT_EQ(ask("rebound.example:8001", headers), 421);
    EXPECT_EQ(ask(daemon_.address("subscriber"), headers), 404) << "nothing is known of u";
    EXPECT_EQ(ask("localhost:8001", headers), 404);
  }
}

TEST_F(HttpSemantics, PagesOfAConfiguredOriginMayAsk) {
  test::RawClient client(daemon_.address("users"));
  const auto reply = client.ask(
      "OPTIONS /users/1 HTTP/1.1\r\nHost: localhost\r\nOrigin: https://app.example.com\r\n"
      "Access-Control-Request-Method: PATCH\r\nAccess-Control-Request-Headers: if-match\r\n\r\n");
  EXPECT_EQ(reply.status, 204);
  EXPECT_EQ(reply.header("Access-Control-Allow-Origin"), "https://app.example.com");
  EXPECT_NE(reply.header("Access-Control-Allow-Methods").find("PATCH"), std::string::npos);
}

TEST_F(HttpSemantics, SignalsThatMeanOtherProcessesDoNoHarm) {
  for (const int number : {SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGIO, SIGPIPE}) {
    daemon_.signal(number);
    EXPECT_EQ(users("GET", "/users").status, 200) << number;
  }
  EXPECT_EQ(daemon_.stop(), 0);
}

}  // namespace
}  // namespace mesh::e2e
