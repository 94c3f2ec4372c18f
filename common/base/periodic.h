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
  // Work that is late does less harm than work that takes a processor: it rests for twenty times as
  // long as the last time took, where that is more than the period. Or others count on the period:
  // it never rests longer.
  enum class Rest { spares, keeps };

  // Does `work` once, then starts the thread, which has `name`, a literal. It rests for `period`
  // before each further time, or longer, as `rest` says. It must not throw.
  Periodic(const char* name, Clock& clock, Duration period, std::function<void()> work,
           Rest rest = Rest::spares);
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
  const int least_rest_;  // times what the work took
  std::mutex mutex_;
  std::condition_variable changed_;
  SteadyTime next_{};  // this and the following guarded by mutex_
  bool hurried_ = false;
  bool stopping_ = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace mesh
