// Several daemons on the servers of a large installation, under load, while some of them end, stand
// still or make room for the next version. See docs/engines.md.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "tests/crash/checker.h"
#include "tests/crash/crowd.h"
#include "tests/e2e/stack.h"
#include "tests/support/eventually.h"

namespace mesh::crash {
namespace {

using e2e::Daemon;
using test::eventually;
using testing::HasSubstr;

constexpr int kWriters = 2;  // as much as what stands for Qdrant here keeps up with
constexpr int kSome = 150;   // requests between two blows
const std::string kEdge = "[users, gateway, publisher, subscriber, admin]";
const std::string kPipelines = "[pipelines]";

// What takes as long as sessions and leases do.
bool within_minutes(const std::function<bool()>& ready) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::minutes(3);
  while (!ready()) {
    if (std::chrono::steady_clock::now() > give_up) return false;
  }
  return true;
}

class SeveralDaemons : public testing::Test {
 protected:
  void SetUp() override {
    if (const auto missing = e2e::Stack::missing()) GTEST_SKIP() << *missing;
    stack_.emplace();
  }
  void start(const std::string& roles_of_one, const std::string& roles_of_two,
             const std::string& roles_of_three) {
    for (const auto& roles : {roles_of_one, roles_of_two, roles_of_three}) {
      daemons_.push_back(stack_->daemon("d" + std::to_string(daemons_.size()), roles));
      ASSERT_TRUE(daemons_.back()->start()) << daemons_.back()->errors();
    }
  }
  static Mesh mesh(Daemon& daemon) {
    Mesh at;
    for (const char* role : {"users", "gateway", "publisher", "subscriber", "admin"})
      at.addresses[role] = daemon.address(role);
    at.operator_token = daemon.operator_token();
    return at;
  }
  void send_to(std::initializer_list<int> numbers) {
    std::vector<Mesh> meshes;
    for (const int n : numbers) meshes.push_back(mesh(*daemons_[static_cast<std::size_t>(n)]));
    crowd_.send_to(std::move(meshes));
  }
  // Some requests to these, until all of them are settled: what stands for Qdrant here has to keep
  // up with what is written.
  void load(std::initializer_list<int> numbers) {
    send_to(numbers);
    crowd_.start();
    crowd_.await(kSome);
    crowd_.stop();
  }
  Daemon& daemon(int n) { return *daemons_[static_cast<std::size_t>(n)]; }
  void restart(int n) {
    auto& daemon = *daemons_[static_cast<std::size_t>(n)];
    ASSERT_TRUE(daemon.start()) << daemon.errors();
  }
  Json ask(int n, const std::string& target) {
    return daemon(n).call("admin", "GET", target, daemon(n).operator_token()).json();
  }
  std::string members() { return ask(0, "/admin/v1/members").dump(); }
  // Whether nothing is left to the one at that address: no partition, no lease, no membership.
  bool is_replaced(int asked, const std::string& address) {
    const Json members = ask(asked, "/admin/v1/members");
    if (members.dump().find(address) != std::string::npos) return false;
    for (const auto& group : ask(asked, "/admin/v1/groups")["items"]) {
      const Json one = ask(asked, "/admin/v1/groups/" + group["group"].get<std::string>());
      if (one["members"].size() != members["items"].size()) return false;
    }
    return true;
  }
  // Everything that was acknowledged is there once, and counted once, and found.
  void end() {
    crowd_.stop();
    ASSERT_FALSE(HasFailure());
    daemons_.front()->await_idle();
    Checker checker(*daemons_.front(), Promise::maybe_done);
    checker.check_all(crowd_.ledger(), crowd_.writers());
    std::cout << crowd_.acknowledged() << " requests acknowledged, one sent again "
              << crowd_.most_repeats() << " times at most\n";
    for (auto& daemon : daemons_) EXPECT_EQ(daemon->stop(), 0) << daemon->errors();
  }

  std::optional<e2e::Stack> stack_;
  std::vector<std::unique_ptr<Daemon>> daemons_;
  Crowd crowd_{kWriters, std::random_device{}()};
};

TEST_F(SeveralDaemons, OneThatIsKilledLosesNothing) {
  start(kEdge, kEdge, kPipelines);
  ASSERT_FALSE(HasFatalFailure());
  EXPECT_THAT(members(),
              testing::AllOf(HasSubstr(daemons_[1]->address("admin")), HasSubstr("\"pipelines\"")));
  send_to({0, 1});
  crowd_.start();
  crowd_.await(kSome);
  // One that takes requests: its clients go to the other one.
  daemons_[1]->kill();
  crowd_.await(kSome);
  restart(1);
  send_to({0, 1});
  // The one that indexes and counts.
  daemons_[2]->kill();
  crowd_.await(kSome);
  restart(2);
  crowd_.await(kSome);
  end();
}

// Its work is taken over, and when it goes on it undoes and repeats nothing.
TEST_F(SeveralDaemons, OneThatStandsStillIsReplacedAndDoesNoHarmWhenItComesBack) {
  start("", "", "");
  ASSERT_FALSE(HasFatalFailure());
  load({0, 1, 2});
  const std::string address = daemon(2).address("admin");
  daemon(2).signal(SIGSTOP);
  load({0, 1});
  EXPECT_TRUE(within_minutes([&] { return is_replaced(0, address); })) << members();
  // What it would repeat or undo: users that changed, and another generation that serves.
  const Json task =
      daemon(0)
          .call("admin", "POST", "/admin/v1/indexes/rebuild", daemon(0).operator_token(), "{}")
          .json();
  load({0, 1});
  EXPECT_TRUE(within_minutes([&] {
    return ask(1, "/admin/v1/tasks/" + task["id"].get<std::string>())["state"] == "done";
  }));
  daemon(2).signal(SIGCONT);
  EXPECT_TRUE(within_minutes([&] { return members().find(address) != std::string::npos; }));
  load({0, 1, 2});
  end();
}

TEST_F(SeveralDaemons, ARollingRestartIsNoMoreThanARetry) {
  start("", "", "");
  ASSERT_FALSE(HasFatalFailure());
  send_to({0, 1, 2});
  crowd_.start();
  for (int n = 0; n < 3; ++n) {
    crowd_.await(kSome);
    EXPECT_EQ(daemon(n).stop(), 0) << daemon(n).errors();
    restart(n);
    send_to({0, 1, 2});
  }
  crowd_.await(kSome);
  crowd_.stop();
  EXPECT_LE(crowd_.most_repeats(), 3) << "each of the others was asked, and answered";
  end();
}

}  // namespace
}  // namespace mesh::crash
