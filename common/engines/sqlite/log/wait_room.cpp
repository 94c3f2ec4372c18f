#include "common/engines/sqlite/log/wait_room.h"

#include <algorithm>
#include <utility>

namespace mesh::sqlite {

namespace {

bool any_record(std::span<const WaitRoom::Want> wants) {
  return std::any_of(wants.begin(), wants.end(), [](const WaitRoom::Want& want) {
    return want.first->has_record_at(want.second);
  });
}

}  // namespace

// Announced before the ends are looked at, and ring() publishes ends before it looks for waiters:
// one of both sees the other.
void WaitRoom::enter(Waiter& waiter, std::span<const Want> wants) {
  waiting_.fetch_add(1);
  all_.push_back(&waiter);
  for (const auto& [bell, offset] : wants) bell->waiters.push_back(&waiter);
}

void WaitRoom::leave(Waiter& waiter, std::span<const Want> wants) {
  for (const auto& [bell, offset] : wants) std::erase(bell->waiters, &waiter);
  std::erase(all_, &waiter);
  waiting_.fetch_sub(1);
}

// A function is told once: what it left behind is a waiter that nobody sleeps on.
void WaitRoom::notify(Waiter& waiter) {
  if (waiter.told) {
    std::exchange(waiter.told, nullptr)();
  } else {
    waiter.cv.notify_one();
  }
}

WaitRoom::Outcome WaitRoom::wait(Waiter& waiter, std::span<const Want> wants, SteadyTime deadline) {
  std::unique_lock lock(mutex_);
  enter(waiter, wants);
  const auto has_records = [&] { return any_record(wants); };
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
  leave(waiter, wants);
  waiter.ready = false;  // not at the start: a nudge between two waits must not be lost
  return outcome;
}

class WaitRoom::RoomWatch final : public Watch {
 public:
  RoomWatch(WaitRoom& room, std::vector<Want> wants, Told told)
      : room_(room), wants_(std::move(wants)) {
    waiter_.told = std::move(told);
    std::lock_guard lock(room_.mutex_);
    room_.enter(waiter_, wants_);
    // Told within the constructor: whoever asks for a watch must expect that.
    if (room_.closed_ || any_record(wants_)) {
      waiter_.ready = true;
      notify(waiter_);
    }
  }
  ~RoomWatch() override {
    std::lock_guard lock(room_.mutex_);
    room_.leave(waiter_, wants_);
  }

 private:
  WaitRoom& room_;
  const std::vector<Want> wants_;
  Waiter waiter_;
};

std::unique_ptr<Watch> WaitRoom::watch(std::vector<Want> wants, Told told) {
  return std::make_unique<RoomWatch>(*this, std::move(wants), std::move(told));
}

void WaitRoom::tell_watches() {
  std::lock_guard lock(mutex_);
  for (auto* waiter : all_) {
    if (waiter->told) notify(*waiter);
  }
}

void WaitRoom::ring(std::span<Bell* const> bells) {
  // Nearly every commit of a busy log ends here, without the lock.
  if (waiting_.load() == 0) return;
  std::lock_guard lock(mutex_);
  for (auto* bell : bells) {
    for (auto* waiter : bell->waiters) {
      if (waiter->ready) continue;
      waiter->ready = true;
      notify(*waiter);
    }
    // Once rung they are awake, and enter again if they want more.
    bell->waiters.clear();
  }
}

void WaitRoom::wake(Waiter& waiter) {
  std::lock_guard lock(mutex_);
  waiter.woken = true;
  notify(waiter);
}

void WaitRoom::nudge(Waiter& waiter) {
  std::lock_guard lock(mutex_);
  waiter.ready = true;
  notify(waiter);
}

bool WaitRoom::take_woken(Waiter& waiter) {
  std::lock_guard lock(mutex_);
  return std::exchange(waiter.woken, false);
}

void WaitRoom::close() {
  std::lock_guard lock(mutex_);
  closed_ = true;
  for (auto* waiter : all_) notify(*waiter);
}

SteadyTime WaitRoom::deadline_after(Duration timeout) const {
  constexpr Duration kLongest = std::chrono::hours(24 * 365);  // keeps the sum within its type
  return clock_.steady() + std::clamp(timeout, Duration(0), kLongest);
}

}  // namespace mesh::sqlite
