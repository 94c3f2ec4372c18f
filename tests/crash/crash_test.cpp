// kill -9 on the real meshd under load, over and over; see docs/durability.md.
//
// MESH_CRASH_CYCLES (20), MESH_CRASH_SEED (random) and MESH_CRASH_DIR (a temporary folder; a given
// one stays) come from scripts/crash.
#include <gtest/gtest.h>
#include <signal.h>

#include <condition_variable>
#include <iostream>
#include <thread>

#include "tests/crash/checker.h"
#include "tests/crash/writer.h"
#include "tests/e2e/daemon.h"
#include "tests/support/temp_dir.h"

namespace mesh::crash {
namespace {

constexpr int kWriters = 6;
constexpr std::chrono::seconds kLoadLimit{20};  // of a cycle whose target of answers is not reached

std::string variable(const char* name, const std::string& fallback) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : fallback;
}

// How a run of the daemon ends.
enum class End { kill, kill_at_start, kill_in_stop, kill_in_rebuild, kill_in_replay, stop };
constexpr const char* kEnds[] = {"under load",       "while starting",  "while stopping",
                                 "during a rebuild", "during a replay", "stopped"};

class Crash : public ::testing::Test {
 protected:
  Crash()
      : cycles_(std::stoi(variable("MESH_CRASH_CYCLES", "20"))),
        seed_(std::stoull(variable("MESH_CRASH_SEED", std::to_string(std::random_device{}())))),
        random_(seed_),
        daemon_(variable("MESH_CRASH_DIR", dir_.path()) + "/data",
                "rate_limits: {search: null, publish: null, users: null}\n"
                "log: {partitions: 3}\nhttp: {drain_timeout: 5s}\npipelines: {batch: 32}\n") {
    for (int i = 0; i < kWriters; ++i) {
      writers_.push_back(std::make_unique<Writer>(i, random_(), ledger_));
      all_.push_back(writers_.back().get());
    }
  }

  std::int64_t pick(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random_);
  }
  // Spends up to `limit` on nothing, so that a kill comes at any moment.
  void dawdle(std::chrono::microseconds limit) {
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable nobody;
    nobody.wait_for(lock, std::chrono::microseconds(pick(0, limit.count())));
  }

  Mesh mesh() {
    Mesh at;
    for (const char* role : {"users", "gateway", "publisher", "subscriber", "admin"})
      at.addresses[role] = daemon_.address(role);
    at.operator_token = daemon_.operator_token();
    return at;
  }

  End choose() {
    const auto n = pick(0, 9);
    if (n < 5) return End::kill;
    return static_cast<End>(n - 4);
  }

  // Runs the writers until they got some answers, and ends the daemon meanwhile.
  void load_and_end(End end) {
    const Mesh at = mesh();
    if (end == End::kill_in_rebuild) task("/admin/v1/indexes/rebuild", Json::object());
    if (end == End::kill_in_replay) {
      task("/admin/v1/replays", {{"topic", "analytics.events"},
                                 {"pipeline", "analytics"},
                                 {"from", "start"},
                                 {"to", "end"}});
    }
    std::atomic<bool> stop{false};
    std::atomic<int> answers{0};
    std::vector<std::thread> threads;
    for (auto& writer : writers_) threads.emplace_back([&] { writer->run(at, stop, answers); });
    std::thread watcher([&] {
      while (!stop) checker_.watch_groups(at);
    });
    // A rebuild or a replay of little data is soon over.
    const auto target =
        pick(0, end == End::kill_in_rebuild || end == End::kill_in_replay ? 60 : 600);
    const auto deadline = std::chrono::steady_clock::now() + kLoadLimit;
    while (answers < target && std::chrono::steady_clock::now() < deadline)
      dawdle(std::chrono::microseconds(500));
    EXPECT_GE(answers, target) << "the daemon hardly answers";
    dawdle(std::chrono::milliseconds(3));
    if (end == End::kill_in_stop) {
      daemon_.signal(SIGTERM);
      dawdle(std::chrono::milliseconds(40));
    }
    if (end == End::stop) {
      EXPECT_EQ(daemon_.stop(), 0) << daemon_.errors();
    } else {
      daemon_.kill();
    }
    stop = true;
    for (auto& thread : threads) thread.join();
    watcher.join();
  }

  void task(const std::string& target, const Json& body) {
    const auto answer =
        daemon_.call("admin", "POST", target, daemon_.operator_token(), body.dump());
    ASSERT_EQ(answer.status, 202) << answer.body;
    tasks_.push_back(answer.json()["id"]);
  }

  // Tasks that a crash cut go on and end.
  void finish_tasks() {
    for (const auto& id : std::exchange(tasks_, {})) {
      const Json task =
          daemon_
              .call("admin", "GET", "/admin/v1/tasks/" + id + "?wait=25", daemon_.operator_token())
              .json();
      EXPECT_EQ(task["state"], "done") << task.dump();
    }
  }

  void report() {
    std::map<std::string, int> answered;
    int cut = 0, repeated = 0;
    for (const auto* writer : all_) {
      for (const auto& [route, count] : writer->answered()) answered[route] += count;
      cut += writer->cut(), repeated += writer->repeated();
    }
    std::cout << "seed " << seed_ << ": " << cycles_ << " cycles";
    for (std::size_t i = 0; i < std::size(kEnds); ++i)
      std::cout << (i == 0 ? " (" : ", ") << ends_[i] << " " << kEnds[i];
    std::cout << "); " << checker_.records() << " records read; " << cut << " requests cut, "
              << repeated << " repeated, " << checker_.relayed_twice()
              << " records relayed twice; acknowledged:";
    for (const auto& [route, count] : answered) {
      std::cout << " " << route << " " << count << (route == answered.rbegin()->first ? "\n" : ",");
      EXPECT_GT(count, 0) << route;
    }
    EXPECT_EQ(answered.size(), 12u) << "a route was never used";
  }

  test::TempDir dir_;
  const int cycles_;
  const std::uint64_t seed_;
  std::mt19937_64 random_;
  Ledger ledger_;
  std::vector<std::unique_ptr<Writer>> writers_;
  std::vector<Writer*> all_;
  e2e::Daemon daemon_;
  Checker checker_{daemon_, Promise::nothing_done};
  std::vector<std::string> tasks_;
  int ends_[std::size(kEnds)] = {};
};

TEST_F(Crash, WhatWasAcknowledgedIsThereOnceAfterEveryKill) {
  RecordProperty("seed", std::to_string(seed_));
  for (int cycle = 0; cycle < cycles_; ++cycle) {
    SCOPED_TRACE("seed " + std::to_string(seed_) + ", cycle " + std::to_string(cycle));
    End end = choose();
    if (end == End::kill_at_start && cycle > 0) {
      daemon_.launch();
      dawdle(std::chrono::milliseconds(60));
      daemon_.kill();
      ++ends_[static_cast<int>(end)];
      end = End::kill;
    }
    ++ends_[static_cast<int>(end)];
    ASSERT_TRUE(daemon_.start()) << daemon_.errors();
    checker_.groups_have_not_gone_back();
    for (auto* writer : all_) EXPECT_TRUE(writer->resolve(mesh()));
    // Now and then the next crash finds the backlog of the one before.
    if (pick(0, 3) > 0) {
      daemon_.await_idle();
      finish_tasks();
      checker_.check(ledger_, all_);
    }
    if (HasFailure()) break;
    load_and_end(end);
  }
  if (!HasFailure()) {
    ASSERT_TRUE(daemon_.start()) << daemon_.errors();
    checker_.groups_have_not_gone_back();
    for (auto* writer : all_) EXPECT_TRUE(writer->resolve(mesh()));
    daemon_.await_idle();
    finish_tasks();
    checker_.check_all(ledger_, all_);
    EXPECT_EQ(daemon_.stop(), 0) << daemon_.errors();
  }
  report();
}

}  // namespace
}  // namespace mesh::crash
