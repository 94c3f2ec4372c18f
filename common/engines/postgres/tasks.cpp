#include "common/engines/postgres/tasks.h"

#include "common/engines/postgres/listener.h"
#include "common/engines/postgres/stored_json.h"
#include "common/telemetry/log.h"

namespace mesh::postgres {
namespace {

#define MESH_TASK_COLUMNS                                                              \
  "id,kind,state,spec,checkpoint,result,done,total,error,cancel_requested,created_at," \
  "started_at,finished_at,started_by"

Result<Task::State> parse_state(std::string_view text) {
  using enum Task::State;
  for (const Task::State state : {queued, running, done, failed, cancelled}) {
    if (to_string(state) == text) return state;
  }
  return fail(damaged("the state of a task", std::string(text)));
}

Result<Task> task_of(const Rows& rows, int row) {
  Task task;
  task.id = rows.string(row, 0);
  task.kind = rows.string(row, 1);
  task.state = MESH_TRY(parse_state(rows.text(row, 2)));
  task.spec = MESH_TRY(parse_stored(rows.text(row, 3), "a task"));
  task.checkpoint = MESH_TRY(parse_stored(rows.text(row, 4), "a task"));
  task.result = MESH_TRY(parse_stored(rows.text(row, 5), "a task"));
  task.done = rows.integer(row, 6);
  task.total = rows.integer(row, 7);
  task.error = rows.string(row, 8);
  task.cancel_requested = rows.flag(row, 9);
  task.created_at = rows.time(row, 10);
  task.started_at = rows.time(row, 11);
  task.finished_at = rows.time(row, 12);
  task.started_by = rows.string(row, 13);
  return task;
}

tl::unexpected<Error> unknown_task(const std::string& id) {
  return fail(ErrorKind::not_found, "no task " + id);
}

tl::unexpected<Error> not_held(const std::string& id) {
  return fail(ErrorKind::conflict,
              "task " + id + " is not held: another process has it by now, or it was cancelled");
}

}  // namespace

Query Tasks::notify_query() const {
  return query("SELECT pg_notify($1,$2)", channel_of(pool_.options().schema), kTasksChanged);
}

void Tasks::heard(const std::string& text) {
  if (text.empty() || text == kTasksChanged) watches_.tell();
}

Status Tasks::insert(const Task& task) {
  const auto rows = MESH_TRY(pool_.run(Repeat::never, [&](Session& session) {
    return session.run({
        query("INSERT INTO tasks(" MESH_TASK_COLUMNS
              ") SELECT $1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14"
              " WHERE (SELECT count(*) FROM tasks WHERE state IN ('queued','running'))<$15",
              task.id, task.kind, to_string(task.state), dump(task.spec), dump(task.checkpoint),
              dump(task.result), task.done, task.total, task.error, task.cancel_requested,
              task.created_at, task.started_at, task.finished_at, task.started_by, kMostUnfinished),
        notify_query(),
    });
  }));
  if (rows.front().changed() > 0) return {};
  return fail(ErrorKind::unavailable, "too many tasks wait; try again when some have ended");
}

// One after the other: whether a task may be held depends on which others are.
Result<std::optional<ClaimedTask>> Tasks::claim_next(Session& session, const std::string& owner,
                                                     const WantedTask& wanted, Duration ttl,
                                                     bool& found) const {
  const auto begun = MESH_TRY(session.begin({
      // A process that stops in between holds up the claims of all others no longer than that.
      query("SELECT set_config('idle_in_transaction_session_timeout','10000',true)"),
      query("SELECT pg_advisory_xact_lock(hashtext($1))", "mesh tasks " + pool_.options().schema),
      query("SELECT id,kind,spec,created_at,held_until>mesh_now(),checkpoint FROM tasks"
            " WHERE state IN ('queued','running')"),
  }));
  const Rows& rows = begun.back();
  std::vector<TaskInLine> line;
  for (int i = 0; i < rows.size(); ++i) {
    Task task;
    task.id = rows.string(i, 0);
    task.kind = rows.string(i, 1);
    task.spec = MESH_TRY(parse_stored(rows.text(i, 2), "a task"));
    task.created_at = rows.time(i, 3);
    task.checkpoint = MESH_TRY(parse_stored(rows.text(i, 5), "a task"));
    line.push_back(in_line(task, rows.flag(i, 4)));
  }
  const TaskInLine* const next = next_in_line(line, wanted);
  found = next != nullptr;
  if (!found) {
    (void)MESH_TRY(session.commit({}));
    return std::optional<ClaimedTask>();
  }
  // A cancellation, which does not wait for the lock, may have ended it.
  const auto claimed = MESH_TRY(session.commit(
      {query("UPDATE tasks SET token=token+1,holder=$1,held_until=mesh_now()+$3"
             " WHERE id=$2 AND state IN ('queued','running') AND held_until<=mesh_now()"
             " RETURNING " MESH_TASK_COLUMNS ",token",
             owner, next->id, ttl)}));
  if (claimed.front().size() == 0) return std::optional<ClaimedTask>();
  constexpr int kToken = 14;
  auto task = MESH_TRY(task_of(claimed.front(), 0));
  return std::optional(ClaimedTask{std::move(task), claimed.front().integer(0, kToken)});
}

Result<std::optional<ClaimedTask>> Tasks::claim(const std::string& owner, const WantedTask& wanted,
                                                Duration ttl) {
  for (;;) {
    bool found = false;
    auto claimed = MESH_TRY(pool_.run(Repeat::never, [&](Session& session) {
      auto one = claim_next(session, owner, wanted, ttl, found);
      if (!one) session.roll_back();
      return one;
    }));
    if (!claimed && found) continue;
    if (claimed) {
      std::lock_guard lock(mutex_);
      claimed_[claimed->task.id] = claimed->token;
    }
    return claimed;
  }
}

Result<bool> Tasks::renew(const std::string& id, std::int64_t token, Duration ttl) {
  const auto rows = MESH_TRY(pool_.run(Repeat::harmless, [&](Session& session) {
    return session.run(
        query("UPDATE tasks SET held_until=mesh_now()+$3"
              " WHERE id=$1 AND token=$2 AND held_until>mesh_now()"
              " RETURNING cancel_requested",
              id, token, ttl));
  }));
  if (rows.size() == 0) return not_held(id);
  return rows.flag(0, 0);
}

Status Tasks::store(const Task& task, std::int64_t token) {
  std::vector<Query> queries{query(
      "UPDATE tasks SET state=$3,checkpoint=$4,result=$5,done=$6,total=$7,error=$8,started_at=$9,"
      "finished_at=$10,held_until=CASE WHEN $11 THEN 0 ELSE held_until END"
      " WHERE id=$1 AND token=$2 AND held_until>mesh_now() AND state IN ('queued','running')",
      task.id, token, to_string(task.state), dump(task.checkpoint), dump(task.result), task.done,
      task.total, task.error, task.started_at, task.finished_at, has_ended(task))};
  if (has_ended(task)) queries.push_back(notify_query());
  const auto rows =
      MESH_TRY(pool_.run(Repeat::never, [&](Session& session) { return session.run(queries); }));
  if (rows.front().changed() == 0) return not_held(task.id);
  if (has_ended(task)) forget(task.id, token);
  return {};
}

void Tasks::release(const std::string& id, std::int64_t token) {
  forget(id, token);
  const auto released = pool_.run(Repeat::harmless, [&](Session& session) {
    return session.run({
        query("UPDATE tasks SET held_until=0 WHERE id=$1 AND token=$2", id, token),
        notify_query(),
    });
  });
  if (!released) {
    log::warn("a task was not given back; it is free when its claim ends",
              {{"task", id}, {"cause", released.error().to_string()}});
  }
}

Result<Task> Tasks::get(const std::string& id) {
  const auto rows = MESH_TRY(pool_.run(Repeat::read, [&](Session& session) {
    return session.run(query("SELECT " MESH_TASK_COLUMNS " FROM tasks WHERE id=$1", id));
  }));
  if (rows.size() == 0) return unknown_task(id);
  return task_of(rows, 0);
}

Result<std::vector<Task>> Tasks::list(int limit) {
  const auto rows = MESH_TRY(pool_.run(Repeat::read, [&](Session& session) {
    return session.run(query("SELECT " MESH_TASK_COLUMNS
                             " FROM tasks ORDER BY created_at DESC,id DESC LIMIT $1",
                             limit));
  }));
  std::vector<Task> all;
  for (int i = 0; i < rows.size(); ++i) {
    auto task = MESH_TRY(task_of(rows, i));
    all.push_back(std::move(task));
  }
  return all;
}

Result<Task> Tasks::request_cancel(const std::string& id) {
  (void)MESH_TRY(pool_.run(Repeat::harmless, [&](Session& session) {
    return session.run({query("UPDATE tasks t SET cancel_requested=true,"
                              " state=CASE WHEN f.free THEN 'cancelled' ELSE t.state END,"
                              " finished_at=CASE WHEN f.free THEN mesh_now() ELSE t.finished_at END"
                              " FROM (SELECT state='queued' AND held_until<=mesh_now() AS free "
                              "FROM tasks WHERE id=$1"
                              "   FOR UPDATE) f"
                              " WHERE t.id=$1 AND t.state IN ('queued','running')",
                              id),
                        notify_query()});
  }));
  return get(id);
}

void Tasks::forget(const std::string& id, std::int64_t token) {
  std::lock_guard lock(mutex_);
  const auto claimed = claimed_.find(id);
  if (claimed != claimed_.end() && claimed->second == token) claimed_.erase(claimed);
}

void Tasks::release_all() {
  std::map<std::string, std::int64_t> claimed;
  {
    std::lock_guard lock(mutex_);
    claimed.swap(claimed_);
  }
  for (const auto& [id, token] : claimed) release(id, token);
}

}  // namespace mesh::postgres
