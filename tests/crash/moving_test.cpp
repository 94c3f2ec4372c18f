// `mesh migrate` between embedded engines and the servers of a large installation, and back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/crash/checker.h"
#include "tests/crash/crowd.h"
#include "tests/e2e/stack.h"

namespace mesh::crash {
namespace {

using e2e::Daemon;
using e2e::Outcome;
using testing::HasSubstr;

constexpr int kMovingWriters = 2, kSomeMoving = 200;

class Moving : public testing::Test {
 protected:
  void SetUp() override {
    if (const auto missing = e2e::Stack::missing()) GTEST_SKIP() << *missing;
    stack_.emplace();
    servers_ = stack_->daemon("servers");
  }
  static Outcome migrate(const Daemon& from, const Daemon& to) {
    return e2e::run({MESH_BIN_DIR "/mesh", "migrate", "--from", from.write_config(), "--to",
                     to.write_config(), "-o", "json"});
  }
  static void moved(const Outcome& outcome) {
    ASSERT_EQ(outcome.exit_code, 0) << outcome.out << outcome.err;
    const Json report = Json::parse(outcome.out);
    EXPECT_EQ(report["state"], "equal");
    for (const char* part : {"topics", "tables"}) {
      for (const auto& row : report[part]) EXPECT_EQ(row["state"], "equal") << row.dump();
    }
  }
  static void start(Daemon& daemon) { ASSERT_TRUE(daemon.start()) << daemon.errors(); }
  void load(Daemon& daemon) {
    Mesh at;
    for (const char* role : {"users", "gateway", "publisher", "subscriber", "admin"})
      at.addresses[role] = daemon.address(role);
    at.operator_token = daemon.operator_token();
    crowd_.send_to({at});
    crowd_.start();
    crowd_.await(kSomeMoving);
    crowd_.stop();
  }
  // All that was ever acknowledged is there, wherever it was acknowledged.
  void check(Daemon& daemon) {
    daemon.await_idle();
    Checker(daemon, Promise::maybe_done).check_all(crowd_.ledger(), crowd_.writers());
    EXPECT_EQ(daemon.stop(), 0) << daemon.errors();
  }
  Json letters(Daemon& daemon) {
    return Json::parse(daemon.mesh({"dlq", "show", "chemical.events", "-o", "json"}).out);
  }

  test::TempDir dir_;
  std::optional<e2e::Stack> stack_;
  std::unique_ptr<Daemon> servers_;
  Daemon embedded_{dir_.file("embedded")}, again_{dir_.file("again")};
  Crowd crowd_{kMovingWriters, std::random_device{}()};
};

TEST_F(Moving, ThereAndBackAllIsThereAndCountedOnce) {
  start(embedded_);
  load(embedded_);
  // What waits in the outbox or in a pipeline goes along as it is.
  ASSERT_EQ(embedded_.stop(), 0) << embedded_.errors();
  moved(migrate(embedded_, *servers_));
  start(*servers_);
  load(*servers_);
  check(*servers_);
  moved(migrate(*servers_, again_));
  start(again_);
  load(again_);
  check(again_);
}

TEST_F(Moving, DeadLettersStayWhatTheyAre) {
  start(embedded_);
  embedded_.append_broken_experiment("acme", "one");
  embedded_.append_broken_experiment("acme", "two");
  embedded_.await_idle();
  ASSERT_EQ(embedded_.mesh({"dlq", "purge", "chemical.events", "--id", "one", "--yes"}).exit_code,
            0);
  ASSERT_EQ(letters(embedded_).size(), 1u);
  ASSERT_EQ(embedded_.stop(), 0) << embedded_.errors();
  moved(migrate(embedded_, *servers_));
  start(*servers_);
  ASSERT_EQ(letters(*servers_).size(), 1u);
  EXPECT_THAT(letters(*servers_).dump(), HasSubstr("\"two\""));
  // It dies again, and is the only one.
  const auto redriven = servers_->mesh({"dlq", "redrive", "chemical.events", "--yes"});
  EXPECT_THAT(redriven.out, HasSubstr("redriven 1, done 0, died again 1")) << redriven.err;
  EXPECT_EQ(letters(*servers_).size(), 1u);
}

TEST_F(Moving, NobodyMovesWhatIsInUseAndNobodyStartsOnWhatIsHalfFilled) {
  start(embedded_);
  const auto in_use = migrate(embedded_, *servers_);
  EXPECT_NE(in_use.exit_code, 0);
  EXPECT_THAT(in_use.err, HasSubstr("in use"));
  const auto made = embedded_.mesh(
      {"users", "create", "--tenant", "acme", "--email", "ann@acme.dev", "--name", "Ann"});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  ASSERT_EQ(embedded_.stop(), 0);
  // The brokers are away when it is half done: the stores know that it was begun.
  stack_->kafka.kill();
  const auto cut_off = migrate(embedded_, *servers_);
  EXPECT_NE(cut_off.exit_code, 0) << cut_off.out;
  stack_->kafka.start();
  moved(migrate(embedded_, *servers_));
  start(*servers_);
  EXPECT_EQ(servers_->stop(), 0);
  // A second time there is something already.
  const auto again = migrate(embedded_, *servers_);
  EXPECT_NE(again.exit_code, 0);
  EXPECT_THAT(again.err, HasSubstr("begins with"));
}

}  // namespace
}  // namespace mesh::crash
