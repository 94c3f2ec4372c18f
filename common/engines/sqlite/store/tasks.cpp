#include "common/engines/sqlite/store/tasks.h"

#include "common/engines/sqlite/core/damage.h"
#include "common/engines/sqlite/core/query.h"
#include "common/engines/sqlite/store/stored_json.h"

namespace mesh::sqlite {
namespace {

#define MESH_TASK_COLUMNS                                                              \
  "id,kind,state,spec,checkpoint,result,done,total,error,cancel_requested,created_at," \
  "started_at,finished_at"

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
  auto state = parse_state(row.text(2));
  if (!state) return fail(std::move(state.error()));
  task.state = *state;
  for (auto [column, json] : {std::pair{3, &task.spec}, {4, &task.checkpoint}, {5, &task.result}}) {
    auto parsed = parse_stored(row.text(column));
    if (!parsed) return fail(std::move(parsed.error()));
    *json = std::move(*parsed);
  }
  task.done = row.integer(6);
  task.total = row.integer(7);
  task.error = row.text(8);
  task.cancel_requested = row.integer(9) != 0;
  task.created_at = timestamp(row, 10);
  task.started_at = timestamp(row, 11);
  task.finished_at = timestamp(row, 12);
  return task;
}

Result<std::vector<Task>> tasks_of(Result<Statement> rows) {
  std::vector<Task> tasks;
  Status read = each_row(std::move(rows), [&](const Statement& row) -> Status {
    auto task = task_of(row);
    if (!task) return fail(std::move(task.error()));
    tasks.push_back(std::move(*task));
    return {};
  });
  if (!read) return fail(std::move(read.error()));
  return tasks;
}

tl::unexpected<Error> unknown_task(const std::string& id) {
  return fail(ErrorKind::not_found, "no task " + id);
}

}  // namespace

Status SqliteTasks::put(const Task& task) {
  const std::string spec = dump(task.spec);
  const std::string checkpoint = dump(task.checkpoint);
  const std::string result = dump(task.result);
  return committer_.run([&](Database& db) {
    return execute(db,
                   "INSERT INTO tasks(" MESH_TASK_COLUMNS
                   ") VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT(id) DO UPDATE SET"
                   " kind=excluded.kind,state=excluded.state,spec=excluded.spec,"
                   "checkpoint=excluded.checkpoint,result=excluded.result,done=excluded.done,"
                   "total=excluded.total,error=excluded.error,"
                   "cancel_requested=max(cancel_requested,excluded.cancel_requested),"
                   "created_at=excluded.created_at,started_at=excluded.started_at,"
                   "finished_at=excluded.finished_at",
                   task.id, task.kind, to_string(task.state), spec, checkpoint, result, task.done,
                   task.total, task.error, task.cancel_requested, task.created_at, task.started_at,
                   task.finished_at);
  });
}

Result<Task> SqliteTasks::get(const std::string& id) {
  return read_from(readers_, [&](Database& db) -> Result<Task> {
    auto tasks = tasks_of(query(db, "SELECT " MESH_TASK_COLUMNS " FROM tasks WHERE id=?", id));
    if (!tasks) return fail(std::move(tasks.error()));
    if (tasks->empty()) return unknown_task(id);
    return std::move(tasks->front());
  });
}

Result<std::vector<Task>> SqliteTasks::list(int limit) {
  return read_from(readers_, [&](Database& db) {
    return tasks_of(query(
        db, "SELECT " MESH_TASK_COLUMNS " FROM tasks ORDER BY created_at DESC,id DESC LIMIT ?",
        limit));
  });
}

Status SqliteTasks::request_cancel(const std::string& id) {
  return committer_.run([&](Database& db) -> Status {
    Status set = execute(db, "UPDATE tasks SET cancel_requested=1 WHERE id=?", id);
    if (set && db.changes() == 0) return unknown_task(id);
    return set;
  });
}

}  // namespace mesh::sqlite
