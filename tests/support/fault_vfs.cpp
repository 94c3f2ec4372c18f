#include "tests/support/fault_vfs.h"

#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <random>

#include "common/engines/sqlite/core/database.h"

namespace mesh::test {
namespace {

std::unique_ptr<Faults> current;
sqlite3_vfs* real = nullptr;
sqlite3_vfs shim;
std::mutex synced_mutex;

struct File {
  sqlite3_file base;
  char path[512];
  alignas(sqlite3_file) unsigned char inner[1];  // the real VFS's file

  static File* of(sqlite3_file* file) { return reinterpret_cast<File*>(file); }
  sqlite3_file* real_file() { return reinterpret_cast<sqlite3_file*>(inner); }
};

const sqlite3_io_methods* methods_of(sqlite3_file* file) { return file->pMethods; }

void count_down() {
  if (current->calls_until_exit < 0) return;
  if (current->calls_until_exit.fetch_sub(1) == 0) _exit(9);
}

int write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
  count_down();
  auto* inner = File::of(file)->real_file();
  if (current->fail_writes) {
    errno = EIO;
    return SQLITE_IOERR_WRITE;
  }
  if (current->full) {
    sqlite3_int64 length = 0;
    methods_of(inner)->xFileSize(inner, &length);
    if (offset + size > length) return SQLITE_FULL;
  }
  return methods_of(inner)->xWrite(inner, data, size, offset);
}

int sync(sqlite3_file* file, int flags) {
  count_down();
  if (current->fail_syncs) return SQLITE_IOERR_FSYNC;
  ++current->syncs;
  auto* inner = File::of(file)->real_file();
  const int code = methods_of(inner)->xSync(inner, flags);
  const std::filesystem::path path = File::of(file)->path;
  const bool watched = !current->synced_dir.empty() && path.parent_path() == current->watched_dir;
  if (code == SQLITE_OK && watched) {
    std::lock_guard lock(synced_mutex);
    std::error_code gone;  // the image's folder is, at the end of a test; else its checks will fail
    std::filesystem::copy_file(path, current->synced_dir / path.filename(),
                               std::filesystem::copy_options::overwrite_existing, gone);
  }
  return code;
}

// The rest passes through.
int close(sqlite3_file* file) {
  auto* inner = File::of(file)->real_file();
  const int code = methods_of(inner) != nullptr ? methods_of(inner)->xClose(inner) : SQLITE_OK;
  file->pMethods = nullptr;
  return code;
}
int read(sqlite3_file* file, void* out, int size, sqlite3_int64 offset) {
  auto* inner = File::of(file)->real_file();
  return methods_of(inner)->xRead(inner, out, size, offset);
}
int truncate(sqlite3_file* file, sqlite3_int64 size) {
  auto* inner = File::of(file)->real_file();
  return methods_of(inner)->xTruncate(inner, size);
}
int file_size(sqlite3_file* file, sqlite3_int64* size) {
  auto* inner = File::of(file)->real_file();
  return methods_of(inner)->xFileSize(inner, size);
}
int lock(sqlite3_file* file, int level) {
  auto* inner = File::of(file)->real_file();
  return methods_of(inner)->xLock(inner, level);
}
int unlock(sqlite3_file* file, int level) {
  auto* inner = File::of(file)->real_file();
  return methods_of(inner)->xUnlock(inner, level);
}
int check_reserved(sqlite3_file* file, int* out) {
  auto* inner = File::of(file)->real_file();
  return methods_of(inner)->xCheckReservedLock(inner, out);
}
int control(sqlite3_file* file, int op, void* arg) {
  auto* inner = File::of(file)->real_file();
  return methods_of(inner)->xFileControl(inner, op, arg);
}
int sector_size(sqlite3_file* file) {
  auto* inner = File::of(file)->real_file();
  return methods_of(inner)->xSectorSize(inner);
}
int characteristics(sqlite3_file* file) {
  auto* inner = File::of(file)->real_file();
  return methods_of(inner)->xDeviceCharacteristics(inner) | current->traits;
}
int shm_map(sqlite3_file* file, int page, int size, int extend, void volatile** out) {
  auto* inner = File::of(file)->real_file();
  return methods_of(inner)->xShmMap(inner, page, size, extend, out);
}
int shm_lock(sqlite3_file* file, int offset, int n, int flags) {
  auto* inner = File::of(file)->real_file();
  return methods_of(inner)->xShmLock(inner, offset, n, flags);
}
void shm_barrier(sqlite3_file* file) {
  auto* inner = File::of(file)->real_file();
  methods_of(inner)->xShmBarrier(inner);
}
int shm_unmap(sqlite3_file* file, int remove) {
  auto* inner = File::of(file)->real_file();
  return methods_of(inner)->xShmUnmap(inner, remove);
}

const sqlite3_io_methods kMethods = {2,
                                     close,
                                     read,
                                     write,
                                     truncate,
                                     sync,
                                     file_size,
                                     lock,
                                     unlock,
                                     check_reserved,
                                     control,
                                     sector_size,
                                     characteristics,
                                     shm_map,
                                     shm_lock,
                                     shm_barrier,
                                     shm_unmap,
                                     nullptr,
                                     nullptr};

int open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  auto* self = File::of(file);
  file->pMethods = nullptr;
  self->real_file()->pMethods = nullptr;
  const int code = real->xOpen(real, name, self->real_file(), flags, out_flags);
  if (code != SQLITE_OK) return code;
  std::strncpy(self->path, name != nullptr ? name : "", sizeof self->path - 1);
  file->pMethods = &kMethods;
  return SQLITE_OK;
}

// Journaling file systems keep the order of their metadata, so that a removal is safe once a later
// sync is; the image takes it at once.
int remove(sqlite3_vfs*, const char* name, int sync_directory) {
  const std::filesystem::path path = name;
  if (!current->synced_dir.empty() && path.parent_path() == current->watched_dir) {
    std::lock_guard lock(synced_mutex);
    std::error_code gone;
    std::filesystem::remove(current->synced_dir / path.filename(), gone);
  }
  return real->xDelete(real, name, sync_directory);
}

void fill_once() {
  if (real != nullptr) return;
  real = sqlite3_vfs_find(nullptr);
  shim = *real;
  shim.zName = "mesh-faults";
  shim.szOsFile = static_cast<int>(sizeof(File)) + real->szOsFile;
  shim.pNext = nullptr;
  shim.xOpen = open;
  shim.xDelete = remove;
}

}  // namespace

FaultVfs::FaultVfs() {
  current = std::make_unique<Faults>();
  fill_once();
  sqlite3_vfs_register(&shim, 1);
}
FaultVfs::~FaultVfs() { sqlite3_vfs_register(real, 1); }
Faults& FaultVfs::faults() { return *current; }

void FaultVfs::power_cut(const std::string& target, std::uint64_t seed) {
  // Syncs wait meanwhile, so whatever is written must be able to stand beside what is not synced.
  std::lock_guard lock(synced_mutex);
  std::filesystem::copy(current->synced_dir, target);
  if (seed == 0) return;
  std::mt19937_64 random(seed);
  constexpr std::size_t kSector = 512;
  for (const auto& entry : std::filesystem::directory_iterator(target)) {
    std::ifstream in(current->watched_dir / entry.path().filename(), std::ios::binary);
    std::fstream out(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    char sector[kSector];
    const auto odds = random() % 100;
    for (std::size_t at = 0; in.read(sector, kSector) || in.gcount() > 0; at += kSector) {
      if (random() % 100 >= odds) continue;
      out.seekp(static_cast<std::streamoff>(at));
      out.write(sector, in.gcount());
    }
  }
}

}  // namespace mesh::test
