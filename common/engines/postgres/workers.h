// Threads that do what nobody waits for in place: claims of Idempotency-Keys, acknowledgements.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>

#include "common/base/error.h"
#include "common/base/fair_queue.h"

namespace mesh::postgres {

class Workers {
 public:
  // Called once: with nothing in the turn of the key, or why that never comes.
  using Job = std::function<void(Status)>;

  explicit Workers(std::size_t max_pending_bytes);
  ~Workers();

  // Any thread; does not block. Jobs about the same thing are done in the order of submission.
  // `bytes` is the job's share of the bound, and of its key's turn. A job that is refused is called
  // before this returns.
  void submit(std::string_view key, std::string_view about, std::size_t bytes, Job job);
  void stop();  // finishes what was submitted; callable twice

 private:
  class Worker;

  std::vector<std::unique_ptr<Worker>> workers_;
};

// What is told where more waits than may.
tl::unexpected<Error> too_much_waits();

}  // namespace mesh::postgres
