#include "daemon/migration/journal.h"

#include <algorithm>

#include "common/base/ids.h"
#include "common/base/pause.h"
#include "common/telemetry/log.h"

namespace mesh::migration {
namespace {

constexpr Duration kHeld{20'000};
constexpr Duration kRenew{5'000};
constexpr Duration kLook{500};
constexpr int kLookedAt = 1'000;  // of the newest tasks

constexpr std::string_view kAnother =
    "another process is migrating to these engines: wait for it to end";

Result<std::optional<ClaimedTask>> claim(TaskStore& tasks) {
  return tasks.claim("mesh migrate", {{std::string(kTaskKind)}}, kHeld);
}

// What is there to be taken up; nothing where nothing is. Of a process that was killed it is free
// once its claim has passed.
Result<std::optional<ClaimedTask>> take_up(TaskStore& tasks, Clock& clock,
                                           const Journal::Told& told) {
  const auto give_up = clock.steady() + kHeld + kRenew;
  for (;;) {
    auto claimed = MESH_TRY(claim(tasks));
    if (claimed || !MESH_TRY(is_unfinished(tasks))) return claimed;
    if (clock.steady() >= give_up) {
      return fail(ErrorKind::conflict, std::string(kAnother));
    }
    told("waiting for the one that is at it, or was killed", 0, 0);
    pause(clock, kLook);
  }
}

// Whoever begins at the same time has inserted its task before it looks, as this one has: so at
// least one of the two sees the other, whatever their clocks say.
Status is_alone(TaskStore& tasks, const std::string& id) {
  const auto newest = MESH_TRY(tasks.list(kLookedAt));
  const bool alone = std::ranges::none_of(newest, [&](const Task& task) {
    return task.kind == kTaskKind && !has_ended(task) && task.id != id;
  });
  if (alone) return {};
  return fail(ErrorKind::conflict, std::string(kAnother));
}

// What it did not begin holds up nobody.
void withdraw(TaskStore& tasks, ClaimedTask claimed, Timestamp now) {
  claimed.task.state = Task::State::cancelled;
  claimed.task.finished_at = now;
  if (auto stored = tasks.store(claimed.task, claimed.token); !stored) {
    log::warn("a migration that was not begun could not be withdrawn; the next one takes it up",
              {{"task", claimed.task.id}, {"error", stored.error().to_string()}});
    tasks.release(claimed.task.id, claimed.token);
  }
}

}  // namespace

Result<bool> is_unfinished(TaskStore& tasks) {
  const auto newest = MESH_TRY(tasks.list(kLookedAt));
  return std::ranges::any_of(
      newest, [](const Task& task) { return task.kind == kTaskKind && !has_ended(task); });
}

Status none_unfinished(TaskStore& tasks) {
  if (!MESH_TRY(is_unfinished(tasks))) return {};
  return fail(ErrorKind::conflict,
              "a migration to these engines has not ended: run `mesh migrate` again, it goes on "
              "where it was");
}

Result<std::unique_ptr<Journal>> Journal::open(TaskStore& tasks, Json spec, Clock& clock, Told told,
                                               const std::function<Status()>& may_begin) {
  auto claimed = MESH_TRY(take_up(tasks, clock, told));
  const bool begins = !claimed;
  if (begins) {
    Task task;
    task.id = new_uuid_v7(clock.now());
    task.kind = kTaskKind;
    task.started_by = "mesh migrate";
    task.spec = spec;
    task.checkpoint = task.result = Json::object();
    task.created_at = clock.now();
    MESH_TRY(tasks.insert(task));
    claimed = MESH_TRY(claim(tasks));
    // One that was begun at the same time is the older one; nobody is to find this one later.
    if (claimed && claimed->task.id != task.id) (void)MESH_TRY(tasks.request_cancel(task.id));
    if (!claimed) return fail(ErrorKind::conflict, std::string(kAnother));
  }
  if (claimed->task.spec != spec) {
    tasks.release(claimed->task.id, claimed->token);
    return fail(ErrorKind::conflict,
                "a migration to these engines has not ended, and it is another one: " +
                    dump(claimed->task.spec) + "; finish that one, or begin with empty engines");
  }
  if (begins) {
    Status alone = is_alone(tasks, claimed->task.id);
    if (alone) alone = may_begin();
    if (!alone) {
      withdraw(tasks, std::move(*claimed), clock.now());
      return fail(std::move(alone.error()));
    }
  }
  return std::unique_ptr<Journal>(new Journal(tasks, clock, std::move(told), std::move(*claimed)));
}

Journal::Journal(TaskStore& tasks, Clock& clock, Told told, ClaimedTask claimed)
    : tasks_(tasks),
      clock_(clock),
      told_(std::move(told)),
      task_(std::move(claimed.task)),
      token_(claimed.token) {
  task_.state = Task::State::running;
  if (task_.started_at == Timestamp{}) task_.started_at = clock_.now();
  const auto renew = [&tasks, id = task_.id, token = token_] {
    // Whether it is lost is seen by the next store.
    if (auto renewed = tasks.renew(id, token, kHeld); !renewed) {
      log::warn("the migration's task was not renewed", {{"error", renewed.error().to_string()}});
    }
  };
  renewing_ = std::make_unique<Periodic>("migration", clock, kRenew, renew, Periodic::Rest::keeps);
}

Journal::~Journal() {
  renewing_->stop();
  tasks_.release(task_.id, token_);
}

Status Journal::store() { return tasks_.store(task_, token_); }

void Journal::advance(const std::string& doing, std::int64_t done) {
  task_.done += done;
  told_(doing, task_.done, task_.total);
}

Status Journal::save(Json checkpoint) {
  task_.checkpoint = std::move(checkpoint);
  return store();
}

Status Journal::finish(Json result) {
  task_.state = Task::State::done;
  task_.result = std::move(result);
  task_.checkpoint = Json::object();
  task_.finished_at = clock_.now();
  return store();
}

}  // namespace mesh::migration
