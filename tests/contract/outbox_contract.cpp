#include "tests/contract/outbox_contract.h"

#include <gmock/gmock.h>

namespace mesh::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

void add_users(StoreHarness& store, int count) {
  static std::atomic<int> next{0};
  for (int i = 0; i < count; ++i) {
    ASSERT_TRUE(create(store.users(), kAcme, "u" + std::to_string(next++) + "@x.dev"));
  }
}

std::vector<std::int64_t> sequences(Outbox& outbox, std::int64_t after = 0, int limit = 1000) {
  std::vector<std::int64_t> out;
  const auto entries = outbox.pending(after, limit).value();
  for (const OutboxEntry& entry : entries) out.push_back(entry.sequence);
  return out;
}

}  // namespace

TEST_P(OutboxContract, EntriesWaitInTheOrderOfTheirCommits) {
  add_users(*store_, 3);
  auto entries = store_->outbox().pending(0, 10);
  ASSERT_TRUE(succeeds(entries));
  ASSERT_EQ(entries->size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ((*entries)[i].record.key, "acme/" + std::to_string(i + 1));
    EXPECT_GT((*entries)[i].sequence, i == 0 ? 0 : (*entries)[i - 1].sequence);
  }
}

TEST_P(OutboxContract, PendingReadsBeyondASequenceUpToALimit) {
  add_users(*store_, 4);
  const auto all = sequences(store_->outbox());
  EXPECT_THAT(sequences(store_->outbox(), 0, 2), ElementsAre(all[0], all[1]));
  EXPECT_THAT(sequences(store_->outbox(), all[1], 2), ElementsAre(all[2], all[3]));
  EXPECT_THAT(sequences(store_->outbox(), all[3]), IsEmpty());
}

TEST_P(OutboxContract, AcknowledgedEntriesGoAndLaterOnesStay) {
  add_users(*store_, 3);
  const auto all = sequences(store_->outbox());
  ASSERT_TRUE(succeeds(acknowledge(store_->outbox(), all[1])));
  EXPECT_THAT(sequences(store_->outbox()), ElementsAre(all[2]));
}

TEST_P(OutboxContract, AcknowledgingTwiceIsHarmless) {
  add_users(*store_, 2);
  const auto all = sequences(store_->outbox());
  ASSERT_TRUE(acknowledge(store_->outbox(), all[0]));
  ASSERT_TRUE(acknowledge(store_->outbox(), all[0]));
  EXPECT_EQ(store_->outbox().size(), 1);
}

TEST_P(OutboxContract, SizeCountsWhatWaitsAlsoAfterAReopen) {
  EXPECT_EQ(store_->outbox().size(), 0);
  add_users(*store_, 3);
  EXPECT_EQ(store_->outbox().size(), 3);
  ASSERT_TRUE(acknowledge(store_->outbox(), sequences(store_->outbox())[0]));
  EXPECT_EQ(store_->outbox().size(), 2);
  store_->reopen();
  EXPECT_EQ(store_->outbox().size(), 2);
}

TEST_P(OutboxContract, AChangeThatFailsAddsNothing) {
  ASSERT_TRUE(create(store_->users(), kAcme, "alice@acme.dev"));
  ASSERT_FALSE(create(store_->users(), kAcme, "alice@acme.dev"));
  ASSERT_FALSE(remove(store_->users(), kAcme, 99));
  EXPECT_EQ(store_->outbox().size(), 1);
  EXPECT_EQ(sequences(store_->outbox()).size(), 1u);
}

TEST_P(OutboxContract, SequencesGoOnAfterAnEmptiedOutboxIsReopened) {
  add_users(*store_, 3);
  const auto before = sequences(store_->outbox()).back();
  ASSERT_TRUE(acknowledge(store_->outbox(), before));
  store_->reopen();
  add_users(*store_, 1);
  const auto after = sequences(store_->outbox());
  ASSERT_EQ(after.size(), 1u);
  EXPECT_GT(after[0], before);
  ASSERT_TRUE(acknowledge(store_->outbox(), before));
  EXPECT_EQ(sequences(store_->outbox()).size(), 1u) << "an old acknowledgement took a new entry";
}

TEST_P(OutboxContract, RecordsSurviveAReopenUnchanged) {
  add_users(*store_, 1);
  const auto before = store_->outbox().pending(0, 1).value().at(0);
  store_->reopen();
  const auto after = store_->outbox().pending(0, 1).value().at(0);
  EXPECT_EQ(after.sequence, before.sequence);
  EXPECT_EQ(after.record.topic, before.record.topic);
  EXPECT_EQ(after.record.key, before.record.key);
  EXPECT_EQ(after.record.value, before.record.value);
  EXPECT_EQ(after.record.headers, before.record.headers);
}

TEST_P(OutboxContract, NotifiesOnceTheAddedEntriesCanBeRead) {
  std::promise<std::size_t> seen;
  store_->outbox().on_added([&, first = true]() mutable {
    if (std::exchange(first, false)) seen.set_value(sequences(store_->outbox()).size());
  });
  add_users(*store_, 1);
  EXPECT_EQ(seen.get_future().get(), 1u);
  store_->outbox().on_added({});
}

TEST_P(OutboxContract, DoesNotNotifyForCommitsWithoutEntriesNorAfterTheEnd) {
  add_users(*store_, 1);
  std::atomic<int> calls{0};
  store_->outbox().on_added([&] { ++calls; });
  ASSERT_TRUE(store_->tasks().put(bare_task("t")));
  ASSERT_TRUE(acknowledge(store_->outbox(), 1));
  EXPECT_EQ(calls, 0);
  add_users(*store_, 1);
  EXPECT_EQ(calls, 1);
  store_->outbox().on_added({});
  add_users(*store_, 1);
  EXPECT_EQ(calls, 1);
}

}  // namespace mesh::test
