// A rolling restart of several daemons behind a balancer, and a rolling update from another
// version: no client notices.
//
// With $MESH_TEST_BEFORE, a folder with meshd of the version before, the daemons are that version's
// at first (./scripts/upgrade-test).
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "common/http/client.h"
#include "tests/e2e/stack.h"
#include "tests/support/temp_dir.h"

namespace mesh::crash {
namespace {

using e2e::Daemon;

constexpr int kDaemons = 3, kClients = 4;
constexpr int kBetween = 200;  // answers between two restarts
constexpr std::chrono::milliseconds kLook{20};
// More than a few looks, also on a busy machine: who is not ready any more serves for so long.
constexpr const char* kDrain = "http: {drain_delay: 3s}\n";
const std::string kToken = "acme:roller";

// Sends to whoever says that it is ready, as a Service of Kubernetes does.
class Balancer {
 public:
  Balancer() : looks_([this] { look(); }) {}
  ~Balancer() {
    over_ = true;
    looks_.join();
  }
  using Addresses = std::map<std::string, std::string>;  // by role
  void know(int number, Addresses addresses) {
    std::lock_guard lock(mutex_);
    backends_[number] = {std::move(addresses), false};
  }
  Addresses next(int turn) {
    for (;;) {
      std::lock_guard lock(mutex_);
      std::vector<const Addresses*> ready;
      for (const auto& [number, backend] : backends_) {
        if (backend.ready) ready.push_back(&backend.addresses);
      }
      if (!ready.empty()) return *ready[static_cast<std::size_t>(turn) % ready.size()];
    }
  }

 private:
  struct Backend {
    Addresses addresses;
    bool ready = false;
  };
  void look() {
    http::Client client({.timeout = Duration{5'000}});
    while (!over_) {
      std::map<int, Backend> seen;
      {
        std::lock_guard lock(mutex_);
        seen = backends_;
      }
      for (auto& [number, backend] : seen) {
        http::ClientRequest probe;
        probe.method = "GET";
        probe.url = "http://" + backend.addresses["admin"] + "/readyz";
        const auto answer = client.send(probe);
        backend.ready = answer && answer->status == 200;
      }
      {
        std::lock_guard lock(mutex_);
        for (const auto& [number, backend] : seen) {
          // It may have come back elsewhere meanwhile.
          auto& known = backends_[number];
          if (known.addresses == backend.addresses) known.ready = backend.ready;
        }
      }
      std::this_thread::sleep_for(kLook);
    }
  }

  std::mutex mutex_;
  std::map<int, Backend> backends_;  // guarded by mutex_
  std::atomic<bool> over_ = false;
  std::thread looks_;  // last: it uses the above
};

// Where meshd of the version before is; else this version stands for it.
std::string programs_before() {
  const char* folder = std::getenv("MESH_TEST_BEFORE");
  return folder != nullptr ? folder : MESH_BIN_DIR;
}

class Rolling : public testing::Test {
 protected:
  void SetUp() override {
    if (const auto missing = e2e::Stack::missing()) GTEST_SKIP() << *missing;
    stack_.emplace();
    for (int n = 0; n < kDaemons; ++n) {
      daemons_.push_back(stack_->daemon("d" + std::to_string(n), {}, kDrain));
      daemons_.back()->run_programs_of(programs_before());
      start(n);
      ASSERT_FALSE(HasFatalFailure());
    }
  }
  void TearDown() override { stop_clients(); }

  void start(int n) {
    Daemon& daemon = *daemons_[static_cast<std::size_t>(n)];
    ASSERT_TRUE(daemon.start()) << daemon.errors();
    Balancer::Addresses addresses;
    for (const char* role : {"users", "gateway", "publisher", "subscriber", "admin"})
      addresses[role] = daemon.address(role);
    balancer_.know(n, std::move(addresses));
  }
  void start_clients() {
    for (int n = 0; n < kClients; ++n) clients_.emplace_back([this, n] { keep_asking(n); });
  }
  void stop_clients() {
    over_ = true;
    for (auto& client : clients_) client.join();
    clients_.clear();
  }
  void await_answers(int more) const {
    const int target = answered_ + more;
    while (answered_ < target && failed_ == 0) std::this_thread::sleep_for(kLook);
  }
  // Nothing is asked twice: the first that is not answered well fails the test.
  void keep_asking(int number) {
    http::Client client({.timeout = Duration{30'000}});
    for (int turn = 0; !over_; ++turn) {
      const std::string id = std::to_string(number) + "-" + std::to_string(turn);
      switch (turn % 4) {
        case 0:
          ask(client, number + turn, "POST", "users", "/users/create",
              Json{{"email", id + "@acme.dev"}, {"name", "Ann"}}, users_);
          break;
        case 1:
          ask(client, number + turn, "GET", "gateway", "/ai/users/search?query=ann", {}, others_);
          break;
        default:
          ask(client, number + turn, "POST", "publisher", "/api/v1/events/analytics",
              Json{{"user_id", "ann"}, {"event_type", "click"}}, events_);
      }
    }
  }
  void ask(http::Client& client, int turn, const std::string& method, const std::string& role,
           const std::string& target, const Json& body, std::atomic<int>& count) {
    http::ClientRequest request;
    request.method = method;
    request.url = "http://" + balancer_.next(turn).at(role) + target;
    request.headers = {{"Authorization", "Bearer " + kToken}};
    if (!body.is_null()) {
      request.headers.emplace_back("Content-Type", "application/json");
      request.body = body.dump();
    }
    const auto answer = client.send(request);
    if (answer && answer->status >= 200 && answer->status < 300) {
      ++count;
      ++answered_;
      return;
    }
    ++failed_;
    std::lock_guard lock(mutex_);
    failures_.push_back(method + " " + request.url + ": " +
                        (answer ? std::to_string(answer->status) + " " + answer->body
                                : answer.error().to_string()));
  }

  std::optional<e2e::Stack> stack_;
  std::vector<std::unique_ptr<Daemon>> daemons_;
  Balancer balancer_;
  std::atomic<bool> over_ = false;
  std::atomic<int> answered_ = 0, failed_ = 0, users_ = 0, events_ = 0, others_ = 0;
  std::mutex mutex_;
  std::vector<std::string> failures_;  // guarded by mutex_
  std::vector<std::thread> clients_;
};

TEST_F(Rolling, NoRequestFailsAndNothingIsLost) {
  start_clients();
  for (int n = 0; n < kDaemons; ++n) {
    await_answers(kBetween);
    Daemon& daemon = *daemons_[static_cast<std::size_t>(n)];
    ASSERT_EQ(daemon.stop(), 0) << daemon.errors();
    daemon.run_programs_of(MESH_BIN_DIR);
    start(n);
    ASSERT_FALSE(HasFatalFailure());
  }
  await_answers(kBetween);
  stop_clients();
  EXPECT_TRUE(failures_.empty()) << failures_.size() << " of " << answered_ + failed_
                                 << " failed, the first: " << failures_.front();
  Daemon& one = *daemons_.front();
  one.await_idle();
  const auto summary = one.call("subscriber", "GET", "/api/v1/analytics/user/ann", kToken);
  EXPECT_EQ(summary.json()["total_events"], events_.load()) << summary.body;
  const auto users = one.mesh({"users", "list", "--tenant", "acme", "--all", "-o", "name"});
  EXPECT_EQ(std::ranges::count(users.out, '\n'), users_.load()) << users.err;
  std::cout << answered_ << " requests while " << kDaemons << " daemons were restarted\n";
}

TEST(Upgrade, AFolderThatTheVersionBeforeLeftWhenItWasKilledGoesOnHere) {
  const test::TempDir dir;
  Daemon daemon(dir.file("data"));
  daemon.run_programs_of(programs_before());
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  for (const char* email : {"ann@acme.dev", "bob@acme.dev"}) {
    const Json body{{"email", email}, {"name", "Somebody"}};
    EXPECT_EQ(daemon.call("users", "POST", "/users/create", kToken, body.dump()).status, 201);
  }
  daemon.kill();
  daemon.run_programs_of(MESH_BIN_DIR);
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  daemon.await_idle();
  const auto found = daemon.mesh({"search", "bob", "--tenant", "acme", "-o", "csv"});
  EXPECT_NE(found.out.find("bob@acme.dev"), std::string::npos) << found.out << found.err;
}

}  // namespace
}  // namespace mesh::crash
