// The task of a migration, in the stores that it goes to: how far it is, and that one process alone
// is at it.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "common/base/clock.h"
#include "common/base/periodic.h"
#include "common/domain/task.h"
#include "common/ports/task_store.h"

namespace mesh::migration {

inline constexpr std::string_view kTaskKind = "migration";

// Whether the stores hold a migration that has not ended: nobody may use them yet.
Result<bool> is_unfinished(TaskStore& tasks);
// `conflict`, with what to do, where they do.
Status none_unfinished(TaskStore& tasks);

// One thread at a time.
class Journal {
 public:
  // Told of progress: what is being done, and how far it is.
  using Told = std::function<void(const std::string& doing, std::int64_t done, std::int64_t total)>;

  // Takes up the migration of `spec` that has not ended, or begins one. Waits while a process that
  // was killed is still taken for being at it. `conflict` where one is, or where one of another
  // spec has not ended. Of two that begin at once one goes on at most. `may_begin` is asked once
  // nobody else can begin; its error ends the one that was begun.
  static Result<std::unique_ptr<Journal>> open(TaskStore& tasks, Json spec, Clock& clock, Told told,
                                               const std::function<Status()>& may_begin);

  // Another may take it up at once.
  ~Journal();

  // Empty where nothing was saved.
  const Json& checkpoint() const { return task_.checkpoint; }
  const std::string& task_id() const { return task_.id; }

  // `done` of `total` is behind it.
  void expect(std::int64_t total, std::int64_t done) { task_.total = total, task_.done = done; }
  // `done` more of it; stores nothing.
  void advance(const std::string& doing, std::int64_t done);
  // `conflict` where another process has taken it over meanwhile.
  Status save(Json checkpoint);
  Status finish(Json result);

 private:
  Journal(TaskStore& tasks, Clock& clock, Told told, ClaimedTask claimed);
  Status store();

  TaskStore& tasks_;
  Clock& clock_;
  const Told told_;
  Task task_;
  const std::int64_t token_;
  std::unique_ptr<Periodic> renewing_;  // last: it uses all of the above
};

}  // namespace mesh::migration
