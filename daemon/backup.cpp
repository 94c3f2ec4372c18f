#include "daemon/backup.h"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <optional>

#include "common/base/strings.h"
#include "common/engines/sqlite/backup/backup.h"
#include "common/engines/sqlite/backup/manifest.h"
#include "common/engines/sqlite/backup/restore.h"
#include "common/engines/sqlite/core/migrate.h"
#include "common/engines/sqlite/log/schema.h"
#include "common/engines/sqlite/store/schema.h"
#include "common/telemetry/log.h"
#include "daemon/check_data.h"
#include "daemon/notify.h"
#include "daemon/pipeline/tasks/task_support.h"
#include "daemon/tell_error.h"

namespace mesh {
namespace {

constexpr Duration kProgressInterval{200};

// A backup of many gigabytes takes longer than a service manager lets a start take.
constexpr Duration kExtendInterval{5000};
constexpr const char* kMoreTime = "EXTEND_TIMEOUT_USEC=600000000";

constexpr int kLookedAt = 1'000;  // of the newest tasks, at first

// The newest one that was made; nothing where there is none, however many tasks came since.
Result<std::optional<Task>> last_backup(TaskStore& tasks) {
  for (int looked_at = kLookedAt;; looked_at *= 8) {
    const auto newest = MESH_TRY(tasks.list(looked_at));
    const auto last = std::ranges::find_if(newest, [](const Task& task) {
      return task.kind == "backup" && task.state == Task::State::done;
    });
    if (last != newest.end()) return std::optional(*last);
    if (newest.size() < static_cast<std::size_t>(looked_at)) return std::optional<Task>();
  }
}

// Not when it ended: what was written while it was made may not be in it.
void show_backup_of(Timestamp begun, Metrics& metrics) {
  metrics
      .gauge("mesh_backup_last_success_timestamp_seconds",
             "When the last backup that was made began, in Unix time; 0: there is none.")
      .set(std::chrono::duration<double>(begun.time_since_epoch()).count());
}

Status back_up(pipeline::TaskContext& context, const std::string& data_dir,
               const std::string& version, Clock& clock) {
  const std::string folder = context.task().spec.value("path", "");
  // Begun before this start: it was cut off, or what started is the copy that it made, in which it
  // is still under way.
  if (context.task().checkpoint.value("begun", false)) {
    std::error_code error;
    if (std::filesystem::exists(folder + "/" + sqlite::kManifest, error)) return {};
    return fail(ErrorKind::conflict,
                "meshd ended, or was restored, while it was made: a folder " + folder +
                    " without a manifest.json is of no use; remove it and begin again");
  }
  const Json begun{{"begun", true}};
  // Durable before the first byte: the backup then holds the task as one that has begun, and a
  // start on what is restored does not make another one.
  MESH_TRY(context.progress(0, 0, begun, Json::object()));
  std::int64_t all = 0;
  auto next = clock.steady();
  auto manifest = MESH_TRY(sqlite::back_up(
      data_dir, folder, {version, clock, [&](std::int64_t done, std::int64_t total) {
                           all = total;
                           // Each report is a write of the task's row: not as often as another MiB
                           // was copied.
                           if (clock.steady() >= next) {
                             next = clock.steady() + kProgressInterval;
                             pipeline::report(context, done, total, begun, Json::object());
                           }
                           return !context.stopping();
                         }}));
  log::info("a backup was made", {{"folder", folder}});
  pipeline::report(context, all, all, begun, std::move(manifest));
  return {};
}

int tell(const Result<Json>& report, bool json, const std::string& done) {
  if (!report) {
    tell_error(report.error(), json);
    const auto kind = report.error().kind;
    // 1 is about the backup, 3 about the look at it: monitoring tells them apart.
    return kind == ErrorKind::conflict || kind == ErrorKind::corrupt ? 1 : 3;
  }
  const bool whole = (*report)["state"] == "ok";
  if (json) {
    std::cout << dump(*report) << "\n";
    return whole ? 0 : 1;
  }
  for (const auto& file : (*report)["files"]) {
    std::cout << file["name"].get<std::string>() << ": " << file["state"].get<std::string>()
              << "\n";
  }
  std::cout << (whole ? done : std::string("the backup is damaged: make another one")) << "\n";
  return whole ? 0 : 1;
}

// Which of log.db and store.db an older program wrote, and "store.db has schema 4, of 5" of each:
// opening them would migrate them.
struct Outdated {
  std::vector<std::string> names, told;
};

Result<Outdated> outdated_files(const std::string& data_dir) {
  Outdated outdated;
  for (const auto& [name, known] :
       {std::pair("log.db", sqlite::kLogSchema), std::pair("store.db", sqlite::kStoreSchema)}) {
    const std::string path = data_dir + "/" + name;
    if (!std::filesystem::exists(path)) continue;
    const auto db = MESH_TRY(sqlite::Database::open(path, sqlite::Database::Mode::read_only));
    const auto version = MESH_TRY(sqlite::schema_version(*db));
    if (version == 0 || version >= known) continue;
    outdated.names.emplace_back(name);
    outdated.told.push_back(std::string(name) + " has schema " + std::to_string(version) + ", of " +
                            std::to_string(known));
  }
  return outdated;
}

}  // namespace

Status can_back_up(const config::Config& config, const std::string& folder) {
  const auto used = embedded_files(config);
  if (used.log && used.store && used.index) return sqlite::can_back_up(config.data_dir, folder);
  return fail(ErrorKind::unprocessable,
              "a backup copies the files of the embedded engines, and log.engine, store.engine or "
              "vectors.engine names a server: back that up by its own means (docs/engines.md)");
}

pipeline::TaskRunner::Work backup_work(std::string data_dir, std::string version, Clock& clock,
                                       Metrics& metrics) {
  return [data_dir = std::move(data_dir), version = std::move(version), &clock,
          &metrics](pipeline::TaskContext& context) -> Status {
    MESH_TRY(back_up(context, data_dir, version, clock));
    show_backup_of(context.task().started_at, metrics);
    return {};
  };
}

Status show_last_backup(const config::Config& config, TaskStore& tasks, Metrics& metrics) {
  const auto used = embedded_files(config);
  if (!used.log || !used.store || !used.index) return {};
  const auto last = MESH_TRY(last_backup(tasks));
  show_backup_of(last ? last->started_at : Timestamp{}, metrics);
  return {};
}

Status back_up_before_upgrade(const config::Config& config, const std::string& version,
                              Clock& clock) {
  const auto used = embedded_files(config);
  if (!used.log || !used.store) return {};  // the other half is a server's
  const auto outdated = MESH_TRY(outdated_files(config.data_dir));
  if (outdated.names.empty()) return {};
  const auto files = join(outdated.told, "; ");
  log::info("the data folder is of an older version: a backup is made first", {{"files", files}});
  auto next = clock.steady();
  const auto folder = sqlite::back_up_before_upgrade(
      config.data_dir, outdated.names, {version, clock, [&](std::int64_t, std::int64_t) {
                                          if (clock.steady() >= next) {
                                            next = clock.steady() + kExtendInterval;
                                            notify_service_manager(kMoreTime);
                                          }
                                          return true;
                                        }});
  if (!folder) {
    Error error = folder.error();
    error.message = "no backup can be made before the upgrade of " + config.data_dir + " (" +
                    files + "), and nothing was changed: " + error.message;
    return fail(std::move(error));
  }
  log::info("there is a backup from before the upgrade: remove it when you will not go back",
            {{"folder", *folder}});
  return {};
}

int verify_backup(const std::string& folder, bool json) {
  return tell(sqlite::verify_backup(folder), json, "the backup is whole");
}

int restore_backup(const std::string& folder, const std::string& data_dir, bool json) {
  return tell(sqlite::restore_backup(folder, data_dir), json,
              "restored; start meshd with --data-dir " + data_dir);
}

}  // namespace mesh
