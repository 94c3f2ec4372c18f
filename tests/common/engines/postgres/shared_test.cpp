// Two stores on one schema, as two processes have them.
#include <set>

#include "tests/common/engines/postgres/store_fixture.h"
#include "tests/support/outbox.h"

namespace mesh::postgres {
namespace {

using test::begin;
using test::create;
using test::fails_with;
using test::is;
using test::kAcme;
using test::succeeds;
using testing::ElementsAre;
using testing::SizeIs;

constexpr Duration kTtl{60'000};

struct PostgresShared : PostgresTest {
  void SetUp() override {
    PostgresTest::SetUp();
    if (IsSkipped()) return;
    one = open(options());
    other = open(options());
  }
  std::unique_ptr<PostgresStores> one, other;
};

TEST_F(PostgresShared, IdsCountOnAcrossProcesses) {
  std::vector<std::thread> threads;
  std::mutex mutex;
  std::multiset<std::int64_t> ids;
  for (auto* store : {one.get(), other.get()}) {
    threads.emplace_back([&, store] {
      for (int i = 0; i < 100; ++i) {
        const auto user = create(store->users(), kAcme,
                                 std::to_string(i) + (store == one.get() ? "@a.dev" : "@b.dev"));
        ASSERT_TRUE(succeeds(user));
        std::lock_guard lock(mutex);
        ids.insert(user->id);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(std::set(ids.begin(), ids.end()).size(), 200u);
  EXPECT_EQ(*ids.begin(), 1);
  EXPECT_EQ(*ids.rbegin(), 200);
}

TEST_F(PostgresShared, OfOneAddressThereIsOneUserWhoeverMakesIt) {
  std::atomic<int> made{0}, conflicts{0};
  std::vector<std::thread> threads;
  for (auto* store : {one.get(), other.get()}) {
    threads.emplace_back([&, store] {
      for (int i = 0; i < 50; ++i) {
        const auto user = create(store->users(), kAcme, std::to_string(i) + "@x.dev");
        made += user.has_value();
        conflicts += !user && user.error().kind == ErrorKind::conflict;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(made, 50);
  EXPECT_EQ(conflicts, 50);
}

TEST_F(PostgresShared, ALeaseThatOneHoldsTheOtherDoesNotGet) {
  const auto lease = one->leases().acquire("relay", "one", kTtl).value();
  ASSERT_TRUE(lease);
  EXPECT_FALSE(other->leases().acquire("relay", "other", kTtl).value());
  EXPECT_TRUE(succeeds(other->leases().renew(*lease, kTtl))) << "the token tells, not the process";
  one->close();
  EXPECT_TRUE(other->leases().acquire("relay", "other", kTtl).value())
      << "one that stops gives back what it holds";
}

TEST_F(PostgresShared, AClaimOfAKeyHoldsEverywhereAndItsAnswerIsSeen) {
  const IdempotencyKey key{kAcme, "k", "f"};
  const auto claim = test::begin(one->idempotency(), key);
  ASSERT_TRUE(test::is(claim, Claim::State::fresh));
  EXPECT_TRUE(fails_with(test::begin(other->idempotency(), key), ErrorKind::conflict));
  ASSERT_TRUE(succeeds(test::wait_for<void>([&](auto done) {
    one->idempotency().finish(test::claimed(key, claim), {201, "{}", {}}, std::move(done));
  })));
  EXPECT_TRUE(test::is(test::begin(other->idempotency(), key), Claim::State::answered));
}

TEST_F(PostgresShared, ATaskHasOneHolderAndTheOtherMayAskItToStop) {
  Task task = test::bare_task("t");
  ASSERT_TRUE(succeeds(one->tasks().insert(task)));
  const auto held = other->tasks().claim("other", {{"verify"}}, kTtl).value();
  ASSERT_TRUE(held);
  EXPECT_FALSE(one->tasks().claim("one", {{"verify"}}, kTtl).value());
  ASSERT_TRUE(succeeds(one->tasks().request_cancel("t")));
  EXPECT_TRUE(other->tasks().renew("t", held->token, kTtl).value());
}

TEST_F(PostgresShared, WhoeverDoesTasksHearsOfWhatTheOtherAsksFor) {
  const auto hears = [&](const std::function<void()>& change) {
    std::promise<void> told;
    const auto watch = other->tasks().watch([&] { told.set_value(); });
    change();
    return told.get_future().wait_for(std::chrono::seconds(60)) == std::future_status::ready;
  };
  EXPECT_TRUE(hears([&] { ASSERT_TRUE(one->tasks().insert(test::bare_task("t"))); }));
  const auto held = other->tasks().claim("other", {{"verify"}}, kTtl).value();
  ASSERT_TRUE(held);
  EXPECT_TRUE(hears([&] { ASSERT_TRUE(one->tasks().request_cancel("t")); }));
  EXPECT_TRUE(other->tasks().renew("t", held->token, kTtl).value());
}

// What was said while a listener had no connection, nobody says again.
TEST_F(PostgresShared, WhoeverDoesTasksIsToldOnceItsListenerIsBack) {
  const std::string listener =
      "FROM pg_stat_activity WHERE query LIKE 'LISTEN \"mesh:" + schema() + "\"'";
  std::promise<void> told;
  const auto watch = other->tasks().watch([&] { told.set_value(); });
  ask("SELECT count(pg_terminate_backend(pid)) " + listener);
  EXPECT_EQ(told.get_future().wait_for(std::chrono::seconds(60)), std::future_status::ready);
}

TEST_F(PostgresShared, ReadersHearOfWhatTheOtherCommits) {
  const auto reader = one->outbox().open({});
  ASSERT_THAT(reader->next(10).value(), SizeIs(0));
  auto waits = std::async(std::launch::async, [&] { return reader->wait(kTtl); });
  ASSERT_TRUE(create(other->users(), kAcme, "a@x.dev"));
  EXPECT_TRUE(waits.get());
  EXPECT_THAT(reader->next(10).value(), SizeIs(1));
  auto again = std::async(std::launch::async, [&] { return reader->wait(kTtl); });
  ASSERT_TRUE(other->tenants().create({.id = kAcme, .name = "Acme"}));
  EXPECT_TRUE(again.get());
}

TEST_F(PostgresShared, AListenerThatLostItsConnectionHearsAgain) {
  const auto reader = one->outbox().open({});
  const std::string listeners =
      "FROM pg_stat_activity WHERE query LIKE 'LISTEN \"mesh:" + schema() + "\"'";
  for (int round = 0; round < 3; ++round) {
    while (!reader->next(10).value().empty()) {
    }
    ASSERT_TRUE(test::eventually([&] { return ask("SELECT count(*) " + listeners) == "2"; }));
    ask("SELECT count(pg_terminate_backend(pid)) " + listeners);
    // Whether it is said before or after it listens again: the reader is told.
    ASSERT_TRUE(create(other->users(), kAcme, std::to_string(round) + "@x.dev"));
    EXPECT_TRUE(test::eventually([&] {
      return reader->wait(Duration{1'000}) && reader->next(10).value().size() == 1;
    })) << round;
  }
}

// A process that was killed: its connections are gone, and its claims would last for a minute.
TEST_F(PostgresShared, AClaimOfOneWhoIsGoneIsTheNextOnes) {
  const IdempotencyKey key{kAcme, "k", "payload"};
  const auto begun = begin(one->idempotency(), key, true);
  ASSERT_TRUE(is(begun, Claim::State::fresh));
  EXPECT_TRUE(fails_with(begin(other->idempotency(), key, true), ErrorKind::conflict));
  ask("UPDATE idempotency SET holder=holder+1");  // as of a process that is not there
  EXPECT_TRUE(is(begin(other->idempotency(), key, true), Claim::State::interrupted));
}

// A sequence is given out before its transaction commits: here the lower one commits later.
TEST_F(PostgresShared, AnEntryOfALowerNumberIsGivenThoughHigherOnesWereAcknowledged) {
  const auto lease = *one->leases().acquire("relay", "one", kTtl).value();
  const auto reader = one->outbox().open(lease);
  const std::string slow = ask("SELECT nextval('outbox_sequence')");
  ASSERT_TRUE(create(other->users(), kAcme, "quick@x.dev"));
  const auto quick = test::sequences(reader->next(10).value());
  ASSERT_THAT(quick, SizeIs(1));
  ASSERT_TRUE(succeeds(test::acknowledge(*reader, quick)));
  ask("INSERT INTO outbox(sequence,topic,key,value,headers) SELECT " + slow +
      ",'user.events','acme/9','{}',''");
  const auto late = test::sequences(reader->next(10).value());
  ASSERT_THAT(late, ElementsAre(std::stoll(slow)));
  EXPECT_LT(late[0], quick[0]);
  EXPECT_EQ(one->outbox().size(), 1) << "the acknowledgement took it not";
}

TEST_F(PostgresShared, TasksOfTwoProcessesAreClaimedOnceEach) {
  constexpr int kTasks = 60;
  for (int i = 0; i < kTasks; ++i) {
    ASSERT_TRUE(one->tasks().insert(test::bare_task("t" + std::to_string(i))));
  }
  std::mutex mutex;
  std::multiset<std::string> claimed;
  std::vector<std::thread> threads;
  for (auto* store : {one.get(), other.get(), one.get(), other.get()}) {
    threads.emplace_back([&, store] {
      while (auto task = store->tasks().claim("x", {{"verify"}}, kTtl).value()) {
        std::lock_guard lock(mutex);
        claimed.insert(task->task.id);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(claimed.size(), static_cast<std::size_t>(kTasks));
  EXPECT_EQ(std::set(claimed.begin(), claimed.end()).size(), claimed.size());
}

// One parks while the other takes the partition: what is parked is taken, or is a conflict.
TEST_F(PostgresShared, WhatIsParkedIsTakenOrRefused) {
  for (int round = 0; round < 20; ++round) {
    const Parker before{"search", "a" + std::to_string(round)},
        after{"search", "b" + std::to_string(round)};
    const TopicPartition partition{"t" + std::to_string(round), 0};
    ParkedEvent event;
    event.record.position = {partition.topic, 0, 1};
    if (round % 2 == 0) {
      ASSERT_TRUE(one->retries().take(before, {partition}));
    }
    Status parked;
    std::thread slow([&] { parked = one->retries().park(before, std::span(&event, 1)); });
    const auto taken = other->retries().take(after, {partition});
    slow.join();
    ASSERT_TRUE(succeeds(taken));
    EXPECT_EQ(parked.has_value(), taken->size() == 1) << "in round " << round;
    if (!parked) {
      EXPECT_EQ(parked.error().kind, ErrorKind::conflict);
    }
  }
}

TEST_F(PostgresShared, ExpiredAnswersAreRemoved) {
  ManualClock clock;
  test::PostgresHarness store(clock, server());
  const auto answers = [&] {
    return server().ask("SELECT count(*) FROM " + store.schema() + ".idempotency");
  };
  for (int i = 0; i < 600; ++i) {
    const IdempotencyKey key{kAcme, "k" + std::to_string(i), "f"};
    const auto claim = test::begin(store.idempotency(), key);
    ASSERT_TRUE(succeeds(test::wait_for<void>([&](auto done) {
      store.idempotency().finish(test::claimed(key, claim), {201, "{}", {}}, std::move(done));
    })));
  }
  clock.advance(std::chrono::hours(23));
  ASSERT_TRUE(test::begin(store.idempotency(), {kAcme, "kept", "f"}));
  EXPECT_EQ(answers(), "601");
  clock.advance(std::chrono::hours(2));
  ASSERT_TRUE(test::begin(store.idempotency(), {kAcme, "new", "f"}));
  EXPECT_TRUE(test::eventually([&] { return answers() == "2"; })) << answers();
}

}  // namespace
}  // namespace mesh::postgres
