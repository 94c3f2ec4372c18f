// Tasks in SQLite; claims in memory, since the data folder has one process: after a restart all are
// free.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "common/base/clock.h"
#include "common/base/watch_list.h"
#include "common/engines/sqlite/core/committer.h"
#include "common/engines/sqlite/core/database.h"
#include "common/engines/sqlite/core/reader_pool.h"
#include "common/ports/task_store.h"

namespace mesh::sqlite {

class SqliteTasks final : public TaskStore {
 public:
  SqliteTasks(Committer& committer, ReaderPool& readers, Clock& clock)
      : committer_(committer), readers_(readers), clock_(clock) {}

  Status insert(const Task& task) override;
  Result<std::optional<ClaimedTask>> claim(const std::string& owner, const WantedTask& wanted,
                                           Duration ttl) override;
  Result<bool> renew(const std::string& id, std::int64_t token, Duration ttl) override;
  Status store(const Task& task, std::int64_t token) override;
  void release(const std::string& id, std::int64_t token) override;
  Result<Task> get(const std::string& id) override;
  Result<std::vector<Task>> list(int limit) override;
  Result<Task> request_cancel(const std::string& id) override;
  std::unique_ptr<Watch> watch(Told told) override { return watches_.add(std::move(told)); }

 private:
  struct Unfinished {
    TaskInLine line;         // `held` is set when it is looked at
    std::int64_t token = 0;  // of the last claim
    SteadyTime until{};      // the claim's, which may be over
  };

  // These with mutex_ held.
  Status load();
  Unfinished* held(const std::string& id, std::int64_t token);  // null where it is not
  Unfinished* next(const WantedTask& wanted);                   // null: none

  void forget(const std::string& id);

  Committer& committer_;
  ReaderPool& readers_;
  Clock& clock_;
  WatchList watches_;
  std::mutex mutex_;
  bool loaded_ = false;                           // this and the following guarded by mutex_
  std::map<std::string, Unfinished> unfinished_;  // by id
  std::int64_t last_token_ = 0;
};

}  // namespace mesh::sqlite
