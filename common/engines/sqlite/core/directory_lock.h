// One process per data folder.
// Boost.Interprocess' file_lock is one of fcntl, which any close of the file in the process ends.
#pragma once

#include <memory>
#include <string>

#include "common/base/error.h"
#include "common/base/fd.h"

namespace mesh::sqlite {

// `<dir>/LOCK`, held by flock for the life of the object. `conflict` with the holder's pid when
// another process has it; `unavailable` for a folder that cannot be made or written.
class DirectoryLock {
 public:
  static Result<std::unique_ptr<DirectoryLock>> acquire(const std::string& dir);

 private:
  explicit DirectoryLock(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

}  // namespace mesh::sqlite
