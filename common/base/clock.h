// Time is injected: what needs the time or waits for it takes a Clock.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>

namespace mesh {

// Wall time in whole milliseconds since the Unix epoch, the resolution of the log.
using Timestamp = std::chrono::sys_time<std::chrono::milliseconds>;
using Duration = std::chrono::milliseconds;
using SteadyTime = std::chrono::steady_clock::time_point;

// All methods may be called from any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Timestamp now() const = 0;
  virtual SteadyTime steady() const = 0;
  // Waits on `cv` with `lock` held until `ready()` or until steady() >= deadline; answers ready().
  // The caller notifies `cv` when what `ready` looks at has changed.
  virtual bool wait_until(std::unique_lock<std::mutex>& lock, std::condition_variable& cv,
                          SteadyTime deadline, const std::function<bool()>& ready) = 0;
};

// The machine's clocks. A process-wide instance; never destroyed.
Clock& system_clock();

}  // namespace mesh
