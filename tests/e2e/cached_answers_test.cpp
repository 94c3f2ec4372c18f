// A daemon on PostgreSQL that keeps answers in Redis.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/e2e/daemon.h"
#include "tests/support/eventually.h"
#include "tests/support/postgres_server.h"
#include "tests/support/redis_server.h"
#include "tests/support/temp_dir.h"

namespace mesh::e2e {
namespace {

using test::eventually;
using test::PostgresServer;
using test::RedisServer;
using ::testing::HasSubstr;

constexpr const char* kSummary = "/api/v1/analytics/user/ann";

class CachedAnswers : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!RedisServer::installed()) GTEST_SKIP() << RedisServer::kMissing;
    if (!PostgresServer::installed()) GTEST_SKIP() << PostgresServer::kMissing;
    std::ofstream(dir_.file("password")) << PostgresServer::kPassword << "\n";
    auto& postgres = PostgresServer::shared();
    redis_.emplace();
    daemon_.emplace(
        dir_.file("data"),
        "store: {engine: postgres}\npostgres: {dsn: \"" + postgres.dsn() +
            "\", password_file: " + dir_.file("password") + ", schema: " + postgres.new_schema() +
            "}\ncache: {engine: redis, searches: true, ttl: 2s}\nredis: {url: 'redis://127.0.0.1:" +
            std::to_string(redis_->port()) + "'}\n");
    ASSERT_TRUE(daemon_->start()) << daemon_->errors();
    record();
    // For one time to live nothing is taken from it.
    ASSERT_TRUE(eventually([&] { return total() == 1 && hits(); }));
  }
  void record(const std::string& tenant = "acme") {
    const auto answer = daemon_->call("publisher", "POST", "/api/v1/events/analytics?ack=counted",
                                      tenant + ":me", R"({"user_id":"ann","event_type":"click"})");
    ASSERT_FALSE(answer.json().contains("pending")) << answer.body;
  }
  Json total(const std::string& tenant = "acme") {
    const auto answer = daemon_->call("subscriber", "GET", kSummary, tenant + ":me");
    return answer.status == 200 ? answer.json().at("total_events") : Json(answer.status);
  }
  bool hits() {
    return daemon_->call("subscriber", "GET", "/metrics", "")
               .body.find("mesh_read_cache_total{result=\"hit\"} 0") == std::string::npos;
  }

  test::TempDir dir_;
  std::optional<RedisServer> redis_;
  std::optional<Daemon> daemon_;
};

TEST_F(CachedAnswers, WhoeverWasToldThatAnEventCountsReadsIt) {
  for (int i = 2; i < 15; ++i) {
    record();
    ASSERT_EQ(total(), i);
    ASSERT_EQ(total(), i) << "now from the cache";
  }
  EXPECT_THAT(redis_->ask({"KEYS", "*"}),
              testing::MatchesRegex("mesh:cache:[0-9a-f]{16}:acme:analytics/ann"));
}

TEST_F(CachedAnswers, WhoeverWasToldThatAUserIsSearchableFindsIt) {
  const auto search = [&](const std::string& tenant, const std::string& more = {}) {
    return daemon_->call("gateway", "GET", "/ai/users/search?query=smith" + more, tenant + ":me")
        .json()["results"]
        .size();
  };
  for (int i = 1; i <= 10; ++i) {
    const auto made =
        daemon_->call("users", "POST", "/users/create?ack=searchable", "acme:me",
                      R"({"name":"Ann Smith","email":"a)" + std::to_string(i) + R"(@x.dev"})");
    ASSERT_EQ(made.status, 201) << made.body;
    ASSERT_EQ(search("acme", "&limit=20"), static_cast<std::size_t>(i));
    ASSERT_EQ(search("acme", "&limit=20"), static_cast<std::size_t>(i)) << "now from the cache";
  }
  EXPECT_EQ(search("acme", "&limit=3"), 3u) << "another question";
  EXPECT_EQ(search("acme", "&limit=20&min_score=0.999"),
            search("acme", "&limit=20&min_score=0.999"));
  EXPECT_EQ(search("globex"), 0u);
}

TEST_F(CachedAnswers, NoTenantReadsAnothers) {
  EXPECT_EQ(total("globex"), 404);
  record("globex");
  record("globex");
  EXPECT_EQ(total("globex"), 2);
  EXPECT_EQ(total(), 1);
}

TEST_F(CachedAnswers, WithoutTheServerSummariesAreReadFromTheStore) {
  redis_->kill();
  for (int i = 2; i < 5; ++i) {
    record();
    EXPECT_EQ(total(), i);
  }
  const auto check =
      daemon_->call("admin", "POST", "/admin/v1/check", daemon_->operator_token(), "{}");
  EXPECT_THAT(check.body, HasSubstr("redis cache"));
  EXPECT_EQ(daemon_->call("subscriber", "GET", "/readyz", "").status, 200);
  redis_->start();
  record();
  EXPECT_EQ(total(), 5);
}

TEST_F(CachedAnswers, AServerThatStandsStillHoldsUpNoSummaryForLong) {
  redis_->pause();
  EXPECT_EQ(total(), 1);
  record();
  EXPECT_EQ(total(), 2);
  redis_->resume();
  record();
  EXPECT_EQ(total(), 3);
}

}  // namespace
}  // namespace mesh::e2e
