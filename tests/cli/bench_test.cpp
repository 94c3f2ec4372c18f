// mesh bench against a server in this process.
#include <mutex>
#include <set>

#include "cli/bench/bench_users.h"
#include "cli/bench/report.h"
#include "cli/bench/target.h"
#include "tests/cli/cli_fixture.h"
#include "tests/support/certificates.h"

namespace mesh::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(BenchTarget, TakesAddressesOfHttp) {
  const auto plain = bench_target("http://mesh.example:8000/a/b/");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->address, "mesh.example:8000");
  EXPECT_EQ(plain->prefix, "/a/b");
  EXPECT_EQ(bench_target("http://mesh.example").value().address, "mesh.example:80");
  EXPECT_EQ(bench_target("http://[::1]").value().address, "[::1]:80");
  EXPECT_EQ(bench_target("HTTP://[::1]:9").value().address, "[::1]:9");
  EXPECT_FALSE(plain->tls);
  const auto tls = bench_target("https://mesh.example/a");
  ASSERT_TRUE(tls);
  EXPECT_TRUE(tls->tls);
  EXPECT_EQ(tls->address, "mesh.example:443");
  EXPECT_EQ(tls->prefix, "/a");
  EXPECT_EQ(bench_target("https://[::1]").value().address, "[::1]:443");
}

TEST(BenchTarget, SaysWhyItRefusesOthers) {
  for (const char* url : {"ftp://x", "mesh.example:80", "http://", "http:///a", "http://u:p@x",
                          "http://x/a?b", "http://x y"}) {
    const auto target = bench_target(url);
    ASSERT_FALSE(target) << url;
    EXPECT_EQ(target.error().kind, ErrorKind::invalid) << url;
  }
}

load::Outcome outcome_of(std::map<int, std::uint64_t> statuses, std::uint64_t broken = 0) {
  load::Outcome outcome;
  for (const auto& [status, count] : statuses)
    (status == 200 ? outcome.answered : outcome.unexpected) += count;
  outcome.statuses = std::move(statuses);
  outcome.broken = broken;
  outcome.seconds = 2;
  return outcome;
}

TEST(BenchReport, ExitCodesTellWhatBecameOfTheRequests) {
  EXPECT_EQ(bench_exit(outcome_of({{200, 9}})), Exit::ok);
  EXPECT_EQ(bench_exit(outcome_of({{200, 9}, {429, 1}})), Exit::partly);
  EXPECT_EQ(bench_exit(outcome_of({{200, 9}}, 1)), Exit::partly);
  EXPECT_EQ(bench_exit(outcome_of({{429, 4}})), Exit::rate_limited);
  EXPECT_EQ(bench_exit(outcome_of({{401, 4}, {403, 1}})), Exit::auth);
  EXPECT_EQ(bench_exit(outcome_of({{503, 4}})), Exit::failure);
  EXPECT_EQ(bench_exit(outcome_of({}, 3)), Exit::failure);
}

TEST(BenchReport, ItemsAndBytesArePerSecond) {
  auto outcome = outcome_of({{200, 10}});
  outcome.bytes_sent = 3'000'000;
  outcome.bytes_received = 1'000'000;
  for (std::uint64_t n = 1; n <= 1000; ++n) outcome.latency.add(n);
  const Json row = bench_row({"publish", "publish", "a", 1, 8, 0, 100}, outcome);
  EXPECT_EQ(row["rate"], 5.0);
  EXPECT_EQ(row["items_per_second"], 500.0);
  EXPECT_EQ(row["mb_per_second"], 2.0);
  EXPECT_EQ(row["p50_ms"], 0.5);
  EXPECT_EQ(row["p999_ms"], 0.999);
  EXPECT_EQ(row["max_ms"], 1.0);
  EXPECT_EQ(row["target_rate"], nullptr);
}

TEST(BenchReport, ARateLimitIsCalledOne) {
  const auto notes = bench_notes({"search", "search", "acme", 1, 8, 0, 1}, outcome_of({{429, 7}}));
  ASSERT_FALSE(notes.empty());
  EXPECT_THAT(notes[0], HasSubstr("7 answers were 429"));
  EXPECT_THAT(notes[0], HasSubstr("mesh ratelimit set acme search"));
}

class BenchTest : public CliTest {
 protected:
  int as_operator(std::vector<std::string> words) {
    words.insert(words.end(), {"--server", fake.url(), "--token", std::string(64, 'f')});
    return mesh(std::move(words));
  }
  std::map<std::string, int> authorizations() {
    std::map<std::string, int> counts;
    for (const auto& request : fake.requests()) {
      if (request.method == "POST")
        ++counts[std::string(request.header("Authorization").value_or(""))];
    }
    return counts;
  }
};

TEST_F(BenchTest, SendsAsManyRequestsAsAskedAndPrintsWhatItMeasured) {
  fake.on("POST", "/api/v1/events/analytics", 202, Json{{"id", "e"}});
  ASSERT_EQ(at_fake({"bench", "publish", "-n", "50", "--yes", "-o", "json"}), 0) << err;
  EXPECT_EQ(json()["requests"], 50);
  EXPECT_EQ(json()["statuses"], (Json{{"202", 50}}));
  EXPECT_EQ(authorizations(), (std::map<std::string, int>{{"Bearer acme:alice", 50}}));
}

TEST_F(BenchTest, GoesOverHttpsAsTheOtherCommandsDo) {
  const auto authority = test::Certificate::authority();
  const auto server = authority.server();
  authority.write(dir.file("ca"));
  authority.client("urn:ada").write(dir.file("ada"));
  http::TlsOptions tls;
  tls.certificate = {"certificate", server.pem()};
  tls.key = {"key", server.key_pem()};
  tls.client_ca = {"client_ca", authority.pem()};
  tls.client_auth = http::ClientAuth::require;
  fake.options.tls = http::TlsContext::make(tls).value();
  fake.on("POST", "/api/v1/events/analytics", 202, Json{{"id", "e"}});
  const std::vector<std::string> load{"bench", "publish", "-n", "50", "--yes", "-o", "json"};
  auto known = load;
  known.insert(known.end(), {"--ca", dir.file("ca.crt"), "--client-cert", dir.file("ada.crt"),
                             "--client-key", dir.file("ada.key")});
  ASSERT_EQ(at_fake(known), 0) << err;
  EXPECT_EQ(json()["requests"], 50);
  EXPECT_EQ(at_fake(load), 1);
  EXPECT_THAT(err, HasSubstr("name its authority with --ca FILE"));
}

TEST_F(BenchTest, TenantsTakeTurnsByTokensOfTheirOwnWhereTheServerTakesSuch) {
  fake.on("GET", "/admin/v1/config", 200, Json{{"auth", {{"mode", "dev"}}}});
  fake.on("POST", "/api/v1/events", 202, Json{{"ids", Json::array()}});
  ASSERT_EQ(as_operator({"bench", "publish", "-n", "40", "--tenants", "2", "--batch", "3", "--size",
                         "200", "--yes"}),
            0)
      << err;
  EXPECT_EQ(authorizations(), (std::map<std::string, int>{{"Bearer bench-1:bench", 20},
                                                          {"Bearer bench-2:bench", 20}}));
  const std::string body(fake.last().body);
  EXPECT_EQ(std::count(body.begin(), body.end(), '\n'), 3);
}

TEST_F(BenchTest, TheOperatorActsWhereTheServerTakesNoDevTokens) {
  fake.on("GET", "/admin/v1/config", 200, Json{{"auth", {{"mode", "jwt"}}}});
  fake.on("POST", "/users/create", 201, Json{{"id", 1}});
  ASSERT_EQ(as_operator({"bench", "create", "-n", "3", "--tenant", "acme", "--yes"}), 0) << err;
  EXPECT_EQ(fake.last().header("X-Tenant-Id"), "acme");
  EXPECT_THAT(err, HasSubstr("`mesh bench cleanup --tenant acme` deletes them"));
}

TEST(BenchUsers, AreKnownByTheirWholeDomain) {
  for (std::uint64_t n = 0; n < 8; ++n) {
    EXPECT_TRUE(is_bench_user(bench_user("r1", n).email));
    EXPECT_TRUE(is_bench_user(bench_user("r1", n).email, "r1"));
    EXPECT_FALSE(is_bench_user(bench_user("r1", n).email, "r2"));
  }
  for (const char* other :
       {"a@acme.dev", "a@r1.mesh-bench.acme.dev", "a@r1.mesh-bench.example.com.acme.dev",
        "a@mesh-bench.example.com", "a@.mesh-bench.example.com", "a@x.r1.mesh-bench.example.com",
        "a@r1.xmesh-bench.example.com", "r1.mesh-bench.example.com"}) {
    EXPECT_FALSE(is_bench_user(other)) << other;
  }
}

// Two pages, and a limit that refuses the first try for each user.
TEST_F(BenchTest, CleanupDeletesItsOwnUsersAlone) {
  const auto page = [](std::initializer_list<std::pair<int, const char*>> users) {
    Json all = Json::array();
    for (const auto& [id, email] : users)
      all.push_back({{"id", id}, {"email", email}, {"name", "A"}, {"tenantId", "acme"}});
    return all;
  };
  int asked = 0;
  fake.on("GET", "/users", [&](const http::Request&) {
    if (++asked > 1) return http::Response::json(200, page({{4, "d@r2.mesh-bench.example.com"}}));
    auto first = http::Response::json(200, page({{1, "a@acme.dev"},
                                                 {2, "b@r1.mesh-bench.example.com"},
                                                 {3, "c@r1.mesh-bench.example.com.acme.dev"}}));
    first.headers.emplace_back("Link", "</users?after=3>; rel=\"next\"");
    return first;
  });
  std::mutex mutex;
  std::map<std::string, int> tries;
  fake.on("DELETE", "/users/{id}", [&](const http::Request& request) {
    const std::lock_guard lock(mutex);
    return http::Response::json(++tries[request.path] == 1 ? 429 : 200, Json::object());
  });
  ASSERT_EQ(at_fake({"bench", "cleanup", "--yes"}), 0) << err;
  EXPECT_EQ(tries, (std::map<std::string, int>{{"/users/2", 2}, {"/users/4", 2}}));
  EXPECT_EQ(asked, 2);
  EXPECT_EQ(out, "DELETED  TENANTS\n      2        1\n");
}

// What another run made stays.
TEST_F(BenchTest, ARunDeletesWhatItMade) {
  std::mutex mutex;
  Json users = Json::array({Json{
      {"id", 1}, {"email", "b@r1.mesh-bench.example.com"}, {"name", "B"}, {"tenantId", "acme"}}});
  fake.on("POST", "/users/create", [&](const http::Request& request) {
    const std::lock_guard lock(mutex);
    Json user = Json::parse(request.body);
    user["id"] = users.size() + 1;
    user["tenantId"] = "acme";
    users.push_back(user);
    return http::Response::json(201, user);
  });
  fake.on("GET", "/users", [&](const http::Request&) { return http::Response::json(200, users); });
  std::set<std::string> deleted;
  fake.on("DELETE", "/users/{id}", [&](const http::Request& request) {
    const std::lock_guard lock(mutex);
    deleted.insert(std::string(request.path));
    return http::Response::json(200, Json::object());
  });
  ASSERT_EQ(at_fake({"bench", "create", "-n", "2", "--cleanup", "--yes"}), 0) << err;
  EXPECT_EQ(deleted, (std::set<std::string>{"/users/2", "/users/3"}));
}

TEST_F(BenchTest, UsersThatWerePreparedGoAlsoWhereTheSearchFails) {
  fake.on("POST", "/users/batch", Error{ErrorKind::invalid, "no batches", {}, {}, {}});
  fake.on("GET", "/users", 200,
          Json::array({Json{{"id", 7},
                            {"email", "b@prepared.mesh-bench.example.com"},
                            {"name", "B"},
                            {"tenantId", "acme"}}}));
  std::atomic<int> deleted{0};
  fake.on("DELETE", "/users/{id}", [&](const http::Request&) {
    ++deleted;
    return http::Response::json(200, Json::object());
  });
  EXPECT_NE(at_fake({"bench", "search", "--prepare", "5", "--cleanup", "--yes"}), 0);
  EXPECT_EQ(deleted, 1) << err;
}

// A load must not meet whom a context happens to name.
TEST_F(BenchTest, TheTenantOfTheEnvironmentIsNoneToTheOperator) {
  env["MESH_TENANT"] = "acme";
  fake.on("GET", "/admin/v1/config", 200, Json{{"auth", {{"mode", "jwt"}}}});
  fake.on("POST", "/users/create", 201, Json{{"id", 1}});
  EXPECT_EQ(as_operator({"bench", "create"}), 2);
  EXPECT_THAT(err, HasSubstr("in tenant bench-1 of"));
  EXPECT_THAT(err, HasSubstr("no rate limit of a tenant holds"));
  ASSERT_EQ(as_operator({"bench", "create", "-n", "1", "--yes"}), 0) << err;
  EXPECT_EQ(fake.last().header("X-Tenant-Id"), "bench-1");
}

TEST_F(BenchTest, AsksFirstAndNamesTheTenants) {
  EXPECT_EQ(at_fake({"bench", "publish"}), 2);
  EXPECT_THAT(err, HasSubstr("in tenant acme of " + fake.url()));
  EXPECT_THAT(err, HasSubstr("--yes"));
  EXPECT_TRUE(fake.requests().empty());
}

TEST_F(BenchTest, RefusesWhatCannotBe) {
  const std::vector<std::pair<std::vector<std::string>, const char*>> kCases = {
      {{"bench", "publish", "--duration", "x"}, "duration"},
      {{"bench", "publish", "--rate", "0"}, "rate"},
      {{"bench", "publish", "--connections", "0"}, "connections"},
      {{"bench", "publish", "--size", "x"}, "--size"},
      {{"bench", "publish", "--size", "1MiB", "--batch", "100"}, "64 MiB"},
      {{"bench", "publish", "--tenants", "2"}, "a tenant's token"},
      {{"bench", "search", "--cleanup"}, "--prepare"},
  };
  for (auto [words, why] : kCases) {
    words.push_back("--yes");
    EXPECT_EQ(at_fake(words), 2) << words.back();
    EXPECT_THAT(err, HasSubstr(why));
  }
  EXPECT_EQ(mesh({"bench", "publish", "--server", "http://127.0.0.1:1", "--token", "a:b", "--yes"}),
            1);
  EXPECT_THAT(err, HasSubstr("cannot connect to 127.0.0.1:1"));
}

TEST_F(BenchTest, SearchesNeedUsers) {
  fake.on("GET", "/users", 200, Json::array());
  EXPECT_EQ(at_fake({"bench", "search", "-n", "5", "--yes"}), 2);
  EXPECT_THAT(err, HasSubstr("--prepare 1000"));
}

TEST_F(BenchTest, ALimitThatHoldsAllIsExitCode5) {
  fake.on("POST", "/users/create", Error{ErrorKind::rate_limited, "slow", {}, {}, {}});
  EXPECT_EQ(at_fake({"bench", "create", "-n", "5", "--yes"}), 5);
  EXPECT_THAT(err, HasSubstr("5 answers were 429"));
  EXPECT_THAT(out, Not(HasSubstr("429")));
}

}  // namespace
}  // namespace mesh::cli
