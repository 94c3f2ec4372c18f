#include "common/engines/openai/answer_cache.h"

#include <filesystem>
#include <mutex>

#include "common/base/strings.h"
#include "common/engines/sqlite/core/damage.h"
#include "common/engines/sqlite/core/database.h"
#include "common/engines/sqlite/core/migrate.h"
#include "common/engines/sqlite/core/query.h"
#include "common/telemetry/log.h"

namespace mesh::openai {
namespace {

using sqlite::Blob;
using sqlite::Database;

constexpr std::int64_t kBytesAroundRow = 120;  // of a row: its key, its place in the index by use
constexpr Duration kUseIsNoted{3'600'000};     // a use is written once an hour, not at every read

constexpr sqlite::SchemaStep kCacheSchema[] = {{R"sql(
  CREATE TABLE answers(
    key BLOB PRIMARY KEY,
    used INTEGER NOT NULL,
    answer BLOB NOT NULL) WITHOUT ROWID;
  CREATE INDEX answers_by_use ON answers(used);
)sql"}};

constexpr const char* kAside = ".unusable";

// A power loss may cost what was written last, which is paid for again, and saves an fsync per
// batch.
constexpr const char* kPragmas = "PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=1000;";

class DiskCache final : public AnswerCache {
 public:
  DiskCache(std::string path, std::uint64_t max_bytes, Clock& clock)
      : path_(std::move(path)), max_bytes_(static_cast<std::int64_t>(max_bytes)), clock_(clock) {
    std::lock_guard lock(mutex_);
    if (const Status opened = open(); !opened) failed(opened.error());
  }

  std::optional<std::string> find(const std::string& key) override {
    std::lock_guard lock(mutex_);
    if (!db_) return std::nullopt;
    auto found = read(key);
    if (found) return std::move(*found);
    failed(found.error());
    return std::nullopt;
  }

  void keep(const std::vector<Entry>& entries) override {
    std::lock_guard lock(mutex_);
    if (!db_ || entries.empty()) return;
    if (const Status written = write(entries); !written) {
      (void)db_->execute("ROLLBACK");
      failed(written.error());
    }
  }

 private:
  Status open() {
    auto db = MESH_TRY(Database::open(path_, Database::Mode::read_write));
    MESH_TRY(sqlite::migrate(*db, kCacheSchema));
    MESH_TRY(db->execute(kPragmas));
    const auto sum = MESH_TRY(sqlite::first_row(
        sqlite::query(*db, "SELECT count(*), coalesce(sum(length(answer)), 0) FROM answers"),
        [](const sqlite::Statement& row) {
          return row.integer(0) * kBytesAroundRow + row.integer(1);
        }));
    bytes_ = sum.value_or(0);
    db_ = std::move(db);
    return {};
  }

  // A file that is not one of ours, or no longer, makes room for a new one. Of another failure (a
  // full disk, a folder that is not there) the log is told once.
  void failed(const Error& why) {
    const bool unusable = why.kind == ErrorKind::corrupt || why.kind == ErrorKind::conflict;
    if (unusable) {
      log::warn("the cache of answers starts empty: what it held is asked for again",
                {{"file", path_}, {"cause", why.to_string()}});
      if (const Status anew = open_anew(); !anew) return give_up(anew.error());
    } else if (!std::exchange(told_, true)) {
      log::warn("the cache of answers fails: what it does not keep is asked for again",
                {{"file", path_}, {"cause", why.to_string()}});
    }
  }
  Status open_anew() {
    db_.reset();
    // Put aside and not removed: a path that was mistaken may name what nobody has twice.
    std::error_code ignored;
    std::filesystem::rename(path_, path_ + kAside, ignored);
    for (const char* end : {"-wal", "-shm"}) {
      std::filesystem::rename(path_ + end, path_ + kAside + end, ignored);
    }
    sqlite::forget_damage(std::filesystem::path(path_).filename().string());
    return open();
  }
  void give_up(const Error& why) {
    db_.reset();
    log::warn("there is no cache of answers: each is asked for",
              {{"file", path_}, {"cause", why.to_string()}});
  }

  Result<std::optional<std::string>> read(const std::string& key) {
    std::optional<std::string> answer;
    std::int64_t used = 0;
    {
      const Blob name{key};
      auto rows =
          MESH_TRY(sqlite::query(*db_, "SELECT answer, used FROM answers WHERE key=?1", name));
      auto row = MESH_TRY(rows.step());
      if (!row) return answer;
      answer.emplace(rows.text(0));
      used = rows.integer(1);
    }
    if (now() - used > kUseIsNoted.count()) {
      MESH_TRY(sqlite::execute(*db_, "UPDATE answers SET used=?1 WHERE key=?2", now(), Blob{key}));
    }
    return answer;
  }

  Status write(const std::vector<Entry>& entries) {
    std::int64_t bytes = bytes_;
    MESH_TRY(db_->execute("BEGIN IMMEDIATE"));
    for (const auto& [key, answer] : entries) {
      MESH_TRY(sqlite::execute(*db_, "INSERT OR IGNORE INTO answers VALUES(?1, ?2, ?3)", Blob{key},
                               now(), Blob{answer}));
      if (db_->changes() > 0) bytes += static_cast<std::int64_t>(answer.size()) + kBytesAroundRow;
    }
    MESH_TRY(evict(bytes));
    MESH_TRY(db_->execute("COMMIT"));
    bytes_ = bytes;
    return {};
  }

  // A tenth at a time, so that not each batch pays for it.
  Status evict(std::int64_t& bytes) {
    if (bytes <= max_bytes_) return {};
    const std::int64_t enough = max_bytes_ - max_bytes_ / 10;
    std::vector<std::string> oldest;
    {
      auto rows =
          MESH_TRY(sqlite::query(*db_, "SELECT key, length(answer) FROM answers ORDER BY used"));
      while (bytes > enough) {
        auto row = MESH_TRY(rows.step());
        if (!row) break;
        bytes -= rows.integer(1) + kBytesAroundRow;
        oldest.emplace_back(rows.text(0));
      }
    }
    for (const auto& key : oldest) {
      MESH_TRY(sqlite::execute(*db_, "DELETE FROM answers WHERE key=?1", Blob{key}));
    }
    return {};
  }

  std::int64_t now() const { return clock_.now().time_since_epoch().count(); }

  const std::string path_;
  const std::int64_t max_bytes_;
  Clock& clock_;
  std::mutex mutex_;
  std::unique_ptr<Database> db_;  // null: there is none; this and the following guarded by mutex_
  std::int64_t bytes_ = 0;
  bool told_ = false;
};

}  // namespace

std::string cache_key(const TenantId& tenant, std::string_view asked, std::string_view text) {
  // Neither a tenant's id nor what was asked holds a NUL, so no two of them share a key.
  std::string named = tenant.str() + '\0';
  named.append(asked) += '\0';
  return sha256_hex(named.append(text));
}

std::unique_ptr<AnswerCache> open_disk_cache(std::string path, std::uint64_t max_bytes,
                                             Clock& clock) {
  return std::make_unique<DiskCache>(std::move(path), max_bytes, clock);
}

}  // namespace mesh::openai
