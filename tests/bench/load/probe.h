// Tells when something that was written can be read: asks again and again.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/load/load.h"
#include "tests/bench/load/connection.h"

namespace mesh::load {

// One thread, one connection. What it tells is at most the pause between two questions too late:
// 1 ms, or a twentieth of the time waited so far where that is more. What is not seen after 60 s is
// counted with the time waited, and as given up.
class Probe {
 public:
  explicit Probe(std::string address);
  ~Probe();  // finish()

  // Any thread. Sends `request` until the answer is 200 and its body contains `sought`; the latency
  // counts from `since`.
  void follow(SteadyClock::time_point since, std::string request, std::string sought);

  struct Outcome {
    Histogram latency;
    int given_up = 0;
    std::string error;  // what ended the probe early
  };
  // Waits until all is seen or given up.
  Outcome finish();

 private:
  struct Item {
    SteadyClock::time_point since;
    SteadyClock::time_point next;  // when it is asked for again
    std::string request;
    std::string sought;
  };
  void run();
  bool seen(const Item& item);

  Connection connection_;  // the thread's
  Outcome outcome_;        // the thread's, until it ended
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Item> items_;  // this and the next guarded by mutex_
  bool finishing_ = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace mesh::load
