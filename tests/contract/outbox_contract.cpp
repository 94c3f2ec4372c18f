#include "tests/contract/outbox_contract.h"

#include <gmock/gmock.h>

namespace mesh::test {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

void OutboxContract::add(int count) {
  for (int i = 0; i < count; ++i) {
    ASSERT_TRUE(create(store_->users(), kAcme, "u" + std::to_string(added_++) + "@x.dev"));
  }
}

TEST_P(OutboxContract, EntriesAreGivenOnceInTheOrderOfTheirCommits) {
  add(4);
  const auto reader = open();
  const auto first = reader->next(3).value();
  ASSERT_THAT(first, SizeIs(3));
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(first[i].record.key, "acme/" + std::to_string(i + 1));
    EXPECT_GT(first[i].sequence, i == 0 ? 0 : first[i - 1].sequence);
  }
  EXPECT_THAT(next(*reader), SizeIs(1));
  EXPECT_THAT(next(*reader), IsEmpty());
  add(1);
  EXPECT_THAT(next(*reader), SizeIs(1));
}

TEST_P(OutboxContract, EachReaderIsGivenAll) {
  add(3);
  const auto one = store_->outbox().open({}), other = store_->outbox().open({});
  EXPECT_THAT(next(*one), SizeIs(3));
  EXPECT_THAT(next(*other), SizeIs(3));
}

TEST_P(OutboxContract, ARewindGivesAgainWhatWasNotAcknowledged) {
  add(5);
  const auto all = waiting_sequences();
  const auto reader = open();
  EXPECT_THAT(next(*reader, 4), SizeIs(4));
  ASSERT_TRUE(succeeds(acknowledge(*reader, {all[1]})));
  reader->rewind();
  EXPECT_THAT(next(*reader, 2), ElementsAre(all[0], all[2]));
  reader->rewind();
  EXPECT_THAT(next(*reader), ElementsAre(all[0], all[2], all[3], all[4]));
  ASSERT_TRUE(succeeds(acknowledge(*reader, {all[0], all[2], all[3]})));
  reader->rewind();
  EXPECT_THAT(next(*reader), ElementsAre(all[4]));
}

// An acknowledgement that is on its way counts: its entries are in the log.
TEST_P(OutboxContract, ARewindDoesNotGiveAgainWhatIsBeingAcknowledged) {
  add(600);
  const auto reader = open();
  std::vector<std::future<Status>> answers;
  std::vector<std::int64_t> seen;
  for (auto batch = next(*reader, 50); !batch.empty(); batch = next(*reader, 50)) {
    seen.insert(seen.end(), batch.begin(), batch.end());
    const auto answer = std::make_shared<std::promise<Status>>();
    answers.push_back(answer->get_future());
    reader->acknowledge(std::move(batch), [answer](Status s) { answer->set_value(std::move(s)); });
    reader->rewind();
  }
  for (auto& answer : answers) EXPECT_TRUE(succeeds(answer.get()));
  EXPECT_THAT(seen, SizeIs(600)) << "an entry was given twice";
  EXPECT_EQ(store_->outbox().size(), 0);
}

TEST_P(OutboxContract, ExactlyWhatIsAcknowledgedGoes) {
  add(9);
  const auto all = waiting_sequences();
  ASSERT_TRUE(succeeds(acknowledge(*open(), {all[6], all[2], all[1], all[4], all[7], all[2]})));
  EXPECT_THAT(waiting_sequences(), ElementsAre(all[0], all[3], all[5], all[8]));
  EXPECT_EQ(store_->outbox().size(), 4);
  EXPECT_FALSE(store_->outbox().holds(all[6], all[6]).value());
  EXPECT_TRUE(store_->outbox().holds(all[5], all[5]).value());
  EXPECT_FALSE(store_->outbox().holds(all[8] + 1, all[8] + 9).value());
}

// Where transactions run side by side an entry may show up behind higher ones that have left
// already: that the last one of several changes has left says nothing of the others.
TEST_P(OutboxContract, OfSeveralChangesAllAreAskedFor) {
  add(5);
  const auto all = waiting_sequences();
  const auto reader = open();
  ASSERT_TRUE(succeeds(acknowledge(*reader, {all[2], all[3]})));
  EXPECT_TRUE(store_->outbox().holds(all[1], all[3]).value()) << "the lowest waits still";
  EXPECT_TRUE(store_->outbox().holds(all[2], all[4]).value());
  EXPECT_FALSE(store_->outbox().holds(all[2], all[3]).value()) << "others' beside them";
  ASSERT_TRUE(succeeds(acknowledge(*reader, {all[1]})));
  EXPECT_FALSE(store_->outbox().holds(all[1], all[3]).value());
}

TEST_P(OutboxContract, AcknowledgingTwiceIsHarmless) {
  add(2);
  const auto all = waiting_sequences();
  const auto reader = open();
  ASSERT_TRUE(succeeds(acknowledge(*reader, {all[0]})));
  ASSERT_TRUE(succeeds(acknowledge(*reader, {all[0]})));
  ASSERT_TRUE(succeeds(acknowledge(*reader, {})));
  EXPECT_EQ(store_->outbox().size(), 1);
}

TEST_P(OutboxContract, ALoserOfTheLeaseRemovesNothing) {
  add(3);
  const auto all = waiting_sequences();
  const Lease first = lease();
  const auto loser = store_->outbox().open(first);
  ASSERT_THAT(next(*loser), SizeIs(3));
  clock_.advance(kTtl - Duration{1});
  ASSERT_TRUE(succeeds(acknowledge(*loser, {all[0]})));
  clock_.advance(Duration{1});
  EXPECT_TRUE(fails_with(acknowledge(*loser, {all[1]}), ErrorKind::conflict))
      << "its time is over, though nobody took it";
  const Lease second = lease();
  EXPECT_TRUE(fails_with(acknowledge(*loser, {all[1]}), ErrorKind::conflict));
  EXPECT_EQ(store_->outbox().size(), 2);
  EXPECT_THAT(waiting_sequences(), ElementsAre(all[1], all[2]));

  const auto holder = store_->outbox().open(second);
  EXPECT_THAT(next(*holder), ElementsAre(all[1], all[2])) << "the next holder is given them";
  ASSERT_TRUE(store_->leases().release(second));
  EXPECT_TRUE(fails_with(acknowledge(*holder, {all[1]}), ErrorKind::conflict));
  EXPECT_EQ(store_->outbox().size(), 2);
}

TEST_P(OutboxContract, SizeCountsWhatWaitsAlsoAfterAReopen) {
  EXPECT_EQ(store_->outbox().size(), 0);
  add(3);
  EXPECT_EQ(store_->outbox().size(), 3);
  ASSERT_TRUE(acknowledge(*open(), {waiting_sequences()[0]}));
  EXPECT_EQ(store_->outbox().size(), 2);
  store_->reopen();
  EXPECT_EQ(store_->outbox().size(), 2);
}

TEST_P(OutboxContract, AChangeThatFailsAddsNothing) {
  ASSERT_TRUE(create(store_->users(), kAcme, "alice@acme.dev"));
  ASSERT_FALSE(create(store_->users(), kAcme, "alice@acme.dev"));
  ASSERT_FALSE(remove(store_->users(), kAcme, 99));
  EXPECT_EQ(store_->outbox().size(), 1);
  EXPECT_THAT(waiting_sequences(), SizeIs(1));
}

TEST_P(OutboxContract, SequencesGoOnAfterAnEmptiedOutboxIsReopened) {
  add(3);
  const auto before = waiting_sequences();
  ASSERT_TRUE(acknowledge(*open(), before));
  store_->reopen();
  add(1);
  const auto after = waiting_sequences();
  ASSERT_THAT(after, SizeIs(1));
  EXPECT_GT(after[0], before.back());
  ASSERT_TRUE(acknowledge(store_->outbox(), store_->leases(), before));
  EXPECT_THAT(waiting_sequences(), SizeIs(1)) << "an old acknowledgement took a new entry";
}

TEST_P(OutboxContract, RecordsSurviveAReopenUnchanged) {
  add(1);
  const auto before = waiting(store_->outbox()).value().at(0);
  store_->reopen();
  const auto after = waiting(store_->outbox()).value().at(0);
  EXPECT_EQ(after.sequence, before.sequence);
  EXPECT_EQ(after.record.topic, before.record.topic);
  EXPECT_EQ(after.record.key, before.record.key);
  EXPECT_EQ(after.record.value, before.record.value);
  EXPECT_EQ(after.record.headers, before.record.headers);
}

TEST_P(OutboxContract, AWaitEndsWhenThereIsMore) {
  const auto one = store_->outbox().open({}), other = store_->outbox().open({});
  ASSERT_THAT(next(*one), IsEmpty());
  ASSERT_THAT(next(*other), IsEmpty());
  auto first = waiting_for_more(*one);
  auto second = std::async(std::launch::async, [&] { return other->wait(Duration{1'000}); });
  clock_.await_waiters(2);
  add(1);
  EXPECT_TRUE(first.get());
  EXPECT_TRUE(second.get());
  EXPECT_THAT(next(*one), SizeIs(1)) << "it can be read by then";
}

TEST_P(OutboxContract, AWaitDoesNotWaitWhereThereMayBeMore) {
  const auto reader = store_->outbox().open({});
  EXPECT_TRUE(reader->wait(Duration{1'000})) << "nothing was read yet";
  add(2);
  ASSERT_THAT(next(*reader, 1), SizeIs(1));
  EXPECT_TRUE(reader->wait(Duration{1'000}));
  ASSERT_THAT(next(*reader), SizeIs(1));
  reader->rewind();
  EXPECT_TRUE(reader->wait(Duration{1'000}));
  ASSERT_THAT(next(*reader), SizeIs(2));
  add(1);
  EXPECT_TRUE(reader->wait(Duration{1'000})) << "of a commit since the read";
}

TEST_P(OutboxContract, AWaitIsNotEndedByCommitsWithoutEntries) {
  add(1);
  const auto reader = open();
  ASSERT_THAT(next(*reader), SizeIs(1));
  auto answer = waiting_for_more(*reader);
  ASSERT_TRUE(succeeds(store_->analytics().record({}, {{{"analytics.events", 0}, 1}})));
  ASSERT_TRUE(succeeds(acknowledge(*reader, {})));
  clock_.advance(Duration{999});
  clock_.await_waiters(1);
  clock_.advance(Duration{1});
  EXPECT_FALSE(answer.get());
}

TEST_P(OutboxContract, AWakeEndsTheWaitUnderWayOrTheNext) {
  const auto reader = store_->outbox().open({});
  ASSERT_THAT(next(*reader), IsEmpty());
  auto answer = waiting_for_more(*reader);
  reader->wake();
  EXPECT_FALSE(answer.get());
  reader->wake();
  EXPECT_FALSE(reader->wait(Duration{1'000}));
  answer = waiting_for_more(*reader);
  clock_.advance(Duration{1'000});
  EXPECT_FALSE(answer.get()) << "a wake ends one wait";
}

}  // namespace mesh::test
