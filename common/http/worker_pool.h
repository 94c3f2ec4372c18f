// Threads for the routes that may block.
// Boost.Asio's thread_pool serves first come, first served.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "common/base/fair_queue.h"

namespace mesh::http {

struct Exchange;

// Tenants take turns. What is queued of one tenant, and how many threads it holds, is at most half
// of what the others leave, so that neither many requests nor long ones of one tenant keep
// another's waiting; requests of no tenant have a turn as well, and any thread that is free.
//
// What is abandoned while it waits stays in the queue until its turn or until the room is needed;
// `Work` has to pass over it.
class WorkerPool {
 public:
  using Work = std::function<void(const std::shared_ptr<Exchange>&)>;
  ~WorkerPool() { stop(); }
  // A tenant gets at most `per_tenant` threads at once.
  void start(int threads, int per_tenant, std::size_t max_queued, Work work);
  // Runs `Work`, or `instead` in its place. False where too many others wait already that are not
  // abandoned, and once it stops.
  [[nodiscard]] bool push(std::shared_ptr<Exchange> exchange, std::function<void()> instead = {});
  // Waits for what runs; drops what waits. Callable twice, before start too.
  void stop();

 private:
  struct Item {
    std::shared_ptr<Exchange> exchange;
    std::function<void()> instead;
  };
  using Queue = FairQueue<Item>;

  void run();
  // Of a tenant, with the lock held.
  bool may_run(std::string_view tenant) const;

  Work work_;     // this and the next are constant after start
  int size_ = 0;  // threads
  int per_tenant_ = 0;
  std::mutex mutex_;
  std::condition_variable more_;
  Queue queue_{1, 0};  // this and the following guarded by mutex_
  int running_ = 0;
  std::unordered_map<std::string, int> running_of_;  // tenants
  bool stopping_ = false;
  std::vector<std::thread> threads_;  // last: they use all of the above
};

}  // namespace mesh::http
