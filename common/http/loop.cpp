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
// While it drains: how long a connection on which nothing is under way may still bring a request,
// and then its end. More than a round trip; less would reset clients, more makes each stop longer.
constexpr Duration kDrainLinger{100};
// Of a group, how many connections beyond its bound get their one answer at the same time.
constexpr int kMostBeyond = 256;
// How many idle connections are looked at for one that no request has reached meanwhile.
constexpr int kIdleTries = 8;
constexpr Phase kIdlePhases[] = {Phase::fresh, Phase::idle};

std::size_t index(Phase phase) { return static_cast<std::size_t>(phase); }

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
  auto inbox = MESH_TRY(Inbox::open());
  inbox_ = std::move(inbox);
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
    // Once a round: all deadlines of a round are measured alike, and lists stay in the order of
    // their deadlines.
    now_ = core_.clock.steady();
    for (int i = 0; i < n; ++i) {
      const auto& event = events[static_cast<std::size_t>(i)];
      if (event.data.ptr != nullptr) static_cast<Watched*>(event.data.ptr)->on_events(event.events);
    }
    take_inbox();
    // Those that used up their turn go on after all others have had theirs.
    for (auto& connection : std::exchange(later_, {})) {
      connection->later_ = false;
      connection->advance();
    }
    // After the events, so that who has connected or sent by now is served first.
    if (core_.draining.load(std::memory_order_acquire) && !std::exchange(drained_, true)) drain();
    expire();
    // Only now: an event of this round may still point at one that was closed within it.
    removed_.clear();
    tell_idle();
  }
  close_all();
}

int Loop::wait_milliseconds() const {
  if (!later_.empty()) return 0;
  int wait = -1;
  for (const auto& phases : waiting_) {
    for (const auto& connections : phases) {
      if (connections.empty()) continue;
      const auto left = std::chrono::ceil<Duration>(connections.front()->deadline_ - now_).count();
      const int bounded = static_cast<int>(std::clamp<long>(left, 0, kTickMilliseconds));
      if (wait < 0 || bounded < wait) wait = bounded;
    }
  }
  for (const auto& acceptor : acceptors_) {
    // Nothing else may wake this loop, and its end of the pause is a deadline, too.
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

// The cap is looked at here and not where connections are accepted, since only their own loop may
// close idle ones.
void Loop::add(Accepted accepted) {
  auto& group = *accepted.listener->group;
  bool beyond = false;
  // Counted first and taken back: other loops add at the same time.
  if (group.connections.fetch_add(1) >= group.max) {
    group.connections.fetch_sub(1);
    beyond = !make_room(group);
    if (beyond && !make_room_beyond(group)) {
      core_.metrics.rejected("connections");
      return forget();
    }
  }
  if (!beyond) core_.metrics.connections.add(1);
  auto connection = std::make_shared<Connection>(*this, std::move(accepted), beyond);
  epoll_event event{};
  // Edge-triggered and for both ways: turning from reading to writing costs no system call.
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = static_cast<Watched*>(connection.get());
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, connection->fd(), &event) != 0) {
    return forget(group, beyond);
  }
  auto& fresh = list(*connection, Phase::fresh);
  connection->deadline_ = now_ + time_out(Phase::fresh);
  connection->place_ = fresh.insert(fresh.end(), connection);
}

Loop::Phases& Loop::phases(const ConnectionGroup& group, bool beyond) {
  return waiting_[(&group == &core_.operators ? 2 : 0) + (beyond ? 1 : 0)];
}

Loop::Connections& Loop::list(const Connection& connection, Phase phase) {
  return phases(*connection.listener_.group, connection.beyond_)[index(phase)];
}

void Loop::enter(Connection& connection, Phase phase) {
  auto& from = list(connection, connection.phase_);
  auto& to = list(connection, phase);
  to.splice(to.end(), from, connection.place_);
  connection.phase_ = phase;
  connection.deadline_ = now_ + time_out(phase);
}

Connection* Loop::longest_idle(const ConnectionGroup& group) {
  Connection* longest = nullptr;
  SteadyTime since = SteadyTime::max();
  for (const auto phase : kIdlePhases) {
    const auto& connections = phases(group, false)[index(phase)];
    if (connections.empty()) continue;
    // The start is not kept; it follows from the deadline, which enter made of it.
    const auto begun = connections.front()->deadline_ - time_out(phase);
    if (begun >= since) continue;
    since = begun;
    longest = connections.front().get();
  }
  return longest;
}

// The place of the one that has been idle for longest goes to a new one.
bool Loop::make_room(ConnectionGroup& group) {
  for (int tries = kIdleTries; tries > 0; --tries) {
    Connection* idle = longest_idle(group);
    if (idle == nullptr) return false;
    if (!idle->still_idle()) continue;
    go_beyond(*idle);
    return true;
  }
  return false;
}

// It gives its place up at once, and has its end in peace where there is room for that.
void Loop::go_beyond(Connection& connection) {
  auto& group = *connection.listener_.group;
  auto& from = list(connection, connection.phase_);
  const bool room = make_room_beyond(group);
  if (!room) group.beyond.fetch_add(1);  // for a moment
  core_.metrics.connections.add(-1);
  connection.beyond_ = true;
  auto& to = list(connection, connection.phase_);
  to.splice(to.end(), from, connection.place_);
  room ? connection.part() : connection.close();
}

// Who has not said what it wants, or has its answer, gives way.
bool Loop::make_room_beyond(ConnectionGroup& group) {
  if (group.beyond.fetch_add(1) < kMostBeyond) return true;
  group.beyond.fetch_sub(1);
  for (const auto phase : {Phase::parting, Phase::lingering, Phase::fresh, Phase::head}) {
    auto& connections = phases(group, true)[index(phase)];
    if (connections.empty()) continue;
    connections.front()->close();
    group.beyond.fetch_add(1);
    return true;
  }
  return false;
}

// For the acceptor, which may run on another thread.
void Loop::tell_idle() {
  for (const auto* group : {&core_.tenants, &core_.operators}) {
    auto since = SteadyTime::max();
    for (const auto phase : kIdlePhases) {
      const auto& connections = phases(*group, false)[index(phase)];
      if (connections.empty()) continue;
      since = std::min(since, connections.front()->deadline_ - time_out(phase));
    }
    idle_since_[group == &core_.operators].store(since, std::memory_order_relaxed);
  }
}

void Loop::later(Connection& connection) {
  if (!std::exchange(connection.later_, true)) later_.push_back(connection.shared_from_this());
}

void Loop::remove(Connection& connection) {
  auto& from = list(connection, connection.phase_);
  removed_.splice(removed_.end(), from, connection.place_);
  connection.phase_ = Phase::closed;
  forget(*connection.listener_.group, connection.beyond_);
}

void Loop::forget(const ConnectionGroup& of, bool beyond) {
  auto& group = &of == &core_.operators ? core_.operators : core_.tenants;
  if (beyond) {
    group.beyond.fetch_sub(1);
  } else {
    group.connections.fetch_sub(1);
    core_.metrics.connections.add(-1);
  }
  forget();
}

void Loop::forget() {
  count(-1);
  one_less_open();
}

void Loop::one_less_open() {
  // The lock without a change under it: the waiter looks at `open` with it held, and must not begin
  // to sleep between its look and this call.
  if (core_.open.fetch_sub(1) == 1 && core_.draining) {
    std::lock_guard lock(core_.mutex);
    core_.emptied.notify_all();
  }
}

void Loop::drain() {
  for (const auto& acceptor : acceptors_) acceptor->finish();
  acceptors_.clear();
  for (const auto& phases : waiting_) {
    for (const auto phase : {Phase::fresh, Phase::idle, Phase::streaming, Phase::parting}) {
      // A copy, since each goes to the end of the list that it stands in.
      const Connections some = phases[index(phase)];
      for (const auto& connection : some) connection->drain();
    }
  }
  one_less_open();  // the loop itself: from now on none comes of it
}

void Loop::expire() {
  for (auto& phases : waiting_) {
    for (auto& connections : phases) {
      // on_deadline always moves the connection to another place or removes it, so that this ends.
      while (!connections.empty() && connections.front()->deadline_ <= now_) {
        connections.front()->on_deadline();
      }
    }
  }
  for (const auto& acceptor : acceptors_) {
    if (acceptor->paused()) acceptor->resume();
  }
}

void Loop::close_all() {
  acceptors_.clear();
  // Nobody takes anything out any more: an answer that came would hold its exchange, and that the
  // inbox.
  inbox_->close();
  for (auto& phases : waiting_) {
    for (auto& connections : phases) {
      while (!connections.empty()) connections.front()->end();
    }
  }
  removed_.clear();
  later_.clear();
}

Duration Loop::time_out(Phase phase) const {
  const auto& options = core_.options;
  switch (phase) {
    case Phase::fresh:
      return drained_ ? kDrainLinger : options.header_timeout;
    case Phase::idle:
      return drained_ ? kDrainLinger : options.idle_timeout;
    case Phase::head:
      return options.header_timeout;
    case Phase::admitting:
      return options.admission_timeout;
    case Phase::body:
      return options.body_timeout;
    case Phase::handling:
      return options.answer_timeout;
    case Phase::held:
      return options.refusal_pause;
    case Phase::writing:
      return options.write_timeout;
    case Phase::streaming:
      return options.stream_keep_alive;
    case Phase::lingering:
      return kLinger;
    case Phase::parting:
      return drained_ ? kDrainLinger : kLinger;
    case Phase::closed:
      break;
  }
  return {};
}

}  // namespace mesh::http
