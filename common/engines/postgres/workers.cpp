#include "common/engines/postgres/workers.h"

#include "common/base/thread.h"
#include "common/engines/postgres/pool.h"

namespace mesh::postgres {
namespace {

constexpr std::size_t kThreads = 4;
constexpr std::size_t kQuantumBytes = 4'096;

}  // namespace

tl::unexpected<Error> too_much_waits() {
  return fail(ErrorKind::unavailable, "too many writes are waiting for PostgreSQL: slow down");
}

class Workers::Worker {
 public:
  explicit Worker(std::size_t max_pending_bytes)
      : queue_(kQuantumBytes, max_pending_bytes), thread_([this] { run(); }) {}

  void submit(std::string_view key, std::size_t bytes, Job job) {
    Status refused;
    {
      std::lock_guard lock(mutex_);
      if (stopping_) {
        refused = stopped();
      } else if (!queue_.try_push(key, std::move(job), bytes)) {
        refused = too_much_waits();
      }
    }
    if (!refused) return job(std::move(refused));
    changed_.notify_one();
  }

  void stop() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
      changed_.notify_one();
    }
    if (thread_.joinable()) thread_.join();
  }

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  FairQueue<Job> queue_;  // this and the following guarded by mutex_
  bool stopping_ = false;
  std::thread thread_;  // last: it uses all of the above
};

void Workers::Worker::run() {
  name_thread("pg-work");
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
    auto job = queue_.pop();
    if (!job) return;
    lock.unlock();
    (*job)({});
    job.reset();
    lock.lock();
  }
}

Workers::Workers(std::size_t max_pending_bytes) {
  for (std::size_t i = 0; i < kThreads; ++i) {
    workers_.push_back(std::make_unique<Worker>(max_pending_bytes / kThreads));
  }
}

Workers::~Workers() { stop(); }

void Workers::submit(std::string_view key, std::string_view about, std::size_t bytes, Job job) {
  workers_[std::hash<std::string_view>{}(about) % kThreads]->submit(key, bytes, std::move(job));
}

void Workers::stop() {
  for (auto& worker : workers_) worker->stop();
}

}  // namespace mesh::postgres
