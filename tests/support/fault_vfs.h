// A SQLite VFS over the system's own, with faults to switch on: what a bad disk, a full one, a
// crash and a power cut do.
#pragma once

#include <atomic>
#include <functional>
#include <string>

namespace mesh::test {

// All knobs may be turned from any thread while databases are open.
struct Faults {
  std::atomic<bool> fail_syncs{false};    // xSync answers SQLITE_IOERR_FSYNC
  std::atomic<bool> fail_writes{false};   // xWrite answers SQLITE_IOERR_WRITE (errno EIO)
  std::atomic<bool> full{false};          // writes that would grow a file answer SQLITE_FULL
  std::atomic<int> syncs{0};              // counted
  std::atomic<int> traits{0};             // SQLITE_IOCAP_…, beside those that the system has
  std::atomic<int> calls_until_exit{-1};  // the process _exits at the n-th write or sync from now
  // Where set: each sync of a file below `watched_dir` copies it to `synced_dir`, which so holds
  // what a power cut leaves of a disk that loses all that was not synced. Set before the databases
  // are opened.
  std::string watched_dir, synced_dir;
};

// Registers the VFS (once) and makes it the one of Database::open for the life of the object.
class FaultVfs {
 public:
  FaultVfs();
  ~FaultVfs();
  Faults& faults();
  // Copies synced_dir as it is at one moment. With a seed, of what was written since the last syncs
  // some sectors have reached the disk as well.
  void power_cut(const std::string& target, std::uint64_t seed = 0);
};

}  // namespace mesh::test
