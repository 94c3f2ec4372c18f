#include "tests/contract/epoch_store_contract.h"

#include <gmock/gmock.h>

#include <set>
#include <thread>

namespace mesh::test {
namespace {

TEST_P(EpochStoreContract, ADocumentThatNobodyWroteIsEmpty) {
  const auto document = epochs().read("index");
  ASSERT_TRUE(succeeds(document));
  EXPECT_EQ(document->epoch, 0);
  EXPECT_EQ(document->body, "");
}

TEST_P(EpochStoreContract, WhoTakesOverGetsAHigherEpochAndTheBodyAsItIs) {
  const auto first = epochs().take_over("index").value();
  EXPECT_GT(first.epoch, 0);
  ASSERT_TRUE(succeeds(epochs().write("index", first.epoch, R"({"serving":"é"})")));
  const auto second = epochs().take_over("index").value();
  EXPECT_GT(second.epoch, first.epoch);
  EXPECT_EQ(second.body, R"({"serving":"é"})");
  EXPECT_EQ(epochs().read("index").value().epoch, second.epoch);
}

TEST_P(EpochStoreContract, AWriteUnderAnOlderEpochChangesNothing) {
  const auto first = epochs().take_over("index").value();
  const auto second = epochs().take_over("index").value();
  ASSERT_TRUE(succeeds(epochs().write("index", second.epoch, "second")));
  EXPECT_TRUE(fails_with(epochs().write("index", first.epoch, "first"), ErrorKind::conflict));
  EXPECT_EQ(epochs().read("index").value().body, "second");
}

TEST_P(EpochStoreContract, AnEpochThatWasNeverGivenIsRefused) {
  EXPECT_TRUE(fails_with(epochs().write("index", 1, "early"), ErrorKind::conflict));
  EXPECT_EQ(epochs().read("index").value().body, "");
  const auto taken = epochs().take_over("index").value();
  EXPECT_TRUE(fails_with(epochs().write("index", taken.epoch + 1, "ahead"), ErrorKind::conflict));
}

TEST_P(EpochStoreContract, DocumentsAreApart) {
  const auto one = epochs().take_over("one").value();
  ASSERT_TRUE(succeeds(epochs().write("one", one.epoch, "1")));
  epochs().take_over("other").value();
  EXPECT_EQ(epochs().read("other").value().body, "");
  EXPECT_TRUE(succeeds(epochs().write("one", one.epoch, "2")));
}

TEST_P(EpochStoreContract, EpochAndBodyOutliveARestart) {
  const auto taken = epochs().take_over("index").value();
  ASSERT_TRUE(succeeds(epochs().write("index", taken.epoch, "kept")));
  store_->reopen();
  EXPECT_EQ(epochs().read("index").value().body, "kept");
  EXPECT_GT(epochs().take_over("index").value().epoch, taken.epoch);
}

TEST_P(EpochStoreContract, ThoseThatTakeOverAtOnceGetEpochsOfTheirOwn) {
  constexpr int kThreads = 4;
  std::array<std::int64_t, kThreads> taken{};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] { taken[i] = epochs().take_over("index").value().epoch; });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(std::set<std::int64_t>(taken.begin(), taken.end()).size(), taken.size());
}

}  // namespace
}  // namespace mesh::test
