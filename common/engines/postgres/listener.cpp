#include "common/engines/postgres/listener.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <iterator>

#include "common/base/thread.h"
#include "common/telemetry/log.h"

namespace mesh::postgres {
namespace {

// While it does not listen, those who wait are woken as often.
constexpr Duration kMostRest{1'000};
// Between two looks whether the server is still there: an idle connection does not tell of a
// machine that went away.
constexpr int kLookEveryMs = 5'000;

Status begin_listening(Session& session, const Pool& pool) {
  // Shared, lest one that connects anew waits for what is left of its connection before.
  (void)MESH_TRY(session.run(
      query("SELECT pg_advisory_lock_shared($1::int,$2::int)", kHolderLock, pool.holder())));
  const std::string sql = "LISTEN \"" + channel_of(pool.options().schema) + "\"";
  (void)MESH_TRY(session.run(Query{sql.c_str(), Params()}));
  return {};
}

}  // namespace

std::string channel_of(const std::string& schema) { return "mesh:" + schema; }

Result<std::unique_ptr<Listener>> Listener::open(Pool& pool, Clock& clock,
                                                 std::function<void(const std::string&)> heard) {
  Fd wake(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!wake) return fail(ErrorKind::unavailable, "the system has no more descriptors");
  auto session = MESH_TRY(pool.connect());
  MESH_TRY(begin_listening(*session, pool));
  return std::unique_ptr<Listener>(
      new Listener(pool, clock, std::move(heard), std::move(wake), std::move(session)));
}

Listener::Listener(Pool& pool, Clock& clock, std::function<void(const std::string&)> heard, Fd wake,
                   std::unique_ptr<Session> session)
    : pool_(pool),
      clock_(clock),
      heard_(std::move(heard)),
      wake_(std::move(wake)),
      session_(std::move(session)),
      thread_([this] { run(); }) {}

void Listener::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  // It fails when the counter is full, and then it is readable anyway.
  (void)eventfd_write(wake_.get(), 1);
  if (thread_.joinable()) thread_.join();
}

bool Listener::stopping() {
  std::lock_guard lock(mutex_);
  return stopping_;
}

void Listener::run() {
  name_thread("pg-listen");
  int attempt = 0;
  while (!stopping()) {
    if (session_) {
      attempt = 0;
      listen(*session_);
      session_.reset();
      if (stopping()) return;
    }
    auto session = pool_.connect();
    if (session && begin_listening(**session, pool_)) {
      session_ = std::move(*session);
      log::info("postgres: listens again");
    }
    // Also once it listens: what was said before was not heard.
    heard_({});
    if (!session_) rest(++attempt);
  }
}

void Listener::listen(Session& session) {
  while (true) {
    pollfd ready[] = {{session.fd(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
    const int count = poll(ready, std::size(ready), kLookEveryMs);
    if (stopping()) return;
    if (count == 0 && !session.run(query("SELECT"))) return;
    const auto texts = session.notifications();
    if (!texts || !session.alive()) return;
    for (const auto& text : *texts) heard_(text);
  }
}

void Listener::rest(int attempt) {
  const auto delay =
      std::min(kMostRest, backoff_delay(pool_.options().reconnect, attempt, random_()));
  std::unique_lock lock(mutex_);
  clock_.wait_until(lock, changed_, clock_.steady() + delay, [this] { return stopping_; });
}

}  // namespace mesh::postgres
