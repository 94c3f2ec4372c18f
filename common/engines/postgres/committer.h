// Group commit: the changes of users that wait together are one transaction.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "common/base/fair_queue.h"
#include "common/engines/postgres/user_group.h"

namespace mesh::postgres {

// Changes of one tenant are made in the order of submission, and tenants take turns
// (common/base/fair_queue.h): a change waits for the group under way and a share of the next,
// however much other tenants have waiting. A group that the server refuses for what is in it is run
// again one by one, so that one change fails alone.
class Committer {
 public:
  Committer(Pool& pool, PostgresOutbox& outbox, Clock& clock);
  ~Committer() { stop(); }

  // Any thread; does not block. `bytes` is the change's share of max_pending_bytes, and of its
  // tenant's turn. `done` is called from the committer's thread or, when refused, from this one.
  void submit(UserChange change, std::size_t bytes);
  void stop();  // finishes what was submitted; callable twice

 private:
  void run();
  std::vector<UserChange> take_group();  // empty: it stops
  void commit(const std::vector<UserChange*>& group);
  Status try_commit(const std::vector<const UserChange*>& changes, AppliedGroup& applied);
  // Asks until the server is there again, for a while.
  Fate find_out(const TransactionId& transaction);

  Pool& pool_;
  PostgresOutbox& outbox_;
  Clock& clock_;
  std::mutex mutex_;
  std::condition_variable changed_;
  struct Waiting {
    UserChange change;
    std::size_t bytes;
  };
  FairQueue<Waiting> queue_;  // this and the following guarded by mutex_
  bool stopping_ = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace mesh::postgres
