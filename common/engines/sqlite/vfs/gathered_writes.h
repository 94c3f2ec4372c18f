// Writes that follow one another in a file, gathered to few large ones.
//
// SQLite writes a write-ahead log as two small pieces per page. The writer's pieces up to its next
// sync go to the disk in one system call instead. Nobody else may read them before that sync: with
// synchronous=FULL SQLite tells other connections of frames only once they are synced, and where
// the VFS promises SQLITE_IOCAP_POWERSAFE_OVERWRITE that sync is the last thing of a commit.
#pragma once

#include <cstdint>
#include <memory>

struct sqlite3_file;

namespace mesh::sqlite {

// Of one open file, used as SQLite uses the file: by one thread at a time. Results are SQLite's
// codes; an error of a gathered write is told by the call that moves it to the file.
class GatheredWrites {
 public:
  // `file` outlives this.
  explicit GatheredWrites(sqlite3_file* file) : file_(file) {}

  int write(const void* data, int size, std::int64_t offset);
  // Moves what was gathered to the file: before anything else is done with it. What could not be
  // written is dropped, as it is by a write that fails.
  int flush();

 private:
  sqlite3_file* file_;
  std::unique_ptr<char[]> pieces_;  // made by the first write: most files are only read
  int size_ = 0;
  std::int64_t offset_ = 0;  // of the first piece
};

}  // namespace mesh::sqlite
