#include "common/engines/postgres/committer.h"

#include <chrono>

#include "common/base/thread.h"
#include "common/engines/postgres/workers.h"

namespace mesh::postgres {
namespace {

constexpr std::size_t kQuantumBytes = 4'096;
// A group ends with the change that reaches one of these. More lets a single write wait longer
// beside a flood.
constexpr std::size_t kMostChanges = 1'000;
constexpr std::size_t kMostBytes = 1 << 20;
// Between two questions what became of a transaction.
constexpr Duration kAskAgain{20};

}  // namespace

Committer::Committer(Pool& pool, PostgresOutbox& outbox, Clock& clock)
    : pool_(pool),
      outbox_(outbox),
      clock_(clock),
      queue_(kQuantumBytes, pool.options().max_pending_bytes),
      thread_([this] { run(); }) {}

void Committer::submit(UserChange change, std::size_t bytes) {
  const std::string tenant = change.tenant.str();
  Waiting waiting{std::move(change), bytes};
  Status refused;
  {
    std::lock_guard lock(mutex_);
    if (stopping_) {
      refused = stopped();
    } else if (!queue_.try_push(tenant, std::move(waiting), bytes)) {
      refused = too_much_waits();
    }
  }
  if (!refused) return waiting.change.done(fail(std::move(refused.error())));
  changed_.notify_one();
}

std::vector<UserChange> Committer::take_group() {
  std::vector<UserChange> group;
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
  for (std::size_t bytes = 0; group.size() < kMostChanges && bytes < kMostBytes;) {
    auto waiting = queue_.pop();
    if (!waiting) break;
    bytes += waiting->bytes;
    group.push_back(std::move(waiting->change));
  }
  return group;
}

void Committer::run() {
  name_thread("pg-commit");
  while (true) {
    auto group = take_group();
    if (group.empty()) return;
    const auto began = std::chrono::steady_clock::now();
    std::vector<UserChange*> changes;
    for (UserChange& change : group) changes.push_back(&change);
    commit(changes);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    if (pool_.options().on_commit) {
      pool_.options().on_commit(took.count(), static_cast<int>(group.size()));
    }
  }
}

Fate Committer::find_out(const TransactionId& transaction) {
  const SteadyTime give_up = clock_.steady() + pool_.options().connect_timeout;
  while (true) {
    const Fate fate = fate_of(pool_, transaction);
    std::unique_lock lock(mutex_);
    if (fate != Fate::unknown || stopping_ || clock_.steady() >= give_up) return fate;
    clock_.wait_until(lock, changed_, clock_.steady() + kAskAgain, [this] { return stopping_; });
  }
}

Status Committer::try_commit(const std::vector<const UserChange*>& changes, AppliedGroup& applied) {
  constexpr int kTries = 3;
  Status status;
  for (int i = 0; i < kTries; ++i) {
    status = pool_.run(Repeat::never,
                       [&](Session& session) { return apply(session, outbox_, changes, applied); });
    if (status || status.error().kind != ErrorKind::uncertain) return status;
    const Fate fate = find_out(applied.transaction);
    if (fate == Fate::committed) return {};
    if (fate == Fate::unknown) return status;
  }
  // It was never made.
  return fail(ErrorKind::unavailable, "the connection to PostgreSQL broke: try again",
              status.error().cause);
}

void Committer::commit(const std::vector<UserChange*>& group) {
  const std::vector<const UserChange*> changes(group.begin(), group.end());
  AppliedGroup applied;
  const Status status = try_commit(changes, applied);
  if (status) {
    if (applied.events > 0) outbox_.added();
    for (std::size_t i = 0; i < group.size(); ++i) group[i]->done(std::move(applied.results[i]));
    return;
  }
  const Error& error = status.error();
  // They may be there, and then nobody else tells this store's readers.
  if (error.kind == ErrorKind::uncertain) outbox_.added();
  if (group.size() > 1 && !error.retryable()) {
    for (UserChange* change : group) commit({change});
    return;
  }
  for (UserChange* change : group) change->done(fail(error));
}

void Committer::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

}  // namespace mesh::postgres
