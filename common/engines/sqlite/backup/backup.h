// Making a backup of a data folder while meshd runs.
//
// A backup is a folder of log.db, store.db, vectors.db, events.db, operator.token and manifest.json
// (manifest.h). The manifest is written last and at once, so a backup without it is one that was
// cut off.
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
#include <vector>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"

namespace mesh::sqlite {

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

// As back_up, in the new folder <data_dir>/before-upgrade-<time>, whose path it answers: the only
// place that whoever starts a meshd is known to have given it. `outdated` are the databases that
// will be migrated. The caller holds the folder's lock: an earlier one that was cut off is removed,
// and one that is whole is answered again as long as only starts that failed came after it.
Result<std::string> back_up_before_upgrade(const std::string& data_dir,
                                           const std::vector<std::string>& outdated,
                                           const BackupOptions& options);

}  // namespace mesh::sqlite
