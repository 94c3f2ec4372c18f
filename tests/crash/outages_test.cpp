// Each server of a large installation away for a while, under load: stopped, standing still, or cut
// off without a word. What goes on meanwhile, what is refused and how, and that everything is there
// in the end. The table is that of docs/engines.md.
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

constexpr int kOutageWriters = 2, kSomeOutage = 60;
const std::string kOutageToken = "t0:me";  // of a tenant that the writers use, too
// What is promised is 10 s. A machine that is busy otherwise takes longer, also to start a server.
constexpr std::chrono::seconds kCaughtUpWithin{30};

constexpr std::chrono::seconds kQdrantTimeout{5};  // qdrant.timeout

// One way in which a server is away, and how it comes back.
struct Outage {
  std::string name;
  std::function<void()> begin, end;
};

template <typename Server>
std::vector<Outage> outages(Server& server, test::Cable& cable) {
  return {{"stopped", [&] { server.kill(); }, [&] { server.start(); }},
          {"frozen", [&] { server.pause(); }, [&] { server.resume(); }},
          {"cut off", [&] { cable.pull(); }, [&] { cable.plug(); }}};
}
// What stands for Qdrant has its data in memory, and one that was running before is not stopped.
std::vector<Outage> outages(test::QdrantServer& server, test::Cable& cable) {
  std::vector<Outage> all{{"stopped", [&] { cable.end(); }, [&] { cable.plug(); }},
                          {"cut off", [&] { cable.pull(); }, [&] { cable.plug(); }}};
  if (!test::QdrantServer::real())
    all.push_back({"frozen", [&] { server.pause(); }, [&] { server.resume(); }});
  return all;
}

class Outages : public testing::Test {
 protected:
  void SetUp() override {
    if (const auto missing = e2e::Stack::missing()) GTEST_SKIP() << *missing;
    stack_.emplace(e2e::Stack::Wiring::cables);
    daemon_ = stack_->daemon("d");
    ASSERT_TRUE(daemon_->start()) << daemon_->errors();
    Mesh at;
    for (const char* role : {"users", "gateway", "publisher", "subscriber", "admin"})
      at.addresses[role] = daemon_->address(role);
    at.operator_token = daemon_->operator_token();
    crowd_.send_to({at});
    // A user to find while the rest is away, whose tenant this process then knows.
    ASSERT_EQ(create("ann@outage.dev").status, 201);
    daemon_->await_idle();
    ASSERT_EQ(search("ann@outage.dev").status, 200);
  }
  void TearDown() override {
    if (IsSkipped() || HasFatalFailure()) return;
    Checker checker(*daemon_, Promise::maybe_done);
    checker.leave_out(made_here_);
    checker.check_all(crowd_.ledger(), crowd_.writers());
    EXPECT_EQ(daemon_->stop(), 0) << daemon_->errors();
  }

  // Each of them in turn, under load.
  void suffer(const std::vector<Outage>& outages, const std::function<void()>& meanwhile) {
    for (const Outage& outage : outages) {
      SCOPED_TRACE(outage.name);
      crowd_.start();
      crowd_.await(kSomeOutage);
      outage.begin();
      const auto begun = std::chrono::steady_clock::now();
      try {
        meanwhile();
      } catch (...) {
        outage.end();  // the load would never end
        throw;
      }
      const std::chrono::duration<double> away = std::chrono::steady_clock::now() - begun;
      outage.end();
      const auto took = goes_on();
      std::cout << outage.name << " for " << away.count() << " s: all was caught up with "
                << took.count() << " s after the return\n";
      EXPECT_LT(took, kCaughtUpWithin);
    }
  }
  // The server is back: what waited goes on by itself. How long it takes.
  std::chrono::duration<double> goes_on() {
    const auto back = std::chrono::steady_clock::now();
    crowd_.stop();  // once every request is settled
    EXPECT_TRUE(eventually([&] { return create(next_email()).status == 201; }));
    EXPECT_TRUE(eventually([&] { return publish().status == 202; }));
    daemon_->await_idle();
    EXPECT_EQ(search("ann@outage.dev").status, 200);
    return std::chrono::steady_clock::now() - back;
  }
  std::string next_email() { return "u" + std::to_string(++emails_) + "@outage.dev"; }

  Answer create(const std::string& email) {
    const auto made =
        daemon_->call("users", "POST", "/users/create", kOutageToken,
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
    return daemon_->call("gateway", "GET", "/ai/users/search?query=" + query, kOutageToken);
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
  Crowd crowd_{kOutageWriters, std::random_device{}()};
  std::set<std::int64_t> made_here_;  // users of t0
  int emails_ = 0;
};

TEST_F(Outages, WithoutKafkaUsersAreCreatedAndEventsRefused) {
  suffer(outages(stack_->kafka, stack_->cables->kafka), [&] {
    EXPECT_EQ(create(next_email()).status, 201);
    EXPECT_EQ(create(next_email()).status, 201);
    refused_for_now(publish());
    EXPECT_EQ(search("ann@outage.dev").status, 200);
    EXPECT_TRUE(eventually([&] { return is_told("kafka"); }));
  });
}

TEST_F(Outages, WithoutPostgresSearchesGoOn) {
  suffer(outages(stack_->postgres, stack_->cables->postgres), [&] {
    refused_for_now(create(next_email()));
    EXPECT_THAT(search("ann@outage.dev").body, HasSubstr("ann@outage.dev"));
    EXPECT_TRUE(eventually([&] { return is_told("postgres"); }));
  });
}

TEST_F(Outages, WithoutQdrantOnlySearchesAreRefused) {
  suffer(outages(stack_->qdrant, stack_->cables->qdrant), [&] {
    EXPECT_EQ(create(next_email()).status, 201);
    refused_for_now(search("ann@outage.dev"));
    EXPECT_EQ(publish().status, 202);
    EXPECT_TRUE(eventually([&] { return is_told("qdrant"); }));
    // Once that is known no search waits for it.
    const auto begun = std::chrono::steady_clock::now();
    for (int i = 0; i < 100; ++i) refused_for_now(search("ann@outage.dev"));
    EXPECT_LT(std::chrono::steady_clock::now() - begun, 100 * kQdrantTimeout / 2);
  });
}

TEST_F(Outages, WithoutRedisLimitsLetPass) {
  suffer(outages(stack_->redis, stack_->cables->redis), [&] {
    EXPECT_EQ(create(next_email()).status, 201);
    EXPECT_EQ(search("ann@outage.dev").status, 200);
    EXPECT_EQ(publish().status, 202);
    EXPECT_TRUE(eventually([&] { return is_told("redis"); }));
  });
}

}  // namespace
}  // namespace mesh::crash
