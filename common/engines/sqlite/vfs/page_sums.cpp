#include "common/engines/sqlite/vfs/page_sums.h"

#include <sqlite3.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <string_view>
#include <vector>

#include "common/base/ids.h"
#include "common/engines/sqlite/vfs/gathered_writes.h"

namespace mesh::sqlite {
namespace {

constexpr std::int64_t kLockByte = 1 << 30;
constexpr std::size_t kReservedAt = 20;  // in the file's header: how many bytes pages reserve

// Fields of the header, by place: https://www.sqlite.org/fileformat.html#the_database_header
constexpr std::size_t kFieldBytes = 4;
constexpr std::size_t kChangeCounterAt = 24, kCookieAt = 40, kCounterOfSizeAt = 92, kWriterAt = 96;
constexpr std::size_t kUnsummed[] = {kChangeCounterAt, kCookieAt, kCounterOfSizeAt, kWriterAt};
constexpr char kMark[] = {'m', 'e', 's', 'h'};

// Parts of pages would be read past their sums. Newer than some headers.
constexpr int kSubpageRead = 0x00008000;
#ifdef SQLITE_IOCAP_SUBPAGE_READ
static_assert(kSubpageRead == SQLITE_IOCAP_SUBPAGE_READ);
#endif

struct Shim {
  sqlite3_vfs vfs;
  sqlite3_vfs* below;
  std::string name;
};

struct File {
  sqlite3_file base;
  bool database;        // else a log or a journal, which passes through
  bool sums;            // pages have them: known once page 1 was read or written
  GatheredWrites* log;  // of a write-ahead log, else null: written as it comes; owned
  alignas(sqlite3_file) unsigned char inner[1];  // SQLite aligns files to 8 bytes, no more

  static File* of(sqlite3_file* file) { return reinterpret_cast<File*>(file); }
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(inner); }
};
constexpr auto kInnerAt = offsetof(File, inner);

sqlite3_file* real(sqlite3_file* file) { return File::of(file)->real(); }
const sqlite3_io_methods* of(sqlite3_file* file) { return file->pMethods; }

std::uint64_t plain_sum(const char* page, std::size_t size, std::int64_t number) {
  // The number goes in, so that a whole page in the wrong place is found, too.
  return stable_hash({page, size - kPageSumBytes}) ^
         static_cast<std::uint64_t>(number) * 0x9e3779b97f4a7c15ULL;
}

std::uint64_t sum_of(const char* page, std::size_t size, std::int64_t number) {
  if (number != 1) return plain_sum(page, size, number);
  std::vector<char> summed(page, page + size);
  // Every program that copies a file page by page changes these fields; nothing that is read
  // depends on them (page_sums.h).
  for (const auto at : kUnsummed) std::memset(summed.data() + at, 0, kFieldBytes);
  return plain_sum(summed.data(), size, number);
}

std::uint64_t stored_sum(const char* page, std::size_t size) {
  std::uint64_t stored;
  std::memcpy(&stored, page + size - kPageSumBytes, kPageSumBytes);
  return stored;
}

bool is_marked(const char* page) { return std::memcmp(page + kWriterAt, kMark, sizeof kMark) == 0; }

int equal_bytes(std::uint64_t a, std::uint64_t b) {
  int equal = 0;
  for (int i = 0; i < kPageSumBytes; ++i) equal += ((a ^ b) >> (8 * i) & 0xff) == 0;
  return equal;
}

// SQLite moves whole pages, but for looks at the file's header.
bool is_page(int size, sqlite3_int64 offset) {
  return size >= 512 && std::has_single_bit(static_cast<unsigned>(size)) && offset % size == 0;
}

// From page 1, whether written or read.
void learn(File* file, const char* data, int size, sqlite3_int64 offset) {
  if (offset == 0 && size > static_cast<int>(kReservedAt)) {
    file->sums = data[kReservedAt] == kPageSumBytes;
  }
}

// Before a file is looked at or changed in any way but by the next write.
int write_gathered(sqlite3_file* file) {
  auto* log = File::of(file)->log;
  return log != nullptr ? log->flush() : SQLITE_OK;
}

int read(sqlite3_file* file, void* out, int size, sqlite3_int64 offset) {
  auto* self = File::of(file);
  if (const int code = write_gathered(file); code != SQLITE_OK) return code;
  const int code = of(self->real())->xRead(self->real(), out, size, offset);
  if (code == SQLITE_IOERR_SHORT_READ && self->database && self->sums && is_page(size, offset)) {
    // SQLite would take what is cut off for zeros.
    sqlite3_int64 end = 0;
    if (of(self->real())->xFileSize(self->real(), &end) == SQLITE_OK && end > offset) {
      return SQLITE_CORRUPT;
    }
  }
  if (code != SQLITE_OK || !self->database) return code;
  auto* data = static_cast<char*>(out);
  learn(self, data, size, offset);
  if (!self->sums || !is_page(size, offset)) return code;
  const auto bytes = static_cast<std::size_t>(size);
  if (!page_is_whole(data, bytes, offset / size + 1)) return SQLITE_CORRUPT;
  // SQLite gets what it would have written: zeros in the bytes that it reserves for others.
  std::memset(data + bytes - kPageSumBytes, 0, kPageSumBytes);
  return code;
}

int write(sqlite3_file* file, const void* in, int size, sqlite3_int64 offset) {
  auto* self = File::of(file);
  if (self->log != nullptr) return self->log->write(in, size, offset);
  const auto* data = static_cast<const char*>(in);
  if (self->database) learn(self, data, size, offset);
  if (!self->database || !self->sums || !is_page(size, offset)) {
    return of(self->real())->xWrite(self->real(), in, size, offset);
  }
  thread_local std::vector<char> page;
  // A copy, since the buffer is SQLite's cache.
  page.assign(data, data + size);
  seal_page(page.data(), page.size(), offset / size + 1);
  return of(self->real())->xWrite(self->real(), page.data(), size, offset);
}

int truncate(sqlite3_file* f, sqlite3_int64 size) {
  const int code = write_gathered(f);
  return code != SQLITE_OK ? code : of(real(f))->xTruncate(real(f), size);
}
int sync(sqlite3_file* f, int flags) {
  const int code = write_gathered(f);
  return code != SQLITE_OK ? code : of(real(f))->xSync(real(f), flags);
}
int file_size(sqlite3_file* f, sqlite3_int64* size) {
  const int code = write_gathered(f);
  return code != SQLITE_OK ? code : of(real(f))->xFileSize(real(f), size);
}
int close(sqlite3_file* file) {
  // What is still gathered was never synced: a transaction's that was undone.
  delete std::exchange(File::of(file)->log, nullptr);
  auto* inner = real(file);
  const int code = of(inner) != nullptr ? of(inner)->xClose(inner) : SQLITE_OK;
  file->pMethods = nullptr;
  return code;
}

// The rest passes through.
int lock(sqlite3_file* f, int level) { return of(real(f))->xLock(real(f), level); }
int unlock(sqlite3_file* f, int level) { return of(real(f))->xUnlock(real(f), level); }
int check_reserved(sqlite3_file* f, int* out) {
  return of(real(f))->xCheckReservedLock(real(f), out);
}
int control(sqlite3_file* f, int op, void* arg) {
  return of(real(f))->xFileControl(real(f), op, arg);
}
int sector_size(sqlite3_file* f) { return of(real(f))->xSectorSize(real(f)); }
int characteristics(sqlite3_file* f) {
  return of(real(f))->xDeviceCharacteristics(real(f)) & ~kSubpageRead;
}
int shm_map(sqlite3_file* f, int page, int size, int extend, void volatile** out) {
  return of(real(f))->xShmMap(real(f), page, size, extend, out);
}
int shm_lock(sqlite3_file* f, int offset, int n, int flags) {
  return of(real(f))->xShmLock(real(f), offset, n, flags);
}
void shm_barrier(sqlite3_file* f) { of(real(f))->xShmBarrier(real(f)); }
int shm_unmap(sqlite3_file* f, int remove) { return of(real(f))->xShmUnmap(real(f), remove); }

// Version 2: without memory maps, which would go around read().
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

int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  auto* below = static_cast<Shim*>(vfs->pAppData)->below;
  auto* self = File::of(file);
  file->pMethods = nullptr;
  self->database = (flags & SQLITE_OPEN_MAIN_DB) != 0;
  self->sums = false;
  self->log = nullptr;
  self->real()->pMethods = nullptr;
  const int code = below->xOpen(below, name, self->real(), flags, out_flags);
  // Nothing was opened, so that SQLite must not call close, which it does where methods are set.
  if (self->real()->pMethods == nullptr) return code;
  file->pMethods = &kMethods;
  // Without safe overwrites SQLite syncs in the middle of a commit's last page.
  const auto traits = of(self->real())->xDeviceCharacteristics(self->real());
  if ((flags & SQLITE_OPEN_WAL) != 0 && (traits & SQLITE_IOCAP_POWERSAFE_OVERWRITE) != 0) {
    self->log = new (std::nothrow) GatheredWrites(self->real());
  }
  return code;
}

template <auto Member, typename... Args>
auto pass(sqlite3_vfs* vfs, Args... args) {
  auto* below = static_cast<Shim*>(vfs->pAppData)->below;
  return (below->*Member)(below, args...);
}

}  // namespace

const char* page_sums_vfs() {
  static std::mutex mutex;
  static std::map<sqlite3_vfs*, std::unique_ptr<Shim>> shims;
  std::lock_guard guard(mutex);
  sqlite3_vfs* below = sqlite3_vfs_find(nullptr);
  auto& shim = shims[below];
  if (shim) return shim->name.c_str();
  shim = std::make_unique<Shim>();
  shim->below = below;
  shim->name = std::string("mesh-") + below->zName;
  auto& vfs = shim->vfs;
  // What is not set below, as the loading of libraries, stays that of the VFS which is wrapped.
  vfs = *shim->below;
  vfs.zName = shim->name.c_str();
  vfs.szOsFile = static_cast<int>(kInnerAt) + shim->below->szOsFile;
  vfs.pNext = nullptr;
  vfs.pAppData = shim.get();
  vfs.xOpen = open;
  vfs.xDelete = pass<&sqlite3_vfs::xDelete, const char*, int>;
  vfs.xAccess = pass<&sqlite3_vfs::xAccess, const char*, int, int*>;
  vfs.xFullPathname = pass<&sqlite3_vfs::xFullPathname, const char*, int, char*>;
  vfs.xRandomness = pass<&sqlite3_vfs::xRandomness, int, char*>;
  vfs.xSleep = pass<&sqlite3_vfs::xSleep, int>;
  vfs.xCurrentTime = pass<&sqlite3_vfs::xCurrentTime, double*>;
  vfs.xCurrentTimeInt64 = pass<&sqlite3_vfs::xCurrentTimeInt64, sqlite3_int64*>;
  vfs.xGetLastError = pass<&sqlite3_vfs::xGetLastError, int, char*>;
  // Never taken out again: connections of any time may use it.
  sqlite3_vfs_register(&vfs, 0);
  return shim->name.c_str();
}

void reserve_page_sums(sqlite3* db) {
  int bytes = kPageSumBytes;
  sqlite3_file_control(db, "main", SQLITE_FCNTL_RESERVE_BYTES, &bytes);
}

void seal_page(char* page, std::size_t size, std::int64_t number) {
  if (number == 1) std::memcpy(page + kWriterAt, kMark, sizeof kMark);
  const auto sum = sum_of(page, size, number);
  std::memcpy(page + size - kPageSumBytes, &sum, kPageSumBytes);
}

bool page_is_whole(const char* page, std::size_t size, std::int64_t number) {
  const auto stored = stored_sum(page, size);
  if ((number != 1 || is_marked(page)) && stored == sum_of(page, size, number)) return true;
  // Files made before page 1 had a mark.
  return number == 1 && stored == plain_sum(page, size, number);
}

std::int64_t first_broken_page(std::string_view pages, std::size_t size, std::int64_t number) {
  for (std::size_t at = 0; at + size <= pages.size(); at += size, ++number) {
    if (!is_lock_page(size, number) && !page_is_whole(pages.data() + at, size, number)) {
      return number;
    }
  }
  return 0;
}

bool is_lock_page(std::size_t size, std::int64_t number) {
  return (number - 1) * static_cast<std::int64_t>(size) == kLockByte;
}

int right_sum_bytes(const char* page, std::size_t size, std::int64_t number) {
  const auto stored = stored_sum(page, size);
  return std::max(equal_bytes(stored, sum_of(page, size, number)),
                  equal_bytes(stored, plain_sum(page, size, number)));
}

bool is_unsealed(const char* page, std::size_t size, std::int64_t number) {
  const auto stored = stored_sum(page, size);
  if (number != 1) return stored == 0;
  if (is_marked(page) || page_is_whole(page, size, number)) return false;
  const bool counters_agree =
      std::memcmp(page + kChangeCounterAt, page + kCounterOfSizeAt, kFieldBytes) == 0;
  return stored == sum_of(page, size, number) || (stored == 0 && counters_agree);
}

}  // namespace mesh::sqlite
