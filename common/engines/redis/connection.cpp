#include "common/engines/redis/connection.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <future>
#include <iterator>
#include <utility>

#include "common/base/thread.h"
#include "common/telemetry/log.h"

namespace mesh::redis {
namespace {

Error error_of(tl::unexpected<Error> failed) { return std::move(failed.value()); }

// hiredis writes without MSG_NOSIGNAL.
void block_sigpipe() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

void wake(const Fd& event) {
  // It fails when the counter is full, and then it is readable anyway.
  (void)eventfd_write(event.get(), 1);
}

}  // namespace

Connection::Connection(ServerOptions options, Clock& clock, Fd wake)
    : options_(std::move(options)),
      clock_(clock),
      wake_(std::move(wake)),
      trouble_(
          error_of(fail(ErrorKind::unavailable, "there is no connection to the Redis server yet",
                        "redis " + server_name(options_) + ": not connected yet"))),
      thread_([this] { run(); }) {}

Connection::~Connection() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    stop_.notify_all();
  }
  wake(wake_);
  thread_.join();
}

Status Connection::reserve() {
  std::lock_guard lock(mutex_);
  if (trouble_) return fail(*trouble_);
  if (pending_ >= options_.max_pending) {
    return fail(ErrorKind::unavailable, "too many requests wait for the Redis server",
                "redis " + server_name(options_) + ": " + std::to_string(options_.max_pending) +
                    " commands are pending");
  }
  ++pending_;
  return {};
}

void Connection::send(Command command, Done done) {
  std::optional<Error> lost;
  bool first = false;
  {
    std::lock_guard lock(mutex_);
    lost = trouble_;
    if (lost) {
      --pending_;
    } else {
      first = waiting_.empty();
      waiting_.push_back({std::move(command), std::move(done), clock_.steady() + options_.timeout});
    }
  }
  if (lost) return done(fail(*std::move(lost)));
  if (first) wake(wake_);
}

// Ends in any case: the thread answers, or gives up, within the time-out.
Result<Reply> Connection::ask(Command command) {
  MESH_TRY(reserve());
  auto promise = std::make_shared<std::promise<Result<Reply>>>();
  auto reply = promise->get_future();
  send(std::move(command), [promise](Result<Reply> came) { promise->set_value(std::move(came)); });
  return reply.get();
}

std::optional<Error> Connection::trouble() const {
  std::lock_guard lock(mutex_);
  return trouble_;
}

bool Connection::stands_since(Duration long_enough) const {
  std::lock_guard lock(mutex_);
  return !trouble_ && clock_.steady() - connected_at_ >= long_enough;
}

bool Connection::stopping() const {
  std::lock_guard lock(mutex_);
  return stopping_;
}

void Connection::run() {
  name_thread("redis");
  block_sigpipe();
  while (!stopping()) {
    auto session = Session::open(options_);
    if (session) {
      connected();
      Calls sent;
      const Error why = serve(*session, sent);
      lost(why, std::move(sent));
    } else {
      lost(session.error(), {});
    }
    std::unique_lock lock(mutex_);
    clock_.wait_until(lock, stop_,
                      clock_.steady() + backoff_delay(options_.reconnect, ++attempts_, random_()),
                      [this] { return stopping_; });
  }
}

void Connection::connected() {
  log::info("redis: connected", {{"server", server_name(options_)}});
  logged_.clear();
  std::lock_guard lock(mutex_);
  trouble_.reset();
  connected_at_ = clock_.steady();
}

Error Connection::serve(Session& session, Calls& sent) {
  while (true) {
    Calls fresh;
    {
      std::lock_guard lock(mutex_);
      if (stopping_) return error_of(fail(ErrorKind::unavailable, "the process is stopping"));
      fresh.swap(waiting_);
    }
    for (auto& call : fresh) {
      session.append(call.command, false);
      sent.push_back(std::move(call));
    }
    const auto all = session.write();
    if (!all) return all.error();

    pollfd ready[] = {{session.fd(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
    if (!*all) ready[0].events |= POLLOUT;
    if (poll(ready, std::size(ready), milliseconds_left(sent)) < 0 && errno != EINTR) {
      return error_of(fail(ErrorKind::unavailable, "the connection to Redis cannot be waited for",
                           std::strerror(errno)));
    }
    eventfd_t ignored;
    if (ready[1].revents != 0) (void)eventfd_read(wake_.get(), &ignored);
    if ((ready[0].revents & ~POLLOUT) != 0) {
      const auto any = take_answers(session, sent);
      if (!any) return any.error();
      // What is there is taken first, for it may have waited for this thread.
      if (*any) continue;
    }
    if (!sent.empty() && clock_.steady() >= sent.front().deadline) {
      return error_of(no_answer(server_name(options_)));
    }
  }
}

int Connection::milliseconds_left(const Calls& sent) const {
  if (sent.empty()) return -1;
  const auto left = std::chrono::ceil<Duration>(sent.front().deadline - clock_.steady());
  return static_cast<int>(std::clamp(left, Duration{0}, options_.timeout).count());
}

Result<bool> Connection::take_answers(Session& session, Calls& sent) {
  MESH_TRY(session.read());
  for (bool any = false;; any = true) {
    auto reply = MESH_TRY(session.next());
    if (!reply) return any;
    MESH_TRY(answer(session, sent, *std::move(reply)));
  }
}

Status Connection::answer(Session& session, Calls& sent, Reply reply) {
  const std::string server = "redis " + server_name(options_) + ": ";
  if (sent.empty()) {
    return fail(ErrorKind::unavailable, "the Redis server answers what it was not asked",
                server + reply.text());
  }
  Call call = std::move(sent.front());
  sent.pop_front();
  // The server was restarted, or its scripts were flushed. EVAL loads the script again.
  if (reply.refused && !call.repeated && reply.text().starts_with("NOSCRIPT")) {
    call.repeated = true;
    call.deadline = clock_.steady() + options_.timeout;
    session.append(call.command, true);
    sent.push_back(std::move(call));
    return {};
  }
  {
    std::lock_guard lock(mutex_);
    --pending_;
  }
  if (!reply.refused) {
    attempts_ = 0;
    call.done(std::move(reply));
    return {};
  }
  const auto refused =
      fail(ErrorKind::unavailable, "the Redis server refuses a command", server + reply.text());
  call.done(refused);
  // A new connection may lead to the server that has the master's part now, or tell what is wrong
  // with the credentials.
  const bool elsewhere = reply.text().find("READONLY") != std::string::npos;
  if (elsewhere || reply.text().starts_with("NOAUTH")) return refused;
  return {};
}

void Connection::lost(const Error& why, Calls sent) {
  bool tell = false;
  {
    std::lock_guard lock(mutex_);
    trouble_ = why;
    std::ranges::move(waiting_, std::back_inserter(sent));
    waiting_.clear();
    pending_ -= sent.size();
    tell = !stopping_ && why.cause != logged_;
  }
  // Once, however often it is tried and whoever asks meanwhile.
  if (tell) log::warn("redis: " + why.message, {{"cause", why.cause}});
  if (tell) logged_ = why.cause;
  for (auto& call : sent) call.done(fail(why));
}

}  // namespace mesh::redis
