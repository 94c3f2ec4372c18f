#include "common/engines/vectors/slot_lists.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

namespace mesh::vectors {
namespace {

std::multiset<std::uint32_t> listed(const SlotLists& lists, std::uint32_t hash) {
  std::multiset<std::uint32_t> slots;
  for (auto slot = lists.first(hash); slot != SlotLists::kNone; slot = lists.next(slot)) {
    slots.insert(slot);
  }
  return slots;
}

TEST(SlotLists, HoldWhatAMapOfSetsDoes) {
  for (const std::uint32_t hashes : {1U, 7U, 3'000U}) {
    std::mt19937_64 random(hashes);
    SlotLists lists;
    std::map<std::uint32_t, std::uint32_t> hash_of;  // of each slot that is in a list
    std::map<std::uint32_t, std::multiset<std::uint32_t>> model;
    for (int i = 0; i < 20'000; ++i) {
      const auto slot = static_cast<std::uint32_t>(random() % 2'000);
      if (const auto known = hash_of.find(slot); known != hash_of.end()) {
        lists.erase(known->second, slot);
        model[known->second].erase(slot);
        hash_of.erase(known);
      } else {
        // Neighbours, so that they probe into each other.
        const auto hash = static_cast<std::uint32_t>(random() % hashes);
        lists.insert(hash, slot);
        model[hash].insert(slot);
        hash_of[slot] = hash;
      }
      const auto looked_at = static_cast<std::uint32_t>(random() % hashes);
      if (i % 50 == 0) {
        ASSERT_EQ(listed(lists, looked_at), model[looked_at]);
      }
    }
    for (const auto& [hash, slots] : model) ASSERT_EQ(listed(lists, hash), slots);
  }
  EXPECT_EQ(SlotLists().first(1), SlotLists::kNone);
}

}  // namespace
}  // namespace mesh::vectors
