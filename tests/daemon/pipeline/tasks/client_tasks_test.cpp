#include "daemon/pipeline/tasks/client_tasks.h"

#include <gtest/gtest.h>

#include "common/domain/catalogue.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_event_log.h"
#include "tests/support/fake_stores.h"
#include "tests/support/manual_clock.h"

namespace mesh::pipeline {
namespace {

using namespace mesh::test;
using State = Task::State;

constexpr Duration kReportStep{1'000};

// Two processes over one store: what one is told the other knows; a third that does tasks.
class ClientTasksTest : public testing::Test {
 protected:
  ClientTasksTest() {
    log.ensure("task.events", TopicKind::activity, 1);
    for (const auto kind : kClientTaskKinds) runner.define(std::string(kind), end_of_silent);
  }
  std::string begun() {
    const auto task = one.begin("import", {{"tenant", "acme"}}, "anna");
    EXPECT_TRUE(task);
    return task ? task->id : "";
  }
  Task at_store(const std::string& id) { return *store.get(id); }
  bool comes_to(const std::string& id, State state) {
    return advance_until(clock, kReportStep, [&] { return at_store(id).state == state; });
  }
  // The runner looks once a second.
  void pass(Duration time) {
    for (Duration passed{0}; passed < time; passed += kReportStep) {
      clock.await_waiters(2);
      clock.advance(kReportStep);
    }
    clock.await_waiters(2);
  }
  std::vector<std::string> events() const {
    std::vector<std::string> types;
    for (const auto& record : log.records("task.events")) {
      types.emplace_back(find_header(record.headers, "ce_type"));
    }
    return types;
  }

  ManualClock clock;
  Metrics metrics;
  FakeEventLog log{clock};
  FakeTaskStore store{clock};
  ClientTasks one{store, log, "one", clock, metrics};
  ClientTasks other{store, log, "other", clock, metrics};
  TaskRunner runner{store, log, "third", clock, metrics};
};

TEST_F(ClientTasksTest, ATaskRunsFromItsBeginAndShowsWhatIsReportedThroughAnyProcess) {
  const std::string id = begun();
  EXPECT_EQ(at_store(id).state, State::running);
  EXPECT_EQ(at_store(id).started_by, "anna");
  EXPECT_EQ(one.report(id, {500, 1'200, {{"created", 500}}}).value(), false);
  EXPECT_EQ(other.report(id, {600, 1'200, {{"created", 600}}}).value(), false);
  EXPECT_EQ(at_store(id).done, 600);
  EXPECT_EQ(at_store(id).total, 1'200);
  EXPECT_EQ(at_store(id).result, (Json{{"created", 600}}));
}

TEST_F(ClientTasksTest, ItEndsWithItsCountsAndTheEventsTellOfIt) {
  const std::string id = begun();
  const auto ended = other.end(id, {9, 9, {{"created", 9}}}, State::done, "");
  ASSERT_TRUE(ended);
  EXPECT_EQ(to_json(*ended)["summary"], "imported 9 users");
  EXPECT_EQ(at_store(id).finished_at, clock.now());
  EXPECT_EQ(events(), (std::vector<std::string>{"task.created", "task.completed"}));
  const Json data = *parse_json(*log.records("task.events").back().value);
  EXPECT_EQ(data["started_by"], "anna");
  EXPECT_TRUE(validate_data(*find_event_type("task.completed"), data));
  EXPECT_NE(metrics.expose().find("mesh_tasks_ended_total{kind=\"import\",outcome=\"done\"} 1"),
            std::string::npos);
}

// As after an answer that was lost.
TEST_F(ClientTasksTest, AnEndThatIsSaidAgainIsTheSameAndAnotherIsRefused) {
  const std::string id = begun();
  ASSERT_TRUE(one.end(id, {}, State::failed, "the disk is full"));
  EXPECT_TRUE(other.end(id, {}, State::failed, "the disk is full"));
  EXPECT_EQ(std::ranges::count(events(), "task.completed"), 1);
  const auto late = one.end(id, {}, State::done, "");
  EXPECT_EQ(late.error().kind, ErrorKind::conflict);
  EXPECT_EQ(late.error().message,
            "task " + id + " has ended already: it is failed, since the disk is full");
  EXPECT_EQ(one.report(id, {}).error().kind, ErrorKind::conflict);
}

TEST_F(ClientTasksTest, OneThatReportsIsNobodysElse) {
  runner.start();
  const std::string id = begun();
  for (int i = 0; i < 5; ++i) {
    pass(kClientSilence - kReportStep);
    ASSERT_TRUE(one.report(id, {i, 0, Json::object()}));
  }
  EXPECT_EQ(at_store(id).state, State::running);
}

TEST_F(ClientTasksTest, OfAClientThatIsGoneTheTaskFailsInWords) {
  const std::string id = begun();
  clock.advance(kReportStep);
  ASSERT_TRUE(one.report(id, {5, 9, {{"created", 5}}}));
  runner.start();
  ASSERT_TRUE(comes_to(id, State::failed));
  EXPECT_EQ(at_store(id).error,
            "the client that did it is gone: it stopped reporting at 2026-01-01T00:00:01.000Z; run "
            "it again");
  EXPECT_EQ(at_store(id).result, (Json{{"created", 5}})) << "what it did is not forgotten";
  EXPECT_GE(at_store(id).finished_at - at_store(id).started_at, kClientSilence);
  EXPECT_EQ(one.report(id, {6, 9, Json::object()}).error().kind, ErrorKind::conflict);
}

// It stops, and says itself how far it came.
TEST_F(ClientTasksTest, AClientLearnsWithItsReportThatItsTaskIsCancelled) {
  runner.start();
  const std::string id = begun();
  ASSERT_TRUE(runner.cancel(id));
  pass(kClientSilence - kReportStep);
  EXPECT_EQ(at_store(id).state, State::running) << "its client is there";
  EXPECT_EQ(one.report(id, {5, 9, {{"created", 5}}}).value(), true);
  ASSERT_TRUE(one.end(id, {6, 9, {{"created", 6}}}, State::cancelled, ""));
  EXPECT_EQ(to_json(at_store(id))["summary"], "cancelled, imported 6 users");
}

TEST_F(ClientTasksTest, AClientThatWasAwayLongWhenItsTaskWasCancelledStopsNevertheless) {
  runner.start();
  const std::string id = begun();
  ASSERT_TRUE(runner.cancel(id));
  ASSERT_TRUE(comes_to(id, State::cancelled));
  EXPECT_EQ(one.report(id, {}).value(), true);
}

TEST_F(ClientTasksTest, WhatIsNoClientsIsRefused) {
  EXPECT_EQ(one.begin("rebuild", Json::object(), "anna").error().kind, ErrorKind::invalid);
  const auto redrive = runner.submit("redrive", Json::object(), 0, "anna");
  ASSERT_TRUE(redrive);
  EXPECT_EQ(one.report(redrive->id, {}).error().kind, ErrorKind::conflict);
  EXPECT_EQ(one.end(redrive->id, {}, State::done, "").error().kind, ErrorKind::conflict);
  EXPECT_EQ(at_store(redrive->id).state, State::queued);
  EXPECT_EQ(one.report("none", {}).error().kind, ErrorKind::not_found);
  EXPECT_EQ(one.end(begun(), {}, State::queued, "").error().kind, ErrorKind::invalid);
}

TEST_F(ClientTasksTest, AReportThatMeetsAnotherProcessIsWorthAnotherTry) {
  const std::string id = begun();
  const auto held = store.claim("third", {.kinds = {"import"}}, kReportStep);
  ASSERT_TRUE(held && *held);
  EXPECT_EQ(one.report(id, {}).error().kind, ErrorKind::unavailable);
  store.release(id, (*held)->token);
  EXPECT_TRUE(one.report(id, {}));
}

TEST_F(ClientTasksTest, AReportThatIsNotStoredIsMadeGoodByTheNext) {
  const std::string id = begun();
  store.fail_stores(1);
  EXPECT_FALSE(one.report(id, {5, 0, Json::object()}));
  ASSERT_TRUE(one.report(id, {6, 0, Json::object()}));
  store.fail_stores(1);
  EXPECT_FALSE(one.end(id, {7, 0, Json::object()}, State::done, ""));
  ASSERT_TRUE(one.end(id, {7, 0, Json::object()}, State::done, ""));
  EXPECT_EQ(std::ranges::count(events(), "task.completed"), 1);
}

}  // namespace
}  // namespace mesh::pipeline
