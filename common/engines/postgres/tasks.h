// Tasks as rows, by the server's clock.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "common/base/watch_list.h"
#include "common/engines/postgres/pool.h"
#include "common/ports/task_store.h"

namespace mesh::postgres {

class Tasks final : public TaskStore {
 public:
  explicit Tasks(Pool& pool) : pool_(pool) {}

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

  // What a process said (see Listener): this one is told of its own changes so, too.
  void heard(const std::string& text);
  // Gives back what was claimed here and has not ended, so that others need not wait for its time.
  void release_all();

 private:
  Query notify_query() const;
  // Nothing found where `found` is false, or it was taken meanwhile.
  Result<std::optional<ClaimedTask>> claim_next(Session& session, const std::string& owner,
                                                const WantedTask& wanted, Duration ttl,
                                                bool& found) const;
  void forget(const std::string& id, std::int64_t token);

  Pool& pool_;
  WatchList watches_;
  std::mutex mutex_;
  std::map<std::string, std::int64_t> claimed_;  // ids and tokens; guarded by mutex_
};

}  // namespace mesh::postgres
