// A queue that serves many keys in turn: deficit round robin (M. Shreedhar, G. Varghese, "Efficient
// Fair Queuing Using Deficit Round-Robin", SIGCOMM 1995).
//
// Each key has a lane, first in, first out. A turn gives a lane `quantum` to spend on the costs of
// its items; what an item at its head is too dear for, the lane saves for its next turn. So of two
// keys that both had items all the while, one was served at most quantum + the largest cost more
// than the other, however much it has waiting; and a key that had none waits for one turn of each
// other key.
//
// The bound: all lanes together hold `max` of cost. A key that waits already may hold at most half
// of what the others leave, so a flood of one always leaves room for another. A key that has
// nothing waiting may put in one item of any cost while no more than half of `max` is taken.
// Seastar's fair_queue works within its reactor only; this one stands under whichever lock.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace mesh {

// Not thread-safe. Constant time on average, whatever the number of keys; keys without items take
// no memory.
template <typename Item>
class FairQueue {
 public:
  // quantum at least 1. A larger one serves a key longer at a stretch.
  FairQueue(std::size_t quantum, std::size_t max) : quantum_(quantum), max_(max) {}

  // False, and `item` is left alone, where the bound does not allow it.
  [[nodiscard]] bool try_push(std::string_view key, Item&& item, std::size_t cost) {
    const auto lane = lanes_.find(key);
    if (!fits(lane, cost)) return false;
    put(lane, key, std::move(item), cost);
    return true;
  }
  // Whatever the bound says: for work that has a bound of its own.
  void push(std::string_view key, Item item, std::size_t cost) {
    put(lanes_.find(key), key, std::move(item), cost);
  }

  // The next item of those keys for which `may(key)` holds; nothing where there is none.
  template <typename May>
  std::optional<Item> pop(May may) {
    for (std::size_t passed = 0; passed < round_.size();) {
      auto& [key, lane] = *round_.front();
      if (!may(std::string_view(key))) {
        if (in_turn_) lane.saved = 0;
        end_turn();
        ++passed;
        continue;
      }
      if (!std::exchange(in_turn_, true)) lane.saved += quantum_;
      if (lane.waiting.front().cost <= lane.saved) return take();
      end_turn();
      passed = 0;
    }
    return std::nullopt;
  }
  std::optional<Item> pop() {
    return pop([](std::string_view) { return true; });
  }

  // Whether pop(may) would answer an item.
  template <typename May>
  bool any(May may) const {
    for (const auto* place : round_) {
      if (may(std::string_view(place->first))) return true;
    }
    return false;
  }

  // Removes the items for which `unwanted(item)` holds.
  template <typename Unwanted>
  void erase_if(Unwanted unwanted) {
    for (auto* place : round_) {
      Lane& lane = place->second;
      std::erase_if(lane.waiting, [&](const Entry& entry) {
        if (!unwanted(entry.item)) return false;
        lane.cost -= entry.cost;
        cost_ -= entry.cost;
        --size_;
        return true;
      });
    }
    if (!round_.empty() && round_.front()->second.waiting.empty()) in_turn_ = false;
    std::erase_if(round_, [&](auto* place) {
      if (!place->second.waiting.empty()) return false;
      lanes_.erase(lanes_.find(place->first));
      return true;
    });
  }

  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  std::size_t cost() const { return cost_; }
  std::size_t keys() const { return lanes_.size(); }

 private:
  struct Entry {
    Item item;
    std::size_t cost;
  };
  struct Lane {
    std::deque<Entry> waiting;  // never empty between calls
    std::size_t cost = 0;       // of all that wait
    std::size_t saved = 0;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  using Lanes = std::unordered_map<std::string, Lane, Hash, std::equal_to<>>;

  bool fits(typename Lanes::const_iterator lane, std::size_t cost) const {
    if (lane == lanes_.end()) return cost_ <= max_ / 2 || cost_ + cost <= max_;
    const std::size_t others = cost_ - lane->second.cost;
    return others <= max_ && lane->second.cost + cost <= (max_ - others) / 2;
  }

  void put(typename Lanes::iterator lane, std::string_view key, Item&& item, std::size_t cost) {
    if (lane == lanes_.end()) {
      lane = lanes_.emplace(std::string(key), Lane{}).first;
      round_.push_back(&*lane);
    }
    lane->second.waiting.push_back({std::move(item), cost});
    lane->second.cost += cost;
    cost_ += cost;
    ++size_;
  }

  void end_turn() {
    in_turn_ = false;
    round_.push_back(round_.front());
    round_.pop_front();
  }

  Item take() {
    auto& [key, lane] = *round_.front();
    auto [item, cost] = std::move(lane.waiting.front());
    lane.waiting.pop_front();
    lane.saved -= cost;
    lane.cost -= cost;
    cost_ -= cost;
    --size_;
    if (lane.waiting.empty()) {
      lanes_.erase(lanes_.find(key));
      round_.pop_front();
      in_turn_ = false;
    }
    return std::move(item);
  }

  std::size_t quantum_, max_;
  Lanes lanes_;
  std::deque<typename Lanes::value_type*> round_;  // every lane; the first has the turn
  bool in_turn_ = false;                           // the first has got its quantum
  std::size_t size_ = 0, cost_ = 0;
};

}  // namespace mesh
