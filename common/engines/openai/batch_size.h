// How many texts go into one request: fewer where the server was seen to take only fewer, and after
// a while more again, since it may have been slow for an hour, or be another one by now.
#pragma once

#include <algorithm>
#include <mutex>

#include "common/base/clock.h"

namespace mesh::openai {

// Any thread.
class BatchSize {
 public:
  // Between two attempts with more: one that is refused costs a request.
  static constexpr Duration kTryMore{600'000};

  BatchSize(Clock& clock, int most) : clock_(clock), most_(std::max(most, 1)), size_(most_) {}

  std::size_t get() {
    std::lock_guard lock(mutex_);
    if (size_ < most_ && clock_.steady() - changed_at_ >= kTryMore) set(std::min(most_, size_ * 2));
    return static_cast<std::size_t>(size_);
  }
  // No more than so many are taken now.
  void lower(std::size_t to) {
    std::lock_guard lock(mutex_);
    if (to < static_cast<std::size_t>(size_)) set(static_cast<int>(to));
  }

 private:
  void set(int size) {
    size_ = size;
    changed_at_ = clock_.steady();
  }

  Clock& clock_;
  const int most_;
  std::mutex mutex_;
  int size_;  // this and the next guarded by mutex_
  SteadyTime changed_at_{};
};

}  // namespace mesh::openai
