#include "daemon/metering/metering.h"

#include <gmock/gmock.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "tests/support/eventually.h"
#include "tests/support/fake_event_log.h"
#include "tests/support/fake_leases.h"
#include "tests/support/fake_stores.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temp_dir.h"

namespace mesh::metering {
namespace {

using std::chrono::minutes;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;

const TenantId kAcme = TenantId::parse("acme").value();
const TenantId kGlobex = TenantId::parse("globex").value();

// One process, which a test can end at any time: end() leaves what kill -9 would.
struct Process {
  explicit Process(Clock& clock) : usage(clock) {}
  Usage usage;
  Metrics metrics;
  std::unique_ptr<Metering> metering;
};

class MeteringTest : public testing::Test {
 protected:
  MeteringTest() { log.ensure("billing.events", TopicKind::activity, 1); }

  std::unique_ptr<Process> start(const std::string& name, bool counts_stored = false) {
    auto process = std::make_unique<Process>(clock);
    process->metering = Metering::open({folder, name, counts_stored}, {log, store, leases},
                                       process->usage, clock, process->metrics)
                            .value();
    return process;
  }
  // As kill -9 does: the files stay as they are, and nothing more is sealed or written.
  void end(std::unique_ptr<Process>& process) {
    const std::string left = dir.file("left");
    std::filesystem::copy(folder, left);
    log.fail_appends(100);
    store.fail_next(1, {ErrorKind::unavailable, "the process is gone", {}, {}, {}, {}});
    process.reset();
    store.fail_next(0, {});
    log.fail_appends(0);
    std::filesystem::remove_all(folder);
    std::filesystem::rename(left, folder);
  }
  void pass_minute(Process& process) {
    clock.advance(minutes{1});
    process.metering->tick();
  }

  std::vector<UsageIncrement> written() {
    std::vector<UsageIncrement> all;
    for (const auto& record : log.records("billing.events")) {
      const Event event = from_record(record).value();
      all.push_back(usage_of(event).value());
    }
    return all;
  }
  // Events by tenant, each id once.
  std::map<std::string, std::int64_t> totals() {
    std::map<std::string, std::int64_t> sums;
    std::set<std::string> seen;
    for (const auto& increment : written()) {
      if (!seen.insert(increment.id).second) continue;
      sums[increment.tenant.str()] += increment.amounts[UsageKind::events];
    }
    return sums;
  }
  std::size_t files(const std::string& ending) {
    std::size_t n = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (entry.path().extension() == ending) ++n;
    }
    return n;
  }

  ManualClock clock;
  test::TempDir dir;
  const std::string folder = dir.file("usage");
  test::FakeEventLog log{clock};
  test::FakeUsageStore store;
  test::FakeLeaseStore leases{clock};
};

TEST_F(MeteringTest, AMinuteBecomesOneEventPerTenant) {
  const auto process = start("mesh-0");
  const Timestamp begun = clock.now();
  process->usage.add("acme", {{Use::events, 3}, {Use::bytes, 300}});
  process->usage.add("acme", {{Use::searches}, {Use::embedding_tokens, 7}});
  process->usage.add("globex", {{Use::chat_tokens, 9}, {Use::chat_cost, 4}, {Use::requests, 5}});
  process->usage.add("initech", {{Use::requests, 5}});
  process->metering->tick();
  process->metering->send();
  EXPECT_THAT(written(), IsEmpty()) << "the minute is not over";
  pass_minute(*process);
  process->metering->send();

  const auto all = written();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].tenant, kAcme);
  EXPECT_EQ(all[0].process, "mesh-0");
  EXPECT_EQ(all[0].period_start, begun);
  EXPECT_EQ(all[0].seconds, 60);
  EXPECT_THAT(all[0].amounts.of, ElementsAre(3, 300, 1, 7, 0, 0, 0, 0));
  EXPECT_EQ(all[1].tenant, kGlobex);
  EXPECT_THAT(all[1].amounts.of, ElementsAre(0, 0, 0, 0, 9, 0, 0, 4));
  EXPECT_EQ(files(".period"), 0u);

  pass_minute(*process);
  process->metering->send();
  EXPECT_THAT(written(), SizeIs(2)) << "nothing was used in the second minute";
}

TEST_F(MeteringTest, WhileTheLogIsAwayMinutesWaitAsTheyAre) {
  const auto process = start("mesh-0");
  log.fail_appends(100);
  for (int i = 1; i <= 3; ++i) {
    process->usage.add("acme", {{Use::events, static_cast<std::uint64_t>(i)}});
    pass_minute(*process);
    process->metering->send();
  }
  EXPECT_EQ(files(".period"), 3u);
  log.fail_appends(0);
  process->metering->send();
  std::vector<std::int64_t> events;
  for (const auto& increment : written()) events.push_back(increment.amounts[UsageKind::events]);
  EXPECT_THAT(events, ElementsAre(1, 2, 3));
  EXPECT_EQ(written()[1].period_start - written()[0].period_start, minutes{1});
}

TEST_F(MeteringTest, AnAppendThatMayHaveComeThroughIsMadeAgainUnderTheSameIds) {
  const auto process = start("mesh-0");
  process->usage.add("acme", {{Use::events, 3}});
  process->usage.add("globex", {{Use::events, 4}});
  pass_minute(*process);
  log.tear_appends(1, [](std::size_t n) { return n == 0; });
  process->metering->send();
  EXPECT_THAT(written(), SizeIs(1));
  process->metering->send();
  EXPECT_THAT(written(), SizeIs(3));
  EXPECT_THAT(totals(), ElementsAre(Pair("acme", 3), Pair("globex", 4)));
}

TEST_F(MeteringTest, AStopWritesTheMinuteUnderWay) {
  auto process = start("mesh-0");
  process->usage.add("acme", {{Use::events, 3}});
  process->metering->stop();
  process->metering->stop();
  EXPECT_THAT(totals(), ElementsAre(Pair("acme", 3)));
  // Of what comes behind the stop the next start knows.
  process->usage.add("acme", {{Use::events, 2}});
  process.reset();
  process = start("mesh-1");
  process->metering->send();
  EXPECT_THAT(totals(), ElementsAre(Pair("acme", 5)));
  EXPECT_EQ(files(".counters"), 1u) << "its own";
}

// The day's use was forgotten by quotas until the pipeline of the next process had read it.
TEST_F(MeteringTest, AStopPutsTheMinuteUnderWayIntoTheTotals) {
  const auto process = start("mesh-0");
  process->usage.add("acme", {{Use::chat_tokens, 240}});
  process->metering->stop();
  const auto rows = store.rows();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows.begin()->second.amounts[UsageKind::chat_tokens], 240);
  ASSERT_EQ(written().size(), 1u);
  EXPECT_EQ(written()[0].id, rows.begin()->first) << "for the pipeline to count it once";
}

TEST_F(MeteringTest, AStartPutsWhatAKilledProcessLeftIntoTheTotals) {
  auto process = start("mesh-0");
  process->usage.add("acme", {{Use::chat_tokens, 240}});
  end(process);
  EXPECT_THAT(store.rows(), SizeIs(0)) << "nothing was flushed";
  process = start("mesh-1");
  const auto rows = store.rows();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows.begin()->second.amounts[UsageKind::chat_tokens], 240);
}

TEST_F(MeteringTest, AStoreThatIsAwayKeepsNobodyFromStarting) {
  auto process = start("mesh-0");
  process->usage.add("acme", {{Use::events, 3}});
  end(process);
  store.fail_next(1, {ErrorKind::unavailable, "the store is down", {}, {}, {}, {}});
  process = start("mesh-1");
  process->metering->send();
  EXPECT_THAT(totals(), ElementsAre(Pair("acme", 3)));
}

TEST_F(MeteringTest, AStopWaitsForTheLogNoLongerThanItsLimit) {
  const auto process = start("mesh-0");
  process->usage.add("acme", {{Use::events, 3}});
  log.hold_appends();
  std::thread stopping([&] { process->metering->stop(); });
  clock.await_waiters(1);
  clock.advance(Metering::kStopLimit);
  stopping.join();
  EXPECT_EQ(files(".period"), 1u) << "it waits for the next start";
  log.release_appends();
}

TEST_F(MeteringTest, WhatAKilledProcessCountedIsWrittenByTheNextOnce) {
  auto process = start("mesh-0");
  const Timestamp begun = clock.now();
  process->usage.add("acme", {{Use::events, 3}});
  pass_minute(*process);
  process->metering->send();
  process->usage.add("acme", {{Use::events, 4}});
  pass_minute(*process);  // sealed, and not sent
  process->usage.add("acme", {{Use::events, 5}});
  end(process);
  EXPECT_THAT(totals(), ElementsAre(Pair("acme", 3)));

  clock.advance(minutes{60});
  process = start("mesh-1");
  process->usage.add("acme", {{Use::events, 6}});
  process->metering->send();
  EXPECT_THAT(totals(), ElementsAre(Pair("acme", 12)));
  EXPECT_EQ(written().back().period_start, begun + minutes{2}) << "and not when it was found";
  end(process);
  process = start("mesh-2");
  process->metering->send();
  EXPECT_THAT(totals(), ElementsAre(Pair("acme", 18)));
}

TEST_F(MeteringTest, ProcessesOfOneFolderLeaveEachOthersJournals) {
  auto one = start("mesh-0"), other = start("mesh-1");
  one->usage.add("acme", {{Use::events, 3}});
  other->usage.add("acme", {{Use::events, 4}});
  one->metering->stop();
  other->metering->stop();
  EXPECT_THAT(totals(), ElementsAre(Pair("acme", 7)));
}

TEST_F(MeteringTest, DamagedFilesAreSetAsideAndOthersCount) {
  std::filesystem::create_directory(folder);
  std::ofstream(folder + "/0000.counters") << "no journal";
  std::ofstream(folder + "/0000-000000000001.period") << "{";
  const auto process = start("mesh-0");
  process->usage.add("acme", {{Use::events, 3}});
  pass_minute(*process);
  process->metering->send();
  EXPECT_THAT(totals(), ElementsAre(Pair("acme", 3)));
  EXPECT_EQ(files(".damaged"), 2u);
}

TEST_F(MeteringTest, WhatCannotBeReadNowIsTriedAgain) {
  const std::string place = folder + "/0000-000000000001.period";
  std::filesystem::create_directories(place);  // a read of a folder fails
  const auto process = start("mesh-0");
  process->usage.add("acme", {{Use::events, 3}});
  pass_minute(*process);
  process->metering->send();
  EXPECT_THAT(totals(), ElementsAre(Pair("acme", 3)));
  EXPECT_EQ(files(".damaged"), 0u);
  EXPECT_TRUE(std::filesystem::exists(place));
}

TEST_F(MeteringTest, WhatIsStoredIsCountedOnceAnHourByOneOfSeveral) {
  store.set_stored({{kAcme, {12, 3'400}}, {kGlobex, {1, 30}}});
  const auto one = start("mesh-0", true), other = start("mesh-1", true);
  one->metering->count();
  other->metering->count();
  one->metering->count();
  ASSERT_THAT(written(), SizeIs(2));
  EXPECT_EQ(written()[0].amounts[UsageKind::stored_users], 12);
  EXPECT_EQ(written()[0].amounts[UsageKind::stored_bytes], 3'400);
  EXPECT_EQ(written()[0].seconds, 3600);
  const auto first = written()[0].id;
  clock.advance(std::chrono::hours{1});
  other->metering->count();
  one->metering->count();
  ASSERT_THAT(written(), SizeIs(4));
  EXPECT_NE(written()[2].id, first);
}

TEST_F(MeteringTest, ACountOfWhatIsStoredThatFailsIsMadeAgain) {
  store.set_stored({{kAcme, {12, 3'400}}});
  const auto process = start("mesh-0", true);
  log.tear_appends(1, [](std::size_t) { return true; });
  process->metering->count();
  process->metering->count();
  ASSERT_THAT(written(), SizeIs(2));
  EXPECT_EQ(written()[0].id, written()[1].id);
}

// It was counted on the thread that writes bills, again and again where it failed.
TEST_F(MeteringTest, BillsAreWrittenWhileWhatIsStoredIsCounted) {
  std::promise<void> begun, go_on;
  store.before_stored = [&] {
    begun.set_value();
    go_on.get_future().wait();
    return Status();
  };
  const auto process = start("mesh-0", true);
  process->metering->start();
  begun.get_future().wait();
  clock.await_waiters(2);
  process->usage.add("acme", {{Use::events, 3}});
  for (int i = 0; i < 90 && written().empty(); ++i) {
    clock.advance(std::chrono::seconds{1});
    clock.await_woken();
    clock.await_waiters(2);
  }
  EXPECT_THAT(totals(), ElementsAre(Pair("acme", 3)));
  go_on.set_value();
}

TEST_F(MeteringTest, ACountThatFailedIsMadeAgainMinutesLater) {
  std::atomic<int> counts = 0;
  store.before_stored = [&]() -> Status {
    ++counts;
    return fail(ErrorKind::unavailable, "the store is away");
  };
  const auto process = start("mesh-0", true);
  process->metering->start();
  ASSERT_TRUE(test::eventually([&] { return counts == 1; }));
  clock.await_waiters(3);
  const auto failed = clock.steady();
  ASSERT_TRUE(test::advance_until(clock, Metering::kRetry, [&] {
    clock.await_waiters(3);
    return counts == 2;
  }));
  EXPECT_GE(clock.steady() - failed, Metering::kCount);
}

TEST_F(MeteringTest, ItsThreadsSealAndSendByTheClock) {
  const auto process = start("mesh-0");
  process->metering->start();
  clock.await_waiters(2);
  process->usage.add("acme", {{Use::events, 3}});
  for (int i = 0; i < 90 && written().empty(); ++i) {
    clock.advance(std::chrono::seconds{1});
    clock.await_woken();
    clock.await_waiters(2);
  }
  EXPECT_THAT(totals(), ElementsAre(Pair("acme", 3)));
}

}  // namespace
}  // namespace mesh::metering
