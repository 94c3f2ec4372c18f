// Group commit: the changes of users that wait together are one transaction.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "common/base/fair_queue.h"
#include "common/engines/postgres/user_group.h"

namespace mesh::postgres {

// Changes of one tenant are made in the order of submission, and tenants take turns
// (common/base/fair_queue.h): a change waits for the group under way and a share of the next,
// however much other tenants have waiting. A group that the server refuses for what is in it is run
// again one by one, so that one change fails alone.
//
// A tenant whose row another transaction holds, as of a process that stands still, holds up nobody
// else for longer than lock_patience: its changes are put aside, in their order, and tried again
// until statement_timeout has passed. Meanwhile no row is waited for.
class Committer {
 public:
  Committer(Pool& pool, PostgresOutbox& outbox, Clock& clock);
  ~Committer() { stop(); }

  // Any thread; does not block. `bytes` is the change's share of max_pending_bytes, and of its
  // tenant's turn. `done` is called from the committer's thread or, when refused, from this one.
  void submit(UserChange change, std::size_t bytes);
  void stop();  // finishes what was submitted; callable twice

 private:
  struct Waiting {
    UserChange change;
    std::size_t bytes;
    std::optional<SteadyTime> give_up = {};  // of one that was put aside
  };

  void run();
  std::vector<Waiting> take_group(Locking& locking);  // empty: it stops
  void commit(const std::vector<Waiting*>& group, Locking locking);
  void commit_one_by_one(const std::vector<Waiting*>& group, Locking locking);
  Status try_commit(const std::vector<const UserChange*>& changes, Locking locking,
                    AppliedGroup& applied);
  void put_aside(Waiting& waiting, Error why);
  // Asks until the server is there again, for a while.
  Fate find_out(const TransactionId& transaction);

  Pool& pool_;
  PostgresOutbox& outbox_;
  Clock& clock_;

  // The thread's alone. By tenant: at most what one group took of it, since nothing more is taken
  // of a tenant meanwhile.
  std::map<std::string, std::vector<Waiting>, std::less<>> aside_;
  SteadyTime try_again_{};  // those, where there are any

  std::mutex mutex_;
  std::condition_variable changed_;
  FairQueue<Waiting> queue_;  // this and the following guarded by mutex_
  bool stopping_ = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace mesh::postgres
