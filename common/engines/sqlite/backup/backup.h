// Backups of a data folder: made while meshd runs, looked at, restored.
//
// A backup is a folder of log.db, store.db, vectors.db, operator.token and manifest.json. The
// manifest is written last and at once, so a backup without it is one that was cut off.
//
// All databases are copied as they were at one instant (snapshot.h), so a restored folder is what
// kill -9 at that instant would have left, and a start on it recovers the same way. No order of
// copies would do instead. Store before log: groups' offsets in the log could be beyond what the
// store has counted or parked, which nobody would ever do again; and the log would name users whose
// ids the store gives out a second time. Log before store: a change that went from the outbox into
// the log in between would be in neither. An index of another instant would hold users that the log
// does not know, or miss some that its offset is beyond.
#pragma once

#include <functional>
#include <string>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"

namespace mesh::sqlite {

// {"format":"mesh-backup","version":1,"made_at","meshd_version",
//  "files":[{"name","bytes","sha256","schema_version" (of databases)}]}
inline constexpr const char* kManifest = "manifest.json";

// Whether a backup of `data_dir` can be made in `folder`: an absolute path, nothing or an empty
// folder, in a folder that exists, not within data_dir. `unprocessable` or `conflict` says what is
// in the way.
Status can_back_up(const std::string& data_dir, const std::string& folder);

struct BackupOptions {
  std::string meshd_version;
  Clock& clock;
  // How much is done, in bytes: each is copied, then read again. False stops the backup.
  std::function<bool(std::int64_t done, std::int64_t total)> progress;
};
// Makes a backup in `folder` (0700; files 0600) and answers its manifest once all is on the disk.
// An empty folder that is there must be the caller's own (`conflict`). Nothing that is there
// already is written to; what was made is removed again where it fails, or named where it cannot
// be. Errors as can_back_up and Snapshot::copy.
Result<Json> back_up(const std::string& data_dir, const std::string& folder,
                     const BackupOptions& options);

// Reads a backup and compares it with its manifest: {"backup","state":"ok"|"damaged","made_at",
// "meshd_version","files":[{"name","bytes","state":"ok"|what is wrong}]}. `not_found` where there
// is no such folder, `conflict` for one without a manifest (unfinished) or with a newer program's,
// `corrupt` for a manifest that cannot be read, `unavailable` where the caller may not look.
Result<Json> verify_backup(const std::string& folder);

// Copies a backup into `data_dir`, which must be new or empty, checking every file on the way;
// answers as verify_backup. A start on the folder then goes on from the backup. `conflict` where
// data_dir holds anything, `corrupt` where a file is not what the manifest says; data_dir is then
// as it was.
Result<Json> restore_backup(const std::string& folder, const std::string& data_dir);

// `conflict` where a restore into the folder was cut off; the message says what to do.
Status no_unfinished_restore(const std::string& data_dir);

}  // namespace mesh::sqlite
