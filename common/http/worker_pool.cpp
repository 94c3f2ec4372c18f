#include "common/http/worker_pool.h"

#include "common/base/thread.h"
#include "common/http/exchange.h"

namespace mesh::http {

void WorkerPool::start(int threads, int per_tenant, std::size_t max_queued, Work work) {
  work_ = std::move(work);
  size_ = threads;
  per_tenant_ = per_tenant;
  // Each request costs 1, whatever it is: how long it will take nobody knows before.
  queue_ = Queue(1, max_queued);
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back([this] {
      name_thread("http-worker");
      stand_back(Standing::worker);
      run();
    });
  }
}

bool WorkerPool::push(std::shared_ptr<Exchange> exchange, std::function<void()> instead) {
  const auto tenant = exchange->tenant();
  Item item{std::move(exchange), std::move(instead)};
  bool wakes = false;
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return false;
    // Where it may not run yet, the thread that ends what keeps it waiting takes it, and needs no
    // signal.
    wakes = may_run(tenant);
    if (!queue_.try_push(tenant, std::move(item), 1)) {
      // Those whose client has left still hold places; looked for only when there is none.
      queue_.erase_if([](const auto& waiting) { return waiting.exchange->abandoned(); });
      if (!queue_.try_push(tenant, std::move(item), 1)) return false;
    }
  }
  if (wakes) more_.notify_one();
  return true;
}

void WorkerPool::stop() {
  Queue dropped(1, 0);  // destroyed last, without the lock
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    std::swap(dropped, queue_);
  }
  more_.notify_all();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

bool WorkerPool::may_run(std::string_view tenant) const {
  if (tenant.empty()) return true;
  const auto it = running_of_.find(std::string(tenant));
  const int own = it == running_of_.end() ? 0 : it->second;
  // At most half of what the others leave, and always one: a tenant alone gets half of the threads.
  return own == 0 || (own < per_tenant_ && 2 * (own + 1) <= size_ - (running_ - own));
}

// A thread that finds only tenants which may not run more goes to sleep; the one that ends such a
// tenant's work looks again, and wakes another where that lets more than one go on.
void WorkerPool::run() {
  const auto may = [this](std::string_view tenant) { return may_run(tenant); };
  std::unique_lock lock(mutex_);
  while (true) {
    std::optional<Item> next;
    more_.wait(lock, [&] { return stopping_ || (next = queue_.pop(may)).has_value(); });
    if (!next) return;
    const std::string tenant(next->exchange->tenant());
    ++running_;
    if (!tenant.empty()) ++running_of_[tenant];
    if (running_ < size_ && queue_.any(may)) more_.notify_one();
    lock.unlock();
    next->instead ? next->instead() : work_(next->exchange);
    // Before the lock: the item may be the last to hold its exchange, whose end takes other locks.
    next.reset();
    lock.lock();
    --running_;
    if (const auto own = running_of_.find(tenant); own != running_of_.end() && --own->second == 0) {
      running_of_.erase(own);
    }
  }
}

}  // namespace mesh::http
