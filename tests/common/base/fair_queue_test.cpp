#include "common/base/fair_queue.h"

#include <gmock/gmock.h>

#include <map>
#include <random>

namespace mesh {
namespace {

using testing::ElementsAre;

constexpr std::size_t kAny = 1'000'000'000;

struct Item {
  std::string key;
  std::size_t cost = 1;
};

void push(FairQueue<Item>& queue, const std::string& key, std::size_t cost = 1) {
  queue.push(key, Item{key, cost}, cost);
}
bool try_push(FairQueue<Item>& queue, const std::string& key, std::size_t cost = 1) {
  return queue.try_push(key, Item{key, cost}, cost);
}
std::vector<std::string> drain(FairQueue<Item>& queue) {
  std::vector<std::string> keys;
  while (auto item = queue.pop()) keys.push_back(item->key);
  return keys;
}

TEST(FairQueue, KeysTakeTurnsHoweverMuchOneHasWaiting) {
  FairQueue<Item> queue(1, kAny);
  for (int i = 0; i < 4; ++i) push(queue, "flood");
  push(queue, "quiet");
  EXPECT_THAT(drain(queue), ElementsAre("flood", "quiet", "flood", "flood", "flood"));
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.keys(), 0u);
  EXPECT_EQ(queue.cost(), 0u);
}

TEST(FairQueue, TellsWhetherAnyKeyThatMayHasAnItem) {
  FairQueue<Item> queue(1, kAny);
  const auto is = [](std::string_view wanted) {
    return [=](std::string_view key) { return key == wanted; };
  };
  EXPECT_FALSE(queue.any(is("a")));
  push(queue, "a");
  push(queue, "b");
  EXPECT_TRUE(queue.any(is("b")));
  EXPECT_FALSE(queue.any(is("c")));
  EXPECT_EQ(queue.pop(is("b"))->key, "b");
  EXPECT_FALSE(queue.any(is("b")));
}

TEST(FairQueue, OneKeyIsServedInOrder) {
  FairQueue<int> queue(10, kAny);
  for (int i = 0; i < 50; ++i) queue.push("a", i, static_cast<std::size_t>(i % 13));
  for (int i = 0; i < 50; ++i) EXPECT_EQ(queue.pop(), i);
  EXPECT_EQ(queue.pop(), std::nullopt);
}

TEST(FairQueue, AnItemDearerThanAQuantumIsSavedFor) {
  FairQueue<Item> queue(10, kAny);
  push(queue, "large", 35);
  for (int i = 0; i < 8; ++i) push(queue, "small", 5);
  EXPECT_THAT(drain(queue), ElementsAre("small", "small", "small", "small", "small", "small",
                                        "large", "small", "small"));
}

TEST(FairQueue, AFloodLeavesRoomForOthers) {
  FairQueue<Item> queue(1, 8);
  int taken = 0;
  while (try_push(queue, "flood")) ++taken;
  EXPECT_EQ(taken, 4) << "half of the room";
  EXPECT_TRUE(try_push(queue, "quiet"));
  EXPECT_FALSE(try_push(queue, "flood"));
  EXPECT_TRUE(try_push(queue, "quiet"));
  EXPECT_FALSE(try_push(queue, "quiet")) << "half of what the flood leaves";
  EXPECT_TRUE(try_push(queue, "third"));
}

TEST(FairQueue, AllKeysTogetherHaveABound) {
  FairQueue<Item> queue(1, 8);
  int taken = 0;
  for (int i = 0; i < 100; ++i) taken += try_push(queue, "k" + std::to_string(i));
  EXPECT_EQ(taken, 8);
}

TEST(FairQueue, OneItemOfAnySizeFitsBesideAFlood) {
  FairQueue<Item> queue(1, 8);
  while (try_push(queue, "flood")) {
  }
  EXPECT_TRUE(try_push(queue, "large", 100));
  EXPECT_FALSE(try_push(queue, "other"));
  FairQueue<Item> empty(1, 8);
  EXPECT_TRUE(try_push(empty, "large", 100));
}

TEST(FairQueue, WhatIsRefusedStaysWithTheCaller) {
  FairQueue<std::string> queue(1, 1);
  EXPECT_TRUE(queue.try_push("a", "first", 1));
  std::string item = "second";
  EXPECT_FALSE(queue.try_push("a", std::move(item), 1));
  EXPECT_EQ(item, "second");
}

TEST(FairQueue, KeysThatMayNotBeServedArePassedOver) {
  FairQueue<Item> queue(5, kAny);
  for (int i = 0; i < 3; ++i) push(queue, "a");
  push(queue, "b");
  const auto not_a = [](std::string_view key) { return key != "a"; };
  EXPECT_EQ(queue.pop(not_a)->key, "b");
  EXPECT_FALSE(queue.pop(not_a));
  EXPECT_THAT(drain(queue), ElementsAre("a", "a", "a"));
}

TEST(FairQueue, ErasedItemsGiveTheirRoomBack) {
  FairQueue<Item> queue(1, 4);
  EXPECT_TRUE(try_push(queue, "a"));
  EXPECT_TRUE(try_push(queue, "b"));
  EXPECT_TRUE(try_push(queue, "c", 2));
  EXPECT_FALSE(try_push(queue, "d"));
  queue.erase_if([](const Item& item) { return item.key != "b"; });
  EXPECT_EQ(queue.size(), 1u);
  EXPECT_EQ(queue.cost(), 1u);
  EXPECT_TRUE(try_push(queue, "d"));
  EXPECT_THAT(drain(queue), ElementsAre("b", "d"));
}

TEST(FairQueue, BusyKeysAreServedAlikeOverAnyBacklog) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 300; ++round) {
    const std::size_t quantum = 1 + random() % 50, largest = 1 + random() % 80;
    FairQueue<Item> queue(quantum, kAny);
    std::map<std::string, std::size_t> left, served;
    const std::size_t keys = 2 + random() % 6;
    for (std::size_t k = 0; k < keys; ++k) {
      const std::string key = "k" + std::to_string(k);
      for (std::size_t n = 1 + random() % 60; n > 0; --n) {
        push(queue, key, random() % (largest + 1));
        ++left[key];
      }
      served[key] = 0;
    }
    while (auto item = queue.pop()) {
      served[item->key] += item->cost;
      if (--left[item->key] == 0) left.erase(item->key);
      for (const auto& [a, _] : left) {
        for (const auto& [b, __] : left) {
          ASSERT_LE(served[a], served[b] + quantum + largest) << a << " beside " << b;
        }
      }
    }
    ASSERT_EQ(queue.cost(), 0u);
  }
}

TEST(FairQueue, AKeyThatWasIdleIsServedWithinOneRound) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 300; ++round) {
    const std::size_t quantum = 1 + random() % 50, largest = 1 + random() % 80;
    FairQueue<Item> queue(quantum, kAny);
    const std::size_t keys = 1 + random() % 6;
    for (std::size_t k = 0; k < keys; ++k) {
      for (int n = 0; n < 200; ++n) push(queue, "k" + std::to_string(k), 1 + random() % largest);
    }
    for (std::size_t n = random() % 100; n > 0; --n) (void)queue.pop();
    push(queue, "new", 1 + random() % quantum);
    std::map<std::string, std::size_t> served;
    for (auto item = queue.pop(); item->key != "new"; item = queue.pop()) {
      served[item->key] += item->cost;
      ASSERT_LE(served[item->key], quantum + largest);
    }
  }
}

}  // namespace
}  // namespace mesh
