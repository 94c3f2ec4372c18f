#include "common/base/periodic.h"

#include <algorithm>

#include "common/base/thread.h"

namespace mesh {
namespace {

constexpr int kSparing = 20;

}  // namespace

Periodic::Periodic(const char* name, Clock& clock, Duration period, std::function<void()> work,
                   Rest rest)
    : clock_(clock),
      period_(period),
      work_(std::move(work)),
      least_rest_(rest == Rest::spares ? kSparing : 0),
      // The first time is the caller's: what the work fills is there once the object is.
      next_(work_once()) {
  thread_ = std::thread([this, name] {
    name_thread(name);
    stand_back(Standing::background);
    run();
  });
}

SteadyTime Periodic::work_once() {
  const auto begun = clock_.steady();
  work_();
  const auto ended = clock_.steady();
  return ended + std::max<SteadyTime::duration>(period_, least_rest_ * (ended - begun));
}

void Periodic::hurry() {
  std::lock_guard lock(mutex_);
  hurried_ = true;
  changed_.notify_all();
}

void Periodic::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  // Without the lock, which the thread takes once more before it ends.
  if (thread_.joinable()) thread_.join();
}

void Periodic::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    clock_.wait_until(lock, changed_, next_, [this] { return stopping_ || hurried_; });
    if (stopping_) return;
    // Before the work and not after it: a hurry during the work wants what the work has not seen
    // yet.
    hurried_ = false;
    // So that hurry and stop never wait for work; only the join does.
    lock.unlock();
    const auto next = work_once();
    lock.lock();
    next_ = next;
  }
}

}  // namespace mesh
