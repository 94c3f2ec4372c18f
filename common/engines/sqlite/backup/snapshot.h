// Database files as they were at one instant, copied while they go on being written to.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/engines/sqlite/core/database.h"

namespace mesh::sqlite {

// Holds a read transaction on each file; a commit to none of them lay between the first and the
// last of these. One thread at a time.
//
// Commits go on meanwhile, but what they write cannot leave a held file's write-ahead log, which
// grows until the file is copied; a Committer does not wait for that (is_held). Rejected: copying
// page by page without a held transaction, which begins anew at each commit of another connection;
// by the writer's own connection, which begins anew at each rollback and stops commits meanwhile.
class Snapshot {
 public:
  // Called with how many bytes were copied since the last call; false stops the copy.
  using Copied = std::function<bool(std::int64_t bytes)>;

  // `unavailable` where commits leave no gap, or a file cannot be opened.
  static Result<std::unique_ptr<Snapshot>> take(const std::vector<std::string>& paths);
  ~Snapshot();  // lets go of all files

  std::int64_t bytes(const std::string& path) const;           // of the file's copy
  std::int64_t schema_version(const std::string& path) const;  // PRAGMA user_version

  // Writes the file's state to `target`, which is new, and lets go of the file: once for each path
  // of those given to take. The copy is one file, with page sums, mode 0600; it is not synced.
  // `corrupt` where the file is damaged; `unavailable` where the target's disk is full or fails, or
  // the held log grew beyond kMaxHeldLog; `cancelled` where `copied` says so. What was written of
  // the target stays.
  Status copy(const std::string& path, const std::string& target, const Copied& copied);

 private:
  struct Held;
  explicit Snapshot(std::vector<std::unique_ptr<Held>> files);
  Held& held(const std::string& path) const;
  std::vector<std::unique_ptr<Held>> files_;
};

// Bytes of a write-ahead log beyond which copying its file is given up: the disk is too slow for
// what is written meanwhile.
inline constexpr std::int64_t kMaxHeldLog = std::int64_t{4} << 30;

}  // namespace mesh::sqlite
