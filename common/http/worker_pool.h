// Threads for the routes that may block.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace mesh::http {

struct Exchange;

// The queue needs no bound of its own: each connection has at most one request in it.
class WorkerPool {
 public:
  using Work = std::function<void(const std::shared_ptr<Exchange>&)>;
  ~WorkerPool() { stop(); }
  void start(int threads, Work work);
  void push(std::shared_ptr<Exchange> exchange);
  // Waits for what runs; drops what waits. Callable twice, before start too.
  void stop();

 private:
  void run();

  Work work_;  // constant after start
  std::mutex mutex_;
  std::condition_variable more_;
  std::deque<std::shared_ptr<Exchange>> queue_;  // this and the next guarded by mutex_
  bool stopping_ = false;
  std::vector<std::thread> threads_;  // last: they use all of the above
};

}  // namespace mesh::http
