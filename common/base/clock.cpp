#include "common/base/clock.h"

namespace mesh {
namespace {

class SystemClock final : public Clock {
 public:
  Timestamp now() const override {
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  }
  SteadyTime steady() const override { return std::chrono::steady_clock::now(); }
  bool wait_until(std::unique_lock<std::mutex>& lock, std::condition_variable& cv,
                  SteadyTime deadline, const std::function<bool()>& ready) override {
    // The deadline is of the steady clock, so that a wall clock which is set moves no wait.
    return cv.wait_until(lock, deadline, ready);
  }
};

}  // namespace

Clock& system_clock() {
  static auto* clock = new SystemClock;  // never destroyed: threads may outlive static destructors
  return *clock;
}

}  // namespace mesh
