#include "common/engines/sqlite/log/wait_room.h"

#include <algorithm>
#include <utility>

namespace mesh::sqlite {

WaitRoom::Outcome WaitRoom::wait(Waiter& waiter, std::span<const Want> wants, SteadyTime deadline) {
  std::unique_lock lock(mutex_);
  // Announced before the ends are looked at, and ring() publishes ends before it looks for
  // waiters: one of both sees the other.
  waiting_.fetch_add(1);
  all_.push_back(&waiter);
  for (const auto& [bell, offset] : wants) bell->waiters.push_back(&waiter);
  const auto has_records = [&] {
    return std::any_of(wants.begin(), wants.end(),
                       [](const Want& want) { return want.first->has_record_at(want.second); });
  };
  Outcome outcome = Outcome::timeout;
  if (has_records()) {
    outcome = Outcome::records;
  } else {
    clock_.wait_until(lock, waiter.cv, deadline,
                      [&] { return waiter.ready || waiter.woken || closed_; });
    if (closed_) {
      outcome = Outcome::closed;
    } else if (waiter.woken) {
      outcome = Outcome::woken;
    } else if (has_records()) {
      outcome = Outcome::records;
    } else if (waiter.ready) {
      outcome = Outcome::look_again;
    }
  }
  for (const auto& [bell, offset] : wants) std::erase(bell->waiters, &waiter);
  std::erase(all_, &waiter);
  waiter.ready = false;  // not at the start: a nudge between two waits must not be lost
  waiting_.fetch_sub(1);
  return outcome;
}

void WaitRoom::ring(std::span<Bell* const> bells) {
  if (waiting_.load() == 0) return;
  std::lock_guard lock(mutex_);
  for (auto* bell : bells) {
    for (auto* waiter : bell->waiters) {
      if (waiter->ready) continue;
      waiter->ready = true;
      waiter->cv.notify_one();
    }
    bell->waiters.clear();
  }
}

void WaitRoom::wake(Waiter& waiter) {
  std::lock_guard lock(mutex_);
  waiter.woken = true;
  waiter.cv.notify_one();
}

void WaitRoom::nudge(Waiter& waiter) {
  std::lock_guard lock(mutex_);
  waiter.ready = true;
  waiter.cv.notify_one();
}

bool WaitRoom::take_woken(Waiter& waiter) {
  std::lock_guard lock(mutex_);
  return std::exchange(waiter.woken, false);
}

void WaitRoom::close() {
  std::lock_guard lock(mutex_);
  closed_ = true;
  for (auto* waiter : all_) waiter->cv.notify_one();
}

SteadyTime WaitRoom::deadline_after(Duration timeout) const {
  constexpr Duration kLongest = std::chrono::hours(24 * 365);  // keeps the sum within its type
  return clock_.steady() + std::clamp(timeout, Duration(0), kLongest);
}

}  // namespace mesh::sqlite
