#include "common/engines/postgres/committer.h"

#include <algorithm>
#include <chrono>
#include <iterator>

#include "common/base/thread.h"
#include "common/engines/postgres/errors.h"
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
// Between two looks whether a row that was held is free.
constexpr Duration kTryAgain{50};

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

std::vector<Committer::Waiting> Committer::take_group(Locking& locking) {
  std::vector<Waiting> group;
  std::unique_lock lock(mutex_);
  const auto free = [&](std::string_view tenant) { return !aside_.contains(tenant); };
  const auto ready = [&] { return stopping_ || queue_.any(free); };
  locking = aside_.empty() ? Locking::wait : Locking::pass_over;
  if (aside_.empty()) {
    changed_.wait(lock, ready);
  } else {
    clock_.wait_until(lock, changed_, try_again_, ready);
    // Before what came later of the same tenants.
    if (stopping_ || clock_.steady() >= try_again_) {
      for (auto& [tenant, changes] : std::exchange(aside_, {})) {
        std::ranges::move(changes, std::back_inserter(group));
      }
    }
  }
  for (std::size_t bytes = 0; group.size() < kMostChanges && bytes < kMostBytes;) {
    auto waiting = queue_.pop(free);
    if (!waiting) break;
    bytes += waiting->bytes;
    group.push_back(std::move(*waiting));
  }
  return group;
}

void Committer::run() {
  name_thread("pg-commit");
  while (true) {
    Locking locking;
    auto group = take_group(locking);
    if (group.empty()) return;
    const auto began = std::chrono::steady_clock::now();
    std::vector<Waiting*> changes;
    for (Waiting& waiting : group) changes.push_back(&waiting);
    commit(changes, locking);
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

Status Committer::try_commit(const std::vector<const UserChange*>& changes, Locking locking,
                             AppliedGroup& applied) {
  constexpr int kTries = 3;
  Status status;
  for (int i = 0; i < kTries; ++i) {
    status = pool_.run(Repeat::never, [&](Session& session) {
      return apply(session, outbox_, changes, pool_.options().lock_patience, locking, applied);
    });
    if (status || status.error().kind != ErrorKind::uncertain) return status;
    const Fate fate = find_out(applied.transaction);
    if (fate == Fate::committed) return {};
    if (fate == Fate::unknown) return status;
  }
  // It was never made.
  return fail(ErrorKind::unavailable, "the connection to PostgreSQL broke: try again",
              status.error().cause);
}

void Committer::commit(const std::vector<Waiting*>& group, Locking locking) {
  std::vector<const UserChange*> changes;
  for (const Waiting* waiting : group) changes.push_back(&waiting->change);
  AppliedGroup applied;
  const Status status = try_commit(changes, locking, applied);
  if (status) {
    if (applied.events > 0) outbox_.added();
    for (std::size_t i = 0; i < group.size(); ++i) {
      auto& result = applied.results[i];
      if (applied.held.contains(changes[i]->tenant.str())) {
        put_aside(*group[i], std::move(result.error()));
      } else {
        group[i]->change.done(std::move(result));
      }
    }
    return;
  }
  const Error& error = status.error();
  // They may be there, and then nobody else tells this store's readers.
  if (error.kind == ErrorKind::uncertain) outbox_.added();
  if (applied.locked && locking == Locking::wait) return commit(group, Locking::pass_over);
  // A row that is locked and cannot be passed over, as that of a tenant which another transaction
  // makes, is not told from the others of its group.
  if (group.size() > 1 && (applied.locked || !error.retryable())) {
    return commit_one_by_one(group, locking);
  }
  for (Waiting* waiting : group) {
    applied.locked ? put_aside(*waiting, error) : waiting->change.done(fail(error));
  }
}

void Committer::commit_one_by_one(const std::vector<Waiting*>& group, Locking locking) {
  for (Waiting* waiting : group) {
    const auto aside = aside_.find(waiting->change.tenant.str());
    if (aside == aside_.end()) {
      commit({waiting}, locking);
    } else {
      put_aside(*waiting, error_of(kLockTimedOut, "the tenant's row is locked"));
    }
  }
}

void Committer::put_aside(Waiting& waiting, Error why) {
  const SteadyTime now = clock_.steady();
  if (!waiting.give_up) waiting.give_up = now + pool_.options().statement_timeout;
  bool stopping = false;
  {
    std::lock_guard lock(mutex_);
    stopping = stopping_;
  }
  if (stopping || now >= *waiting.give_up) return waiting.change.done(fail(std::move(why)));
  if (aside_.empty()) try_again_ = now + kTryAgain;
  aside_[waiting.change.tenant.str()].push_back(std::move(waiting));
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
