// The candidates of one search.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

namespace mesh::vectors {

struct Candidate {
  float score = 0;
  std::int64_t user_id = 0;
  std::uint32_t slot = 0;
};

// Best first; ties by user id.
inline bool better(const Candidate& a, const Candidate& b) {
  return a.score != b.score ? a.score > b.score : a.user_id < b.user_id;
}

// Leaves the `count` best, best first.
inline void keep_best(std::vector<Candidate>& candidates, std::size_t count) {
  const auto kept = static_cast<std::ptrdiff_t>(std::min(candidates.size(), count));
  std::partial_sort(candidates.begin(), candidates.begin() + kept, candidates.end(), better);
  candidates.resize(static_cast<std::size_t>(kept));
}

// Keeps whatever comes within `margin` of the k-th best score, so that a finer look at what is kept
// finds the true k best. At most kMost (or 4k), the best ones, where scores lie closer than that.
class Shortlist {
 public:
  static constexpr std::size_t kMost = 4096;

  // Of the k best, those that score less than `least` are not wanted.
  Shortlist(std::size_t k, float margin, float least)
      : k_(k), margin_(margin), most_(std::max(kMost, 4 * k)), floor_(least - margin) {}

  // What scores less need not be added.
  float floor() const { return floor_; }
  void add(const Candidate& candidate) {
    candidates_.push_back(candidate);
    if (best_.size() < k_) {
      best_.push_back(candidate.score);
      std::push_heap(best_.begin(), best_.end(), std::greater<>());
    } else if (candidate.score > best_.front()) {
      std::pop_heap(best_.begin(), best_.end(), std::greater<>());
      best_.back() = candidate.score;
      std::push_heap(best_.begin(), best_.end(), std::greater<>());
    }
    if (best_.size() == k_) floor_ = std::max(floor_, best_.front() - margin_);
    if (candidates_.size() == 2 * most_) shrink();
  }
  std::vector<Candidate> finish() && {
    shrink();
    return std::move(candidates_);
  }

 private:
  void shrink() {
    std::erase_if(candidates_, [&](const Candidate& c) { return c.score < floor_; });
    if (candidates_.size() <= most_) return;
    const auto end = candidates_.begin() + static_cast<std::ptrdiff_t>(most_);
    std::nth_element(candidates_.begin(), end, candidates_.end(), better);
    candidates_.erase(end, candidates_.end());
  }

  const std::size_t k_;
  const float margin_;
  const std::size_t most_;
  float floor_;
  std::vector<float> best_;  // a heap, the least first
  std::vector<Candidate> candidates_;
};

}  // namespace mesh::vectors
