#include "common/engines/sqlite/store/tasks.h"

#include <algorithm>

#include "common/engines/sqlite/core/damage.h"
#include "common/engines/sqlite/core/query.h"
#include "common/engines/sqlite/store/stored_json.h"

namespace mesh::sqlite {
namespace {

#define MESH_TASK_COLUMNS                                                              \
  "id,kind,state,spec,checkpoint,result,done,total,error,cancel_requested,created_at," \
  "started_at,finished_at,started_by"

Result<Task::State> parse_state(std::string_view text) {
  using enum Task::State;
  for (const Task::State state : {queued, running, done, failed, cancelled}) {
    if (to_string(state) == text) return state;
  }
  return fail(damaged_file("store.db", "task state " + std::string(text)));
}

Result<Task> task_of(const Statement& row) {
  Task task;
  task.id = row.text(0);
  task.kind = row.text(1);
  auto state = MESH_TRY(parse_state(row.text(2)));
  task.state = state;
  for (auto [column, json] : {std::pair{3, &task.spec}, {4, &task.checkpoint}, {5, &task.result}}) {
    auto parsed = MESH_TRY(parse_stored(row.text(column)));
    *json = std::move(parsed);
  }
  task.done = row.integer(6);
  task.total = row.integer(7);
  task.error = row.text(8);
  task.cancel_requested = row.integer(9) != 0;
  task.created_at = timestamp(row, 10);
  task.started_at = timestamp(row, 11);
  task.finished_at = timestamp(row, 12);
  task.started_by = row.text(13);
  return task;
}

Result<std::vector<Task>> tasks_of(Result<Statement> rows) {
  std::vector<Task> tasks;
  MESH_TRY(each_row(std::move(rows), [&](const Statement& row) -> Status {
    auto task = MESH_TRY(task_of(row));
    tasks.push_back(std::move(task));
    return {};
  }));
  return tasks;
}

tl::unexpected<Error> unknown_task(const std::string& id) {
  return fail(ErrorKind::not_found, "no task " + id);
}

tl::unexpected<Error> not_held(const std::string& id) {
  return fail(ErrorKind::conflict,
              "task " + id + " is not held: another process has it by now, or it was cancelled");
}

}  // namespace

Status SqliteTasks::load() {
  if (loaded_) return {};
  auto tasks = MESH_TRY(read_from(readers_, [](Database& db) {
    return tasks_of(
        query(db, "SELECT " MESH_TASK_COLUMNS " FROM tasks WHERE state IN ('queued','running')"));
  }));
  for (const Task& task : tasks) unfinished_[task.id] = {in_line(task, false)};
  loaded_ = true;
  return {};
}

SqliteTasks::Unfinished* SqliteTasks::held(const std::string& id, std::int64_t token) {
  const auto at = unfinished_.find(id);
  if (at == unfinished_.end() || at->second.token != token) return nullptr;
  return clock_.steady() < at->second.until ? &at->second : nullptr;
}

SqliteTasks::Unfinished* SqliteTasks::next(const WantedTask& wanted) {
  const SteadyTime now = clock_.steady();
  std::vector<TaskInLine> line;
  for (auto& [id, task] : unfinished_) {
    task.line.held = now < task.until;
    line.push_back(task.line);
  }
  const TaskInLine* const found = next_in_line(line, wanted);
  return found == nullptr ? nullptr : &unfinished_.at(found->id);
}

void SqliteTasks::forget(const std::string& id) {
  std::lock_guard lock(mutex_);
  unfinished_.erase(id);
}

Status SqliteTasks::insert(const Task& task) {
  {
    std::lock_guard lock(mutex_);
    MESH_TRY(load());
    if (unfinished_.size() >= kMostUnfinished) {
      return fail(ErrorKind::unavailable, "too many tasks wait; try again when some have ended");
    }
  }
  const std::string spec = dump(task.spec);
  const std::string checkpoint = dump(task.checkpoint);
  const std::string result = dump(task.result);
  Status inserted = committer_.run([&](Database& db) {
    return execute(db,
                   "INSERT INTO tasks(" MESH_TASK_COLUMNS ") VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                   task.id, task.kind, to_string(task.state), spec, checkpoint, result, task.done,
                   task.total, task.error, task.cancel_requested, task.created_at, task.started_at,
                   task.finished_at, task.started_by);
  });
  if (!inserted || has_ended(task)) return inserted;
  {
    std::lock_guard lock(mutex_);
    unfinished_[task.id] = {in_line(task, false)};
  }
  watches_.tell();
  return {};
}

Result<std::optional<ClaimedTask>> SqliteTasks::claim(const std::string& /*owner*/,
                                                      const WantedTask& wanted, Duration ttl) {
  for (;;) {
    std::string id;
    std::int64_t token = 0;
    {
      std::lock_guard lock(mutex_);
      MESH_TRY(load());
      Unfinished* const free = next(wanted);
      if (free == nullptr) return std::nullopt;
      id = free->line.id;
      token = free->token = ++last_token_;
      free->until = clock_.steady() + ttl;
    }
    auto task = get(id);
    if (!task) {
      release(id, token);
      return fail(std::move(task.error()));
    }
    if (!has_ended(*task)) return ClaimedTask{std::move(*task), token};
    forget(id);  // cancelled between the two looks
  }
}

Result<bool> SqliteTasks::renew(const std::string& id, std::int64_t token, Duration ttl) {
  {
    std::lock_guard lock(mutex_);
    Unfinished* const claim = held(id, token);
    if (claim == nullptr) return not_held(id);
    claim->until = clock_.steady() + ttl;
  }
  auto task = MESH_TRY(get(id));
  return task.cancel_requested;
}

Status SqliteTasks::store(const Task& task, std::int64_t token) {
  const std::string checkpoint = dump(task.checkpoint);
  const std::string result = dump(task.result);
  Status stored = committer_.run([&](Database& db) -> Status {
    {
      std::lock_guard lock(mutex_);
      if (held(task.id, token) == nullptr) return not_held(task.id);
    }
    // A cancellation that found it free may have come just before.
    MESH_TRY(execute(db,
                     "UPDATE tasks SET state=?,checkpoint=?,result=?,done=?,total=?,error=?,"
                     "started_at=?,finished_at=? WHERE id=? AND state IN ('queued','running')",
                     to_string(task.state), checkpoint, result, task.done, task.total, task.error,
                     task.started_at, task.finished_at, task.id));
    return db.changes() > 0 ? Status{} : not_held(task.id);
  });
  if (!stored) return stored;
  if (!has_ended(task)) {
    std::lock_guard lock(mutex_);
    if (Unfinished* const claim = held(task.id, token)) claim->line = in_line(task, true);
    return {};
  }
  forget(task.id);
  watches_.tell();
  return {};
}

void SqliteTasks::release(const std::string& id, std::int64_t token) {
  {
    std::lock_guard lock(mutex_);
    Unfinished* const claim = held(id, token);
    if (claim == nullptr) return;
    claim->until = {};
  }
  watches_.tell();
}

Result<Task> SqliteTasks::get(const std::string& id) {
  return read_from(readers_, [&](Database& db) -> Result<Task> {
    auto tasks =
        MESH_TRY(tasks_of(query(db, "SELECT " MESH_TASK_COLUMNS " FROM tasks WHERE id=?", id)));
    if (tasks.empty()) return unknown_task(id);
    return std::move(tasks.front());
  });
}

Result<std::vector<Task>> SqliteTasks::list(int limit) {
  return read_from(readers_, [&](Database& db) {
    return tasks_of(query(
        db, "SELECT " MESH_TASK_COLUMNS " FROM tasks ORDER BY created_at DESC,id DESC LIMIT ?",
        limit));
  });
}

Result<Task> SqliteTasks::request_cancel(const std::string& id) {
  bool cancelled = false;
  MESH_TRY(committer_.run([&](Database& db) -> Status {
    cancelled = false;
    bool free = false;
    {
      std::lock_guard lock(mutex_);
      const auto at = unfinished_.find(id);
      free = at == unfinished_.end() || at->second.until <= clock_.steady();
    }
    if (free) {
      MESH_TRY(execute(db,
                       "UPDATE tasks SET state='cancelled',cancel_requested=1,finished_at=?"
                       " WHERE id=? AND state='queued'",
                       clock_.now(), id));
      if ((cancelled = db.changes() > 0)) return {};
    }
    return execute(db,
                   "UPDATE tasks SET cancel_requested=1 WHERE id=? AND state IN"
                   " ('queued','running')",
                   id);
  }));
  if (cancelled) forget(id);
  watches_.tell();
  return get(id);
}

}  // namespace mesh::sqlite
