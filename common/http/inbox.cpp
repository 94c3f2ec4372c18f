#include "common/http/inbox.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace mesh::http {

Result<std::shared_ptr<Inbox>> Inbox::open() {
  auto inbox = std::make_shared<Inbox>();
  inbox->event_ = Fd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!inbox->event_) {
    return fail(ErrorKind::unavailable, "the HTTP server cannot start: no more file descriptors",
                std::string("eventfd: ") + std::strerror(errno));
  }
  return inbox;
}

void Inbox::signal(std::unique_lock<std::mutex> lock) {
  // A loop that is awake looks before it sleeps; only one that sleeps is worth a system call.
  if (!asleep_ || std::exchange(signalled_, true)) return;
  lock.unlock();
  const std::uint64_t one = 1;
  // Fails only when the counter is full, and then the loop is awake anyway.
  [[maybe_unused]] const auto written = ::write(event_.get(), &one, sizeof one);
}

void Inbox::push(std::shared_ptr<Exchange> exchange) {
  std::unique_lock lock(mutex_);
  if (closed_) return;
  contents_.answers.push_back(std::move(exchange));
  signal(std::move(lock));
}

void Inbox::push(Accepted accepted) {
  std::unique_lock lock(mutex_);
  if (closed_) return;
  contents_.accepted.push_back(std::move(accepted));
  signal(std::move(lock));
}

void Inbox::wake() {
  std::unique_lock lock(mutex_);
  woken_ = true;
  signal(std::move(lock));
}

bool Inbox::sleep() {
  std::lock_guard lock(mutex_);
  // Under the lock of the pushes: each is either seen here or sees a loop that sleeps, so that none
  // is lost between.
  asleep_ = !woken_ && contents_.answers.empty() && contents_.accepted.empty();
  return asleep_;
}

void Inbox::take(Contents& contents) {
  std::lock_guard lock(mutex_);
  std::swap(contents.answers, contents_.answers);
  std::swap(contents.accepted, contents_.accepted);
  woken_ = asleep_ = false;
  // Only then is there something in the counter; a read would else be a system call for nothing.
  if (std::exchange(signalled_, false)) {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto read = ::read(event_.get(), &count, sizeof count);
  }
}

void Inbox::close() {
  Contents left;  // destroyed after the lock
  std::lock_guard lock(mutex_);
  closed_ = true;
  std::swap(left, contents_);
}

}  // namespace mesh::http
