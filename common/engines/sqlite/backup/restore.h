// What reads a backup (backup.h): looking at one, and restoring it.
#pragma once

#include <string>

#include "common/base/error.h"
#include "common/base/json.h"

namespace mesh::sqlite {

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
