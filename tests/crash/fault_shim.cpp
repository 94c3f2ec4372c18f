// Preloaded into meshd: while the file named by $MESH_FAIL_SYNC exists, every fsync fails with EIO;
// while the one named by $MESH_DISK_FULL exists, no file grows (ENOSPC).
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

bool armed(const char* variable) {
  const char* path = getenv(variable);
  const int before = errno;
  const bool yes = path != nullptr && access(path, F_OK) == 0;
  errno = before;
  return yes;
}

template <typename Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

int sync_or_fail(const char* name, int fd) {
  if (armed("MESH_FAIL_SYNC")) {
    errno = EIO;
    return -1;
  }
  return next<int (*)(int)>(name)(fd);
}

ssize_t write_or_fail(const char* name, int fd, const void* data, size_t size, off_t offset) {
  struct stat file {};
  if (armed("MESH_DISK_FULL") && fstat(fd, &file) == 0 &&
      offset + static_cast<off_t>(size) > file.st_size) {
    errno = ENOSPC;
    return -1;
  }
  return next<ssize_t (*)(int, const void*, size_t, off_t)>(name)(fd, data, size, offset);
}

}  // namespace

extern "C" {
int fsync(int fd) { return sync_or_fail("fsync", fd); }
int fdatasync(int fd) { return sync_or_fail("fdatasync", fd); }
ssize_t pwrite(int fd, const void* data, size_t size, off_t offset) {
  return write_or_fail("pwrite", fd, data, size, offset);
}
ssize_t pwrite64(int fd, const void* data, size_t size, off_t offset) {
  return write_or_fail("pwrite64", fd, data, size, offset);
}
}
