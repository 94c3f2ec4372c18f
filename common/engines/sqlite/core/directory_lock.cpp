#include "common/engines/sqlite/core/directory_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <thread>

namespace mesh::sqlite {

Result<std::unique_ptr<DirectoryLock>> DirectoryLock::acquire(const std::string& dir) {
  std::error_code made;
  // A folder that was there keeps its mode: its owner chose it.
  if (std::filesystem::create_directories(dir, made)) {
    std::filesystem::permissions(dir, std::filesystem::perms::owner_all, made);
  }
  const std::string path = dir + "/LOCK";
  // The lock is of this open file and ends with it, also with kill -9; closed on exec, or a child
  // would hold it on.
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    return fail(ErrorKind::unavailable, "data folder " + dir +
                                            " cannot be made or written: " + std::strerror(errno) +
                                            "; check data_dir and its permissions");
  }
  std::unique_ptr<DirectoryLock> lock(new DirectoryLock(Fd(fd)));
  // Who only looks whether somebody holds it has it for an instant.
  int refused = ::flock(fd, LOCK_EX | LOCK_NB);
  for (int again = 0; refused != 0 && errno == EWOULDBLOCK && again < 5; ++again) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    refused = ::flock(fd, LOCK_EX | LOCK_NB);
  }
  if (refused != 0) {
    if (errno != EWOULDBLOCK) {
      return fail(ErrorKind::unavailable,
                  "data folder " + dir + " cannot be locked: " + std::strerror(errno));
    }
    char pid[32] = {};
    const auto n = ::pread(fd, pid, sizeof pid - 1, 0);
    std::string holder(pid, n > 0 ? static_cast<std::size_t>(n) : 0);
    while (!holder.empty() && holder.back() == '\n') holder.pop_back();
    return fail(ErrorKind::conflict,
                "data folder " + dir + " is in use by " +
                    (holder.empty() ? "another process" : "process " + holder) +
                    ": stop it, or choose another data_dir");
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  // The pid is for the other's message only; the lock holds without it.
  if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, pid.data(), pid.size(), 0) < 0) errno = 0;
  return lock;
}

}  // namespace mesh::sqlite
