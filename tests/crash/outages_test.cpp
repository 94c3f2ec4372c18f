// Each server of a large installation away for a while, under load: what goes on meanwhile, what is
// refused and how, and that everything is there in the end. The table is that of docs/engines.md.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/crash/checker.h"
#include "tests/crash/crowd.h"
#include "tests/e2e/stack.h"
#include "tests/support/eventually.h"

namespace mesh::crash {
namespace {

using e2e::Answer;
using test::eventually;
using testing::HasSubstr;

constexpr int kWriters = 2, kSome = 60;
const std::string kToken = "t0:me";  // of a tenant that the writers use, too

class Outages : public testing::Test {
 protected:
  void SetUp() override {
    if (const auto missing = e2e::Stack::missing()) GTEST_SKIP() << *missing;
    stack_.emplace();
    daemon_ = stack_->daemon("d");
    ASSERT_TRUE(daemon_->start()) << daemon_->errors();
    Mesh at;
    for (const char* role : {"users", "gateway", "publisher", "subscriber", "admin"})
      at.addresses[role] = daemon_->address(role);
    at.operator_token = daemon_->operator_token();
    crowd_.send_to({at});
    crowd_.start();
    crowd_.await(kSome);
    crowd_.stop();
    // A user to find while the rest is away, whose tenant this process then knows.
    ASSERT_EQ(create("ann@outage.dev").status, 201);
    daemon_->await_idle();
    ASSERT_EQ(search("ann@outage.dev").status, 200);
  }
  void TearDown() override {
    if (IsSkipped() || HasFatalFailure()) return;
    // The server is back: what waited goes on by itself, and the end is as a replay would have it.
    const auto back = std::chrono::steady_clock::now();
    EXPECT_TRUE(eventually([&] { return create("back@outage.dev").status != 503; }));
    crowd_.start();
    crowd_.await(kSome);
    crowd_.stop();
    daemon_->await_idle();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - back;
    std::cout << "all was caught up with " << took.count() << " s after the return\n";
    EXPECT_EQ(search("back@outage.dev").status, 200);
    Checker checker(*daemon_, Promise::maybe_done);
    checker.leave_out(made_here_);
    checker.check_all(crowd_.ledger(), crowd_.writers());
    EXPECT_EQ(daemon_->stop(), 0) << daemon_->errors();
  }

  Answer create(const std::string& email) {
    const auto made =
        daemon_->call("users", "POST", "/users/create", kToken,
                      Json{{"email", email}, {"name", "Ann"}}.dump(), {{"Idempotency-Key", email}});
    if (made.status == 201) made_here_.insert(made.json()["id"].get<std::int64_t>());
    return made;
  }
  Answer publish() {
    const Json event{{"user_id", "outage"}, {"event_type", "e"}, {"metadata", {{"n", "outage"}}}};
    return daemon_->call("publisher", "POST", "/api/v1/events/analytics", "outage:me",
                         event.dump());
  }
  Answer search(const std::string& query) {
    return daemon_->call("gateway", "GET", "/ai/users/search?query=" + query, kToken);
  }
  // Whether `mesh check` and whoever probes the process hear that the server fails.
  bool is_told(const std::string& name) {
    const auto probed = daemon_->call("users", "GET", "/readyz?verbose", "");
    EXPECT_EQ(probed.status, 200) << "what goes on without it goes on";
    if (probed.body.find("[-]" + name + " failed\n") == std::string::npos) return false;
    const Json all =
        daemon_->call("admin", "POST", "/admin/v1/check", daemon_->operator_token(), "{}").json();
    for (const Json& check : all["checks"]) {
      if (check["name"] == name) return check["ok"] == false;
    }
    return false;
  }
  static void refused_for_now(const Answer& answer) {
    EXPECT_EQ(answer.status, 503) << answer.body;
    EXPECT_NE(answer.header("Retry-After"), "");
  }

  std::optional<e2e::Stack> stack_;
  std::unique_ptr<e2e::Daemon> daemon_;
  Crowd crowd_{kWriters, std::random_device{}()};
  std::set<std::int64_t> made_here_;  // users of t0
};

TEST_F(Outages, WithoutKafkaUsersAreCreatedAndEventsRefused) {
  stack_->kafka.kill();
  EXPECT_EQ(create("one@outage.dev").status, 201);
  EXPECT_EQ(create("two@outage.dev").status, 201);
  refused_for_now(publish());
  EXPECT_EQ(search("ann@outage.dev").status, 200);
  EXPECT_TRUE(eventually([&] { return is_told("kafka"); }));
  stack_->kafka.start();
}

TEST_F(Outages, WithoutPostgresSearchesGoOn) {
  stack_->postgres.kill();
  refused_for_now(create("one@outage.dev"));
  EXPECT_THAT(search("ann@outage.dev").body, HasSubstr("ann@outage.dev"));
  EXPECT_TRUE(eventually([&] { return is_told("postgres"); }));
  stack_->postgres.start();
}

TEST_F(Outages, WithoutQdrantOnlySearchesAreRefused) {
  stack_->qdrant.pause();
  EXPECT_EQ(create("one@outage.dev").status, 201);
  refused_for_now(search("ann@outage.dev"));
  EXPECT_EQ(publish().status, 202);
  EXPECT_TRUE(eventually([&] { return is_told("qdrant"); }));
  stack_->qdrant.resume();
}

TEST_F(Outages, WithoutRedisLimitsLetPass) {
  stack_->redis.kill();
  EXPECT_EQ(create("one@outage.dev").status, 201);
  EXPECT_EQ(search("ann@outage.dev").status, 200);
  EXPECT_EQ(publish().status, 202);
  EXPECT_TRUE(eventually([&] { return is_told("redis"); }));
  stack_->redis.start();
}

}  // namespace
}  // namespace mesh::crash
