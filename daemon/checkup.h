// The checks behind `mesh check`, side by side and within a bound: what one depends on may stand
// still, and neither the answer nor the other checks wait for it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/base/clock.h"
#include "daemon/services/check.h"

namespace mesh {

class Checkup {
 public:
  struct Part {
    std::string name;  // of the check that says that it did not answer
    std::function<std::vector<services::Check>()> run;  // may block; on a thread of its own
  };
  Checkup(std::vector<Part> parts, Clock& clock, Duration limit = Duration{5'000});
  // Waits for the parts that run.
  ~Checkup();
  Checkup(const Checkup&) = delete;
  Checkup& operator=(const Checkup&) = delete;

  // What the parts found, in their order; a part that did not answer within the limit failed, and
  // is not begun a second time while it runs. Blocks so long at most. Any thread.
  std::vector<services::Check> run();

 private:
  struct Running {
    Part part;
    std::uint64_t begun = 0, ended = 0;  // this and the next guarded by mutex_
    std::vector<services::Check> found{};
    std::thread thread{};
  };
  void begin(Running& one);

  Clock& clock_;
  const Duration limit_;
  std::mutex mutex_;
  std::condition_variable ended_;
  std::list<Running> all_;  // last: the threads use all of the above
};

}  // namespace mesh
