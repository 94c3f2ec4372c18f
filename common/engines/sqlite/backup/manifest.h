// The manifest of a backup: what is in it, and how a folder is compared with it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/base/json.h"
#include "common/engines/sqlite/backup/files.h"

namespace mesh::sqlite {

// {"format":"mesh-backup","version":1,"made_at","meshd_version",
//  "files":[{"name","bytes","sha256","schema_version" (of databases)}]}
inline constexpr const char* kManifest = "manifest.json";
inline constexpr const char* kBackupFormat = "mesh-backup";
inline constexpr std::int64_t kBackupVersion = 1;

// A file of a data folder that a backup has.
struct BackedUp {
  const char* name;
  bool database;
  bool required;
};
// The busiest first, which is so held the shortest.
inline constexpr BackedUp kBackedUp[] = {{"log.db", true, true},
                                         {"store.db", true, true},
                                         {"vectors.db", true, false},
                                         {"events.db", true, false},
                                         {"operator.token", false, false}};

struct ManifestFile {
  std::string name;
  std::int64_t bytes = 0;
  std::string sha256;
  std::int64_t schema_version = -1;  // of databases
};
struct Manifest {
  std::string made_at, meshd_version;
  std::vector<ManifestFile> files;
};

// `not_found`, `conflict`, `corrupt` and `unavailable` as verify_backup.
Result<Manifest> read_manifest(const std::string& folder);

// What is wrong with a file of the backup, for people; nothing where it is as the manifest says.
std::optional<std::string> fault_of(const ManifestFile& entry, const Result<Digest>& digest);

// What verify_backup answers, without its files.
Json report_of(const std::string& folder, const Manifest& manifest);

}  // namespace mesh::sqlite
