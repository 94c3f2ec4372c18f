#include "common/engines/postgres/pool.h"

#include "common/engines/postgres/dsn.h"
#include "common/telemetry/log.h"

namespace mesh::postgres {
namespace {

// Between two calls of work that collided. The first comes at once: mostly the other is through.
constexpr BackoffPolicy kCollision{Duration{4}, Duration{250}};

}  // namespace

tl::unexpected<Error> stopped() {
  return fail(ErrorKind::unavailable, "the storage is shutting down");
}

std::unique_ptr<Session> Pool::take_idle() {
  while (!idle_.empty()) {
    auto session = std::move(idle_.back());
    idle_.pop_back();
    if (session->alive()) return session;
    --open_;
  }
  return nullptr;
}

Result<std::unique_ptr<Session>> Pool::take() {
  {
    std::unique_lock lock(mutex_);
    const auto free = [&] { return !idle_.empty() || open_ < options_.pool; };
    if (!clock_.wait_until(lock, changed_, clock_.steady() + options_.statement_timeout, free)) {
      return fail(ErrorKind::unavailable,
                  "all connections to PostgreSQL are in use: try again, or raise postgres.pool",
                  "no connection came free within " +
                      std::to_string(options_.statement_timeout.count()) + " ms");
    }
    if (auto session = take_idle()) return session;
    if (trouble_ && clock_.steady() < retry_at_) {
      changed_.notify_all();  // the places of those that were closed
      return fail(*trouble_);
    }
    ++open_;
  }
  auto session = connect();
  if (session) return session;
  std::lock_guard lock(mutex_);
  --open_;
  changed_.notify_one();
  return session;
}

Result<std::unique_ptr<Session>> Pool::connect() {
  auto session = Session::open(options_);
  std::lock_guard lock(mutex_);
  if (session) {
    if (trouble_) log::info("postgres: connected", {{"server", server_name(options_)}});
    trouble_.reset();
    failures_ = 0;
    return session;
  }
  // Once, however often it is tried meanwhile.
  if (!trouble_ || trouble_->cause != session.error().cause) {
    log::warn("postgres: " + session.error().message, {{"cause", session.error().cause}});
  }
  trouble_ = session.error();
  retry_at_ = clock_.steady() + backoff_delay(options_.reconnect, ++failures_, random_());
  return session;
}

void Pool::give_back(std::unique_ptr<Session> session) {
  session->roll_back();
  std::vector<std::unique_ptr<Session>> unproven;  // closed without the lock
  std::lock_guard lock(mutex_);
  if (session->broken()) {
    --open_;
    // They are of the same server: each that it does not answer costs a statement its time-out.
    open_ -= static_cast<int>(idle_.size());
    unproven.swap(idle_);
    changed_.notify_all();
  } else {
    idle_.push_back(std::move(session));
    trouble_.reset();  // it answers, whatever another attempt came to
    changed_.notify_one();
  }
}

bool Pool::again(const Session& session, Repeat repeat, int attempt, bool& maybe_done) {
  if (session.collided()) return attempt < kAttempts;
  if (!session.broken()) return false;
  const bool done = repeat != Repeat::read && session.maybe_done();
  maybe_done = maybe_done || done;
  return attempt == 1 && (!done || repeat == Repeat::harmless);
}

tl::unexpected<Error> Pool::failed(Error error, bool maybe_done) {
  if (!maybe_done) return fail(std::move(error));
  return fail_uncertain("the connection to PostgreSQL broke", std::move(error.cause));
}

void Pool::pause(int attempt) {
  if (attempt == 1) return;
  std::unique_lock lock(mutex_);
  std::condition_variable nobody;
  clock_.wait_until(lock, nobody, clock_.steady() + backoff_delay(kCollision, attempt, random_()),
                    [] { return false; });
}

std::optional<Error> Pool::trouble() const {
  std::lock_guard lock(mutex_);
  return trouble_;
}

}  // namespace mesh::postgres
