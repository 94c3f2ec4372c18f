// Tasks of record, so that long work survives a restart, and is done by one process at a time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/watch.h"
#include "common/domain/task.h"
#include "common/domain/task_order.h"

namespace mesh {

struct ClaimedTask {
  Task task;
  // Rises with each claim. Once the time that its holder took it for has passed, whoever still uses
  // it gets `conflict`, and nothing is written.
  std::int64_t token = 0;
};

// Any thread; changes block until durable. Time is the engine's own.
class TaskStore {
 public:
  static constexpr int kMostUnfinished = 1'000;

  virtual ~TaskStore() = default;
  // A new one. `unavailable` where kMostUnfinished have not ended.
  virtual Status insert(const Task& task) = 0;
  // The one that is next_in_line, held for `ttl` from now on; nothing where there is none. However
  // many claim at once, no two that have one target are held, nor more of a tenant than `wanted`
  // says. One whose holder was too slow is as its last progress left it.
  virtual Result<std::optional<ClaimedTask>> claim(const std::string& owner,
                                                   const WantedTask& wanted, Duration ttl) = 0;
  // Held for `ttl` from now on; whether its cancellation was asked for.
  virtual Result<bool> renew(const std::string& id, std::int64_t token, Duration ttl) = 0;
  // Stores what its holder made of it, but for cancel_requested. One that has ended then is held no
  // more. `conflict` also where it has ended already: a cancellation may come between a claim and
  // the first store, and stands.
  virtual Status store(const Task& task, std::int64_t token) = 0;
  // Another may claim it at once. Does nothing where it is held no more.
  virtual void release(const std::string& id, std::int64_t token) = 0;

  virtual Result<Task> get(const std::string& id) = 0;
  virtual Result<std::vector<Task>> list(int limit) = 0;  // newest first
  // One that waits and was never begun is cancelled at once; of another one its holder learns, or
  // the next one, who cleans up. Answers the task as it is then; one that has ended stays so.
  virtual Result<Task> request_cancel(const std::string& id) = 0;

  // Told once a task was inserted or given back, has ended, or is to be cancelled, whichever
  // process did it; and where that may have been missed. What time alone brings about (a claim that
  // runs out) tells nobody, so look now and then, too. Dropped before the store.
  virtual std::unique_ptr<Watch> watch(Told told) = 0;
};

}  // namespace mesh
