// What the tests of generations share.
#pragma once

#include <gtest/gtest.h>

#include <future>
#include <map>
#include <memory>
#include <string>

#include "daemon/pipeline/generations/generations.h"
#include "daemon/pipeline/generations/standing.h"
#include "daemon/pipeline/scan.h"
#include "tests/daemon/pipeline/events.h"
#include "tests/daemon/pipeline/fake_task_context.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_engines.h"
#include "tests/support/fake_event_log.h"
#include "tests/support/fake_leases.h"
#include "tests/support/fake_stores.h"
#include "tests/support/manual_clock.h"

namespace mesh::pipeline {

using namespace mesh::test;

// Generations of one process, over fakes.
class GenerationsTest : public testing::Test {
 protected:
  explicit GenerationsTest(int partitions = 2) {
    log.ensure("user.events", TopicKind::entity, partitions);
    log.ensure("user.events.dlq", TopicKind::activity);
    open(embedder);
  }
  void open(Embedder& with, int batch = 256) {
    generations.reset();
    embedders = std::make_unique<FakeEmbedders>(with);
    serving_embedder = std::make_unique<ServingEmbedder>(index, *embedders, clock);
    PipelineOptions base;
    base.name = "user-index";
    base.topics = {"user.events"};
    base.batch = batch;
    base.retry = retry;
    generations = std::make_unique<Generations>(Generations::Deps{
        index, *embedders, leases, tasks, "one", base,
        PipelineDeps{log, log, retries, clock, metrics}, nullptr, serving_embedder.get()});
  }
  void start() { ASSERT_TRUE(generations->start()); }
  Position write(const std::string& action, std::int64_t user, std::int64_t version) {
    return log.append_now(to_record(user_event(action, user, version)));
  }
  bool holds(int generation, std::int64_t user) {
    return eventually([&] { return index.has(generation, "acme", user); });
  }
  // Waits until the serving generation is at the log's end. verify and rollback wait, too, but by
  // a clock that stands still.
  bool all_through() { return through(index.serving()); }
  bool through(int generation) {
    const auto group = "user-index-" + std::to_string(generation);
    return eventually([&] {
      const auto end = ends(log, log, {"user.events"});
      return end && is_through(log, retries, group, *end).value_or(false);
    });
  }
  // Runs a rebuild to its end.
  Status rebuild(Json checkpoint = Json::object(), Json spec = Json::object()) {
    FakeTaskContext context(std::move(spec), &clock);
    (void)context.progress(0, 0, std::move(checkpoint), Json::object());
    auto built = generations->rebuild(context);
    result = context.stored.result;
    return built;
  }
  std::map<int, std::string> roles() {
    std::map<int, std::string> roles;
    const auto all = generations->list();
    for (const auto& status : *all) roles[status.info.number] = status.role;
    return roles;
  }
  using Roles = std::map<int, std::string>;

  BackoffPolicy retry;  // of what is opened from here on
  ManualClock clock;
  FakeEventLog log{clock};
  FakeRetryStore retries;
  FakeLeaseStore leases{clock};
  FakeTaskStore tasks{clock};
  Metrics metrics;
  FakeEmbedder embedder;
  FakeVectorIndex index;
  std::unique_ptr<FakeEmbedders> embedders;  // of the process that was opened last
  std::unique_ptr<ServingEmbedder> serving_embedder;
  std::unique_ptr<Generations> generations;
  Json result;
};

// Two processes over the same index, log and store.
class TwoProcesses : public GenerationsTest {
 protected:
  TwoProcesses() : other(other_deps()) {}
  Generations::Deps other_deps() {
    PipelineOptions base;
    base.name = "user-index";
    base.topics = {"user.events"};
    return {index,
            other_embedders,
            leases,
            tasks,
            "two",
            base,
            PipelineDeps{log, log, retries, clock, other_metrics}};
  }
  // Both look at what the index holds.
  void look() {
    clock.await_waiters(2);
    clock.advance(Duration{2'000});
  }
  // Time moves meanwhile, however slow the machine is. In small steps where somebody tidies up
  // beside it, who has the lease for a moment and waits for no time.
  bool rolls_back(Generations& process, Duration step = Duration{1}) {
    auto done = std::async(std::launch::async, [&] { return process.rollback().has_value(); });
    while (done.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
      clock.advance(step);
      clock.await_woken();
    }
    return done.get();
  }
  bool feeds(Generations& process, const std::string& group) {
    return eventually([&] {
      auto& of = &process == &other ? other_metrics : metrics;
      return of.expose().find("pipeline=\"" + group + "\"") != std::string::npos;
    });
  }

  Metrics other_metrics;
  FakeEmbedders other_embedders{embedder};
  Generations other;
};

}  // namespace mesh::pipeline
