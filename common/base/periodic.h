// Work that is done again and again, on a thread of its own.
// Boost.Asio's steady_timer takes no Clock, so that a test could not move its time.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "common/base/clock.h"

namespace mesh {

// Any thread but that of the work.
class Periodic {
 public:
  // Does `work` once, then starts the thread, which has `name`, a literal. It rests for `period`
  // before each further time, or for twenty times as long as the last took where that is more, so
  // that the work never costs more than a twentieth of a processor. It must not throw.
  Periodic(const char* name, Clock& clock, Duration period, std::function<void()> work);
  ~Periodic() { stop(); }

  // The rest ends now.
  void hurry();
  // Waits for work that is under way; none begins any more. Callable twice.
  void stop();

 private:
  void run();
  SteadyTime work_once();  // when the next time is

  Clock& clock_;
  const Duration period_;
  const std::function<void()> work_;
  std::mutex mutex_;
  std::condition_variable changed_;
  SteadyTime next_{};  // this and the following guarded by mutex_
  bool hurried_ = false;
  bool stopping_ = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace mesh
