#include "common/http/worker_pool.h"

#include "common/http/exchange.h"

namespace mesh::http {

void WorkerPool::start(int threads, std::size_t max_queued, Work work) {
  work_ = std::move(work);
  max_queued_ = max_queued;
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

bool WorkerPool::push(std::shared_ptr<Exchange> exchange) {
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return false;
    if (queue_.size() >= max_queued_) {
      std::erase_if(queue_, [](const auto& waiting) { return waiting->abandoned(); });
      if (queue_.size() >= max_queued_) return false;
    }
    queue_.push_back(std::move(exchange));
  }
  more_.notify_one();
  return true;
}

void WorkerPool::stop() {
  std::deque<std::shared_ptr<Exchange>> dropped;  // destroyed last, without the lock
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    std::swap(dropped, queue_);
  }
  more_.notify_all();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

void WorkerPool::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    more_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (stopping_) return;
    auto exchange = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    work_(exchange);
    exchange.reset();
    lock.lock();
  }
}

}  // namespace mesh::http
