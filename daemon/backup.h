// Backups: the work of the task, and `meshd --verify-backup` and `--restore`.
#pragma once

#include <string>

#include "common/base/clock.h"
#include "common/config/config.h"
#include "common/ports/task_store.h"
#include "common/telemetry/metrics.h"
#include "daemon/pipeline/tasks/tasks.h"

namespace mesh {

// Whether a backup of data_dir can be made in `folder` (sqlite::can_back_up); `unprocessable` where
// an engine keeps its data on a server.
Status can_back_up(const config::Config& config, const std::string& folder);

// The work of a task of kind "backup", of {"path": an absolute folder}; its result is the manifest.
// Progress counts bytes, each twice (copied, and read again). A backup that a restart cut off
// fails: of a folder that lacks its manifest nothing can be used. One that was made shows in
// mesh_backup_last_success_timestamp_seconds, with the time when it began.
pipeline::TaskRunner::Work backup_work(std::string data_dir, std::string version, Clock& clock,
                                       Metrics& metrics);

// The same of the backups that `tasks` knows, for after a start: 0 where there is none. No metric
// where an engine keeps its data on a server.
Status show_last_backup(const config::Config& config, TaskStore& tasks, Metrics& metrics);

// The way back from an upgrade: where a start would migrate log.db or store.db, both embedded, a
// backup within data_dir, whose lock the caller holds. Where none can be made the message says that
// nothing was changed.
Status back_up_before_upgrade(const config::Config& config, const std::string& version,
                              Clock& clock);

// What sqlite::verify_backup and sqlite::restore_backup answer, printed for people or as JSON;
// errors by tell_error. The exit code: 0 whole or restored, 1 damaged, unfinished or refused, 3
// could not look.
int verify_backup(const std::string& folder, bool json);
int restore_backup(const std::string& folder, const std::string& data_dir, bool json);

}  // namespace mesh
