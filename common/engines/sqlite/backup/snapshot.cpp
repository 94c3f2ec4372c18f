#include "common/engines/sqlite/backup/snapshot.h"

#include <sqlite3.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "common/engines/sqlite/core/held_files.h"

namespace mesh::sqlite {
namespace {

// 1 MiB of pages of 4 KiB: between two steps progress is told, and a stop or a log that grows is
// seen.
constexpr int kStepPages = 256;
constexpr int kMaxTries = 10'000;

Result<std::int64_t> number(Database& db, std::string_view sql) {
  auto statement = MESH_TRY(db.prepare(sql));
  (void)MESH_TRY(statement.step());
  return statement.integer(0);
}

std::int64_t log_bytes(const std::string& path) {
  std::error_code missing;
  const auto size = std::filesystem::file_size(path + "-wal", missing);
  return missing ? 0 : static_cast<std::int64_t>(size);
}

// A result that is the source's fault; all others are the target's.
bool is_of_source(int code) {
  const int primary = code & 0xff;
  return primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB || code == SQLITE_IOERR_READ ||
         code == SQLITE_IOERR_SHORT_READ;
}

}  // namespace

struct Snapshot::Held {
  std::string path;
  // Goes after the reader: whoever sees the file as free finds nothing in the way.
  std::unique_ptr<HeldFile> hold;
  std::unique_ptr<Database> reader;   // in the read transaction
  std::unique_ptr<Database> watcher;  // outside: sees whether others commit
  std::int64_t version = 0;           // of the data, as the watcher saw it last
  std::int64_t bytes = 0, schema = 0;

  static Result<std::unique_ptr<Held>> open(const std::string& path);
  Status begin();
  Status measure();
  Result<bool> changed();
};

Result<std::unique_ptr<Snapshot::Held>> Snapshot::Held::open(const std::string& path) {
  auto held = std::make_unique<Held>();
  held->path = path;
  for (auto* connection : {&held->reader, &held->watcher}) {
    *connection = MESH_TRY(Database::open(path, Database::Mode::read_only));
  }
  held->hold = std::make_unique<HeldFile>(path);
  return held;
}

Status Snapshot::Held::begin() {
  MESH_TRY(reader->execute("BEGIN"));
  // The transaction begins with the first read.
  schema = MESH_TRY(number(*reader, "PRAGMA user_version"));
  return {};
}

Status Snapshot::Held::measure() {
  auto pages = number(*reader, "PRAGMA page_count");
  auto size = number(*reader, "PRAGMA page_size");
  if (!pages || !size) return fail((pages ? size : pages).error());
  bytes = *pages * *size;
  return {};
}

// Since the call before.
Result<bool> Snapshot::Held::changed() {
  auto now = MESH_TRY(number(*watcher, "PRAGMA data_version"));
  return std::exchange(version, now) != now;
}

Snapshot::Snapshot(std::vector<std::unique_ptr<Held>> files) : files_(std::move(files)) {}
Snapshot::~Snapshot() = default;

Result<std::unique_ptr<Snapshot>> Snapshot::take(const std::vector<std::string>& paths) {
  std::vector<std::unique_ptr<Held>> files;
  for (const auto& path : paths) {
    auto held = MESH_TRY(Held::open(path));
    files.push_back(std::move(held));
  }
  // Where no file changed from before the first transaction began until after the last did, all of
  // them show the same instant. Beginning takes microseconds, a commit waits for the disk.
  for (int tries = 0; tries < kMaxTries; ++tries) {
    bool still = true;
    for (auto& file : files) (void)MESH_TRY(file->changed());
    for (auto& file : files) MESH_TRY(file->begin());
    for (auto& file : files) {
      auto changed = MESH_TRY(file->changed());
      still = still && !changed;
    }
    if (still) {
      // Only now: each read within the window above would make it longer.
      for (auto& file : files) MESH_TRY(file->measure());
      return std::unique_ptr<Snapshot>(new Snapshot(std::move(files)));
    }
    for (auto& file : files) MESH_TRY(file->reader->execute("ROLLBACK"));
    std::this_thread::yield();
  }
  return fail(ErrorKind::unavailable, "the files did not stand still for an instant: try again");
}

Snapshot::Held& Snapshot::held(const std::string& path) const {
  return **std::ranges::find(files_, path, [](const auto& held) { return held->path; });
}

std::int64_t Snapshot::bytes(const std::string& path) const { return held(path).bytes; }
std::int64_t Snapshot::schema_version(const std::string& path) const { return held(path).schema; }

Status Snapshot::copy(const std::string& path, const std::string& target, const Copied& copied) {
  auto& source = held(path);
  auto made = MESH_TRY(Database::open(target, Database::Mode::read_write));
  auto& db = *made;
  ::chmod(target.c_str(), 0600);
  // Opening it has made page 1, so that sums are known to be wanted. Nothing is rolled back: a copy
  // that fails is thrown away.
  MESH_TRY(db.execute("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF"));
  sqlite3_backup* backup =
      sqlite3_backup_init(db.handle(), "main", source.reader->handle(), "main");
  if (backup == nullptr) return fail(error_of(db.handle(), sqlite3_errcode(db.handle())));
  Status status;
  int code = SQLITE_OK;
  const auto outgrown = [&] {  // of all, since those that come later are held meanwhile
    return std::ranges::find_if(
        files_, [](const auto& file) { return file->hold && log_bytes(file->path) > kMaxHeldLog; });
  };
  for (int left = -1; code == SQLITE_OK && status;) {
    code = sqlite3_backup_step(backup, kStepPages);
    const int now = sqlite3_backup_remaining(backup), all = sqlite3_backup_pagecount(backup);
    const auto step = std::int64_t{left < 0 ? all - now : left - now};
    left = now;
    if (code != SQLITE_OK && code != SQLITE_DONE) break;
    // SQLite counts pages of the source; progress is told in bytes.
    if (!copied(all == 0 ? 0 : source.bytes / all * step)) {
      status = fail(ErrorKind::cancelled, "the copy was stopped");
    } else if (const auto file = outgrown(); file != files_.end()) {
      status = fail(ErrorKind::unavailable,
                    (*file)->path +
                        "-wal grew beyond 4 GiB while the file was copied: copy to a faster "
                        "disk, or when less is written");
    }
  }
  const int finished = sqlite3_backup_finish(backup);
  if (!status) return status;
  if (code == SQLITE_DONE) code = finished;
  if (code != SQLITE_OK) {
    return fail(error_of(is_of_source(code) ? source.reader->handle() : db.handle(), code));
  }
  // Released at once: this file's log may be emptied again while the others are copied.
  source.reader.reset();
  source.watcher.reset();
  source.hold.reset();
  return {};
}

}  // namespace mesh::sqlite
