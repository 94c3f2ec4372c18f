// Threads for the routes that may block.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace mesh::http {

struct Exchange;

// What is abandoned while it waits stays in the queue until its turn or until the room is needed;
// `Work` has to pass over it.
class WorkerPool {
 public:
  using Work = std::function<void(const std::shared_ptr<Exchange>&)>;
  ~WorkerPool() { stop(); }
  void start(int threads, std::size_t max_queued, Work work);
  // False where max_queued others wait already that are not abandoned, and once it stops.
  [[nodiscard]] bool push(std::shared_ptr<Exchange> exchange);
  // Waits for what runs; drops what waits. Callable twice, before start too.
  void stop();

 private:
  void run();

  Work work_;  // this and the next are constant after start
  std::size_t max_queued_ = 0;
  std::mutex mutex_;
  std::condition_variable more_;
  std::deque<std::shared_ptr<Exchange>> queue_;  // this and the next guarded by mutex_
  bool stopping_ = false;
  std::vector<std::thread> threads_;  // last: they use all of the above
};

}  // namespace mesh::http
