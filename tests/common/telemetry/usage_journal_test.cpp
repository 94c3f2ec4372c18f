#include "common/telemetry/usage_journal.h"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "common/telemetry/usage.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temp_dir.h"

namespace mesh {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

using Periods = std::vector<UsageJournal::Period>;

class UsageJournalTest : public testing::Test {
 protected:
  std::unique_ptr<UsageJournal> make() { return UsageJournal::make(path, clock.now()).value(); }
  // What a process left; `kept`: the period behind its last seal was kept.
  Result<std::unique_ptr<UsageJournal>> adopt(bool kept = false) {
    return UsageJournal::adopt(path, [kept](const auto&, auto) { return kept; });
  }
  static void use(UsageJournal& journal, std::string_view tenant, std::uint64_t n) {
    (*journal.find(tenant))[0] += n;
  }
  Status seal(UsageJournal& journal) {
    return journal.seal(clock.now(), [this](const auto& period) {
      periods.push_back(period);
      return Status{};
    });
  }
  Status fail_to_seal(UsageJournal& journal) {
    return journal.seal(clock.now(),
                        [](const auto&) -> Status { return fail(ErrorKind::unavailable, "full"); });
  }
  // Tenants and the first use of the periods together.
  std::map<std::string, std::uint64_t> sums() const {
    std::map<std::string, std::uint64_t> all;
    for (const auto& period : periods) {
      for (const auto& row : period.rows) all[row.tenant] += row.used[0];
    }
    return all;
  }

  ManualClock clock;
  test::TempDir dir;
  const std::string path = dir.file("counters");
  Periods periods;
};

TEST_F(UsageJournalTest, APeriodHasWhatWasCountedSinceTheOneBefore) {
  const auto journal = make();
  use(*journal, "acme", 3);
  use(*journal, "globex", 1);
  clock.advance(minutes{1});
  ASSERT_TRUE(seal(*journal));
  use(*journal, "acme", 4);
  clock.advance(minutes{1});
  ASSERT_TRUE(seal(*journal));
  ASSERT_EQ(periods.size(), 2u);
  EXPECT_EQ(periods[0].rows.size(), 2u);
  ASSERT_EQ(periods[1].rows.size(), 1u);
  EXPECT_EQ(periods[1].rows[0].tenant, "acme");
  EXPECT_EQ(periods[1].rows[0].used[0], 4u);
  EXPECT_EQ(periods[0].journal, periods[1].journal);
  EXPECT_EQ(periods[1].number, periods[0].number + 1);
  EXPECT_EQ(periods[0].end, periods[1].start);
  EXPECT_EQ(periods[1].end, clock.now());
}

TEST_F(UsageJournalTest, AMinuteWithoutUseIsNoPeriod) {
  const auto journal = make();
  clock.advance(minutes{1});
  ASSERT_TRUE(seal(*journal));
  EXPECT_THAT(periods, IsEmpty());
  use(*journal, "acme", 1);
  clock.advance(minutes{1});
  ASSERT_TRUE(seal(*journal));
  EXPECT_EQ(periods.at(0).start, clock.now() - minutes{1});
}

TEST_F(UsageJournalTest, APeriodThatCouldNotBeKeptGoesOn) {
  const auto journal = make();
  use(*journal, "acme", 3);
  EXPECT_FALSE(fail_to_seal(*journal));
  use(*journal, "acme", 4);
  use(*journal, "globex", 1);
  EXPECT_FALSE(fail_to_seal(*journal));
  ASSERT_TRUE(seal(*journal));
  EXPECT_EQ(periods.at(0).number, 1u);
  EXPECT_THAT(sums(), ElementsAre(Pair("acme", 7), Pair("globex", 1)));
}

TEST_F(UsageJournalTest, WhatAProcessLeftIsSealedOnce) {
  auto journal = make();
  use(*journal, "acme", 3);
  ASSERT_TRUE(seal(*journal));
  use(*journal, "acme", 4);
  clock.advance(seconds{7});
  journal->sync(clock.now());
  journal.reset();

  clock.advance(minutes{30});
  auto left = adopt().value();
  ASSERT_NE(left, nullptr);
  EXPECT_EQ(left->last_seen(), clock.now() - minutes{30});
  ASSERT_TRUE(seal(*left));
  EXPECT_THAT(sums(), ElementsAre(Pair("acme", 7)));
  left.reset();
  left = adopt().value();
  ASSERT_TRUE(seal(*left));
  EXPECT_EQ(periods.size(), 2u) << "nothing was left";
}

// The process ended between keeping a period and noting that it is sealed.
TEST_F(UsageJournalTest, APeriodThatWasKeptIsNotSealedAgain) {
  auto journal = make();
  use(*journal, "acme", 3);
  ASSERT_TRUE(seal(*journal));
  use(*journal, "acme", 4);
  UsageJournal::Period kept;
  EXPECT_FALSE(journal->seal(clock.now(), [&](const auto& period) -> Status {
    kept = period;
    return fail(ErrorKind::internal, "as if it ended here");
  }));
  periods.push_back(kept);
  use(*journal, "acme", 5);
  journal.reset();
  std::uint64_t asked = 0;
  const auto left = UsageJournal::adopt(path, [&](const auto& id, auto number) {
                      asked = number;
                      return id == kept.journal && number == kept.number;
                    }).value();
  EXPECT_EQ(asked, 2u);
  ASSERT_TRUE(seal(*left));
  EXPECT_EQ(periods.back().number, 3u);
  EXPECT_THAT(sums(), ElementsAre(Pair("acme", 12)));
}

TEST_F(UsageJournalTest, WhatAProcessUsesIsLeftToIt) {
  const auto journal = make();
  EXPECT_EQ(adopt().value(), nullptr);
}

TEST_F(UsageJournalTest, WhatIsNoJournalIsDamaged) {
  for (const std::string& bytes : {std::string(), std::string("hello"), std::string(8192, 'x')}) {
    std::ofstream(path, std::ios::trunc) << bytes;
    const auto left = adopt();
    ASSERT_FALSE(left);
    EXPECT_EQ(left.error().kind, ErrorKind::corrupt);
  }
}

// The number of slots led behind what is mapped, and a name without an end into the counters.
TEST_F(UsageJournalTest, OneThatNamesMoreThanItHasIsDamaged) {
  const auto spoil = [&](std::size_t at, const std::string& bytes) {
    auto journal = make();
    use(*journal, "acme", 1);
    journal.reset();
    // Longer than the tenants that there may be: a hole, which costs nothing.
    std::filesystem::resize_file(path, (UsageJournal::kMaxTenants + 100) * 256);
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(at));
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    file.close();
    const auto left = adopt();
    const bool damaged = !left && left.error().kind == ErrorKind::corrupt;
    std::filesystem::remove(path);
    return damaged;
  };
  std::string slots(8, '\0');
  slots[2] = 4;  // kMaxTenants
  EXPECT_FALSE(spoil(80, slots));
  slots[0] = 1;
  EXPECT_TRUE(spoil(80, slots));
  EXPECT_TRUE(spoil(8, std::string(40, 'x'))) << "the id";
  EXPECT_TRUE(spoil(4096, std::string(64, 'x'))) << "a tenant";
}

TEST_F(UsageJournalTest, TheFileGrowsWithTheTenants) {
  auto journal = make();
  for (int i = 0; i < 1'000; ++i) use(*journal, "t" + std::to_string(i), 1);
  use(*journal, "t0", 1);
  journal.reset();
  const auto left = adopt().value();
  ASSERT_TRUE(seal(*left));
  const auto all = sums();
  EXPECT_EQ(all.size(), 1'000u);
  EXPECT_EQ(all.at("t0"), 2u);
  EXPECT_EQ(all.at("t999"), 1u);
}

TEST_F(UsageJournalTest, NothingThatIsCountedWhileAPeriodEndsIsLostOrCountedTwice) {
  const auto journal = make();
  constexpr int kEach = 20'000;
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < kEach; ++n) use(*journal, n % 2 == 0 ? "acme" : "globex", 1);
    });
  }
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(seal(*journal));
  for (auto& thread : threads) thread.join();
  ASSERT_TRUE(seal(*journal));
  EXPECT_THAT(sums(), ElementsAre(Pair("acme", kEach), Pair("globex", kEach)));
}

// A child counts, tells so, and is killed while it goes on.
TEST_F(UsageJournalTest, AKilledProcessLeavesAllThatItHadCounted) {
  std::array<int, 2> pipe_ends{};
  ASSERT_EQ(pipe(pipe_ends.data()), 0);
  const pid_t child = fork();
  if (child == 0) {
    Usage usage(system_clock());
    const auto journal = UsageJournal::make(path, system_clock().now());
    usage.keep_in(**journal);
    for (int i = 0; i < 1'000; ++i) usage.add("acme", {{Use::events, 2}, {Use::chat_tokens, 5}});
    (void)!write(pipe_ends[1], "x", 1);
    pause();
  }
  char told = 0;
  ASSERT_EQ(read(pipe_ends[0], &told, 1), 1);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  const auto left = adopt().value();
  ASSERT_TRUE(seal(*left));
  ASSERT_EQ(periods.size(), 1u);
  EXPECT_THAT(periods[0].rows.at(0).used, ElementsAre(2'000, 0, 0, 0, 5'000, 0));
  for (const int end : pipe_ends) close(end);
}

// The format that a meshd of before the cost of chats reads, and left behind.
TEST_F(UsageJournalTest, TheFirstCountersStandWhereTheyStoodBefore) {
  constexpr std::size_t kSlot = 4096, kUsed = kSlot + 64, kMarks = kUsed + 5 * 8;
  {
    const auto journal = make();
    Usage usage(clock);
    usage.keep_in(*journal);
    usage.add("acme", {{Use::events, 3}, {Use::chat_tokens, 7}, {Use::chat_cost, 11}});
    ASSERT_TRUE(seal(*journal));
  }
  EXPECT_THAT(periods.at(0).rows.at(0).used, ElementsAre(3, 0, 0, 0, 7, 11));
  std::ifstream file(path, std::ios::binary);
  const auto number_at = [&](std::size_t at) {
    std::uint64_t number = 0;
    file.seekg(static_cast<std::streamoff>(at));
    file.read(reinterpret_cast<char*>(&number), sizeof number);
    return number;
  };
  EXPECT_EQ(number_at(kUsed), 3u);
  EXPECT_EQ(number_at(kUsed + 4 * 8), 7u);
  EXPECT_EQ(number_at(kMarks + 5 * 8), 3u) << "the mark of the first seal, whose number is odd";
  EXPECT_EQ(number_at(kMarks + 10 * 8), 11u) << "what came later stands behind all of them";
}

TEST_F(UsageJournalTest, TenantsBeyondThoseCountedLiveAreBilledByName) {
  const auto journal = make();
  Usage usage(clock, 1);
  usage.keep_in(*journal);
  usage.add("acme", {{Use::events, 1}, {Use::requests, 1}});
  usage.add("globex", {{Use::events, 2}, {Use::requests, 1}});
  usage.add("initech", {{Use::events, 3}, {Use::requests, 1}});
  usage.add("nobody", {{Use::requests, 1}});
  ASSERT_TRUE(seal(*journal));
  EXPECT_THAT(sums(), ElementsAre(Pair("acme", 1), Pair("globex", 2), Pair("initech", 3)));
}

TEST_F(UsageJournalTest, ATenantThatFoundTheDiskFullIsBilledOnceThereIsRoom) {
  const auto journal = make();
  Usage usage(clock);
  usage.keep_in(*journal);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handled = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit full{std::filesystem::file_size(path), before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &full), 0);
  for (int i = 0; i < 64; ++i) usage.add("t" + std::to_string(i), {{Use::events}});
  usage.add("acme", {{Use::events, 3}});
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handled);
  usage.add("acme", {{Use::events, 3}});
  EXPECT_EQ(journal->find("acme"), nullptr) << "it is tried once a minute";
  clock.advance(minutes{1});
  journal->sync(clock.now());
  usage.add("acme", {{Use::events, 4}});
  ASSERT_TRUE(seal(*journal));
  EXPECT_EQ(sums()["acme"], 4u);
  for (const auto& row : usage.totals()) {
    if (row.tenant != "acme") continue;
    EXPECT_EQ(row[Use::events], 10u);
  }
}

}  // namespace
}  // namespace mesh
