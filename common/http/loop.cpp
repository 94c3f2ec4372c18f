#include "common/http/loop.h"

#include <pthread.h>
#include <sys/epoll.h>

#include <cerrno>
#include <cstring>

#include "common/base/thread.h"
#include "common/http/acceptor.h"
#include "common/http/connection.h"

namespace mesh::http {
namespace {

constexpr int kEvents = 256;  // of one round
// Deadlines are of the injected clock, which may stand still or jump; so while a connection waits
// for one, the loop looks at the clock at least this often.
constexpr int kTickMilliseconds = 100;
constexpr Duration kLinger{2'000};

}  // namespace

Loop::Loop(Core& core) : core_(core) {}

Loop::~Loop() { join(); }

Status Loop::open() {
  const auto failed = [] {
    return fail(ErrorKind::unavailable, "the HTTP server cannot start: no more file descriptors",
                std::string("epoll: ") + std::strerror(errno));
  };
  epoll_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_) return failed();
  auto inbox = Inbox::open();
  if (!inbox) return fail(std::move(inbox.error()));
  inbox_ = std::move(*inbox);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = nullptr;  // the inbox is looked at in every round
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, inbox_->fd(), &event) != 0) return failed();
  return {};
}

Status Loop::listen(Fd fd, const Listener& listener) {
  auto acceptor = std::make_unique<Acceptor>(*this, epoll_.get(), std::move(fd), listener);
  auto watched = acceptor->watch();
  if (watched) acceptors_.push_back(std::move(acceptor));
  return watched;
}

void Loop::start() {
  thread_ = std::thread([this] {
    name_thread("http");
    run();
  });
}

void Loop::join() {
  if (thread_.joinable()) thread_.join();
}

void Loop::run() {
  std::array<epoll_event, kEvents> events;
  while (!core_.stopping.load(std::memory_order_acquire)) {
    const int wait = inbox_->sleep() ? wait_milliseconds() : 0;
    const int n = ::epoll_wait(epoll_.get(), events.data(), kEvents, wait);
    now_ = core_.clock.steady();
    for (int i = 0; i < n; ++i) {
      const auto& event = events[static_cast<std::size_t>(i)];
      if (event.data.ptr != nullptr) static_cast<Watched*>(event.data.ptr)->on_events(event.events);
    }
    take_inbox();
    for (auto& connection : std::exchange(later_, {})) {
      connection->later_ = false;
      connection->advance();
    }
    if (core_.draining.load(std::memory_order_acquire) && !std::exchange(drained_, true)) drain();
    expire();
    removed_.clear();
  }
  close_all();
}

int Loop::wait_milliseconds() const {
  if (!later_.empty()) return 0;
  int wait = -1;
  for (const auto& connections : waiting_) {
    if (connections.empty()) continue;
    const auto left = std::chrono::ceil<Duration>(connections.front()->deadline_ - now_).count();
    const int bounded = static_cast<int>(std::clamp<long>(left, 0, kTickMilliseconds));
    if (wait < 0 || bounded < wait) wait = bounded;
  }
  for (const auto& acceptor : acceptors_) {
    if (acceptor->paused() && wait < 0) wait = kTickMilliseconds;
  }
  return wait;
}

void Loop::take_inbox() {
  inbox_->take(contents_);
  for (auto& accepted : contents_.accepted) add(std::move(accepted));
  contents_.accepted.clear();
  for (auto& answered : contents_.answers) {
    answered->connection->on_answer(answered);
    answered.reset();
  }
  contents_.answers.clear();
}

void Loop::add(Accepted accepted) {
  auto connection = std::make_shared<Connection>(*this, std::move(accepted));
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = static_cast<Watched*>(connection.get());
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, connection->fd(), &event) != 0) {
    return forget_one(connection->over());
  }
  auto& idle = waiting_[static_cast<std::size_t>(Phase::idle)];
  connection->deadline_ = now_ + time_out(Phase::idle);
  connection->place_ = idle.insert(idle.end(), connection);
  if (connection->over()) return connection->turn_away();
  if (drained_) connection->drain();
}

void Loop::enter(Connection& connection, Phase phase) {
  auto& from = waiting_[static_cast<std::size_t>(connection.phase_)];
  auto& to = waiting_[static_cast<std::size_t>(phase)];
  to.splice(to.end(), from, connection.place_);
  connection.phase_ = phase;
  connection.deadline_ = now_ + time_out(phase);
}

void Loop::later(Connection& connection) {
  if (!std::exchange(connection.later_, true)) later_.push_back(connection.shared_from_this());
}

void Loop::remove(Connection& connection) {
  auto& from = waiting_[static_cast<std::size_t>(connection.phase_)];
  removed_.splice(removed_.end(), from, connection.place_);
  connection.phase_ = Phase::closed;
  forget_one(connection.over());
}

void Loop::forget_one(bool over) {
  count(-1);
  if (over) {
    core_.turned_away.fetch_sub(1);
    return;
  }
  core_.metrics.connections.add(-1);
  if (core_.connections.fetch_sub(1) == 1 && core_.draining) {
    std::lock_guard lock(core_.mutex);
    core_.emptied.notify_all();
  }
}

void Loop::drain() {
  acceptors_.clear();
  const Connections idle = waiting_[static_cast<std::size_t>(Phase::idle)];
  for (const auto& connection : idle) connection->drain();
}

void Loop::expire() {
  for (auto& connections : waiting_) {
    while (!connections.empty() && connections.front()->deadline_ <= now_) {
      connections.front()->on_deadline();
    }
  }
  for (const auto& acceptor : acceptors_) {
    if (acceptor->paused()) acceptor->resume();
  }
}

void Loop::close_all() {
  acceptors_.clear();
  inbox_->close();
  for (auto& connections : waiting_) {
    while (!connections.empty()) connections.front()->close();
  }
  removed_.clear();
  later_.clear();
}

Duration Loop::time_out(Phase phase) const {
  const auto& options = core_.options;
  switch (phase) {
    case Phase::idle:
      return options.idle_timeout;
    case Phase::head:
      return options.header_timeout;
    case Phase::body:
      return options.body_timeout;
    case Phase::handling:
      return options.answer_timeout;
    case Phase::held:
      return options.refusal_pause;
    case Phase::writing:
      return options.write_timeout;
    case Phase::lingering:
      return kLinger;
    case Phase::closed:
      break;
  }
  return {};
}

}  // namespace mesh::http
