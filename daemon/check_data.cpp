#include "daemon/check_data.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>

#include "common/base/fd.h"
#include "common/base/strings.h"
#include "common/base/time.h"
#include "common/cipher/tenant_cipher.h"
#include "common/engines/sqlite/backup/restore.h"
#include "common/engines/sqlite/core/directory_lock.h"
#include "common/engines/sqlite/core/plain_copy.h"
#include "common/engines/sqlite/core/wal_check.h"
#include "common/engines/sqlite/repair/agree.h"
#include "common/engines/sqlite/repair/inspect_events.h"
#include "common/engines/sqlite/repair/inspect_points.h"
#include "common/engines/sqlite/repair/report.h"
#include "common/engines/sqlite/repair/salvage.h"
#include "common/engines/sqlite/repair/salvage_log.h"
#include "common/engines/sqlite/repair/salvage_store.h"
#include "common/engines/sqlite/store/keys.h"

namespace mesh {
namespace {

namespace fs = std::filesystem;
using sqlite::FileReport;

constexpr const char* kSuffixes[] = {"", "-wal", "-shm"};
constexpr const char* kUnfinished = "repair-unfinished";

struct Checked {
  FileReport report;
  std::string source;  // what a repair copies from: the file, or a copy without damaged frames
  bool used = true;    // by an engine of the configuration
  bool damaged() const { return !report.damages.empty(); }
};

// One of the four files, and how it is salvaged (an empty target only looks) or made anew. Of the
// indexes nothing is salvaged: they are derived from the log.
struct Kind {
  const char* file;
  bool EmbeddedFiles::*used;
  Result<FileReport> (*salvage)(const std::string& source, const std::string& target);
  Status (*make_empty)(const std::string& path);
  bool derived() const { return make_empty == nullptr; }
};
Result<FileReport> points(const std::string& source, const std::string&) {
  return sqlite::inspect_points(source);
}
Result<FileReport> events(const std::string& source, const std::string&) {
  return sqlite::inspect_events(source);
}
constexpr Kind kLog{"log.db", &EmbeddedFiles::log, sqlite::salvage_log, sqlite::make_empty_log};
constexpr Kind kStore{"store.db", &EmbeddedFiles::store, sqlite::salvage_store,
                      sqlite::make_empty_store};
constexpr Kind kIndex{"vectors.db", &EmbeddedFiles::index, points, nullptr};
// With the index of users: where that is a server, so is this one.
constexpr Kind kEvents{"events.db", &EmbeddedFiles::index, events, nullptr};
// In the order in which check_data and repair_files know them.
constexpr Kind kFiles[] = {kLog, kStore, kIndex, kEvents};
using AllChecked = std::array<Checked, std::size(kFiles)>;

constexpr const char* kBuiltAgain = "nothing: the next start builds the index again from the log";

constexpr const char* kFramesLost =
    "changes of the damaged frames that no later frame holds; what of them can be told is listed "
    "beside";

Result<Checked> look(const std::string& dir, const Kind& kind, const EmbeddedFiles& used,
                     const std::string& scratch) {
  Checked checked{{}, dir + "/" + kind.file, used.*kind.used};
  checked.report.file = kind.file;
  if (!checked.used) return checked;
  const bool missing = !sqlite::has_bytes(checked.source);
  // A start makes the index again, and all files of a folder that is new.
  if (missing && (kind.derived() || no_missing_file(dir, used))) return checked;
  // Before anything opens the file: SQLite would drop what follows a damaged frame, for good.
  const auto wal = missing ? Status{} : sqlite::verify_wal(checked.source);
  if (!wal) {
    checked.source = MESH_TRY(sqlite::copy_without_damaged_frames(checked.source, scratch));
  }
  // As a start would: a copy that another program made is not damaged.
  MESH_TRY(sqlite::adopt_plain_copy(checked.source));
  auto report = MESH_TRY(kind.salvage(checked.source, ""));
  checked.report = std::move(report);
  if (!wal) {
    checked.report.users_lost = true;
    checked.report.damages.insert(checked.report.damages.begin(),
                                  {"write-ahead log",
                                   wal.error().cause,
                                   {},
                                   kind.derived() ? kBuiltAgain : kFramesLost,
                                   kind.derived()});
  }
  return checked;
}

Status sync_dir(const std::string& dir) {
  const Fd folder(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder && ::fsync(folder.get()) == 0) return {};
  return fail(ErrorKind::unavailable, "data folder " + dir + " cannot be synced");
}

Status move_file(const std::string& from, const std::string& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (!error) return {};
  return fail(ErrorKind::unavailable, from + " cannot be moved to " + to + ": " + error.message());
}

// Its existence says that files were exchanged, perhaps not all; its text where the old ones are.
Status write_marker(const std::string& dir, const std::string& kept) {
  const std::string path = dir + "/" + kUnfinished;
  const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  const std::string text = kept + "\n";
  const bool written = file && ::write(file.get(), text.data(), text.size()) == std::ssize(text) &&
                       ::fsync(file.get()) == 0;
  const std::string why = std::strerror(errno);
  const Status status =
      written ? sync_dir(dir)
              : Status(fail(ErrorKind::unavailable, path + " cannot be written: " + why));
  // Nothing is exchanged yet, so nothing is to be put back.
  if (!status && file) ::unlink(path.c_str());
  return status;
}

Status remove_marker(const std::string& dir) {
  const std::string path = dir + "/" + kUnfinished;
  std::error_code error;
  fs::remove(path, error);
  if (!error) return sync_dir(dir);
  return fail(ErrorKind::unavailable, "the repair is done, but " + path +
                                          " cannot be removed: " + error.message() + "; remove it");
}

std::string copy_of(const std::string& dir, const Kind& kind) {
  return dir + "/" + kind.file + ".repaired";
}

void remove_copies(const std::string& dir) {
  std::error_code ignored;
  for (const auto& kind : kFiles) {
    for (const char* suffix : kSuffixes) fs::remove(copy_of(dir, kind) + suffix, ignored);
  }
}

// What of the file is whole, beside it.
Status make_copy(const std::string& dir, const Kind& kind, const Checked& checked) {
  if (checked.report.hopeless) return kind.make_empty(copy_of(dir, kind));
  auto salvaged = kind.salvage(checked.source, copy_of(dir, kind));
  return salvaged ? Status{} : Status(fail(salvaged.error()));
}

Status swap_in(const std::string& dir, const Kind& kind, const std::string& kept) {
  const std::string file = dir + "/" + kind.file;
  for (const char* suffix : kSuffixes) {
    std::error_code error;
    const bool there = fs::exists(file + suffix, error);
    if (error) {
      return fail(ErrorKind::unavailable,
                  file + suffix + " cannot be looked at: " + error.message());
    }
    if (!there) continue;
    MESH_TRY(move_file(file + suffix, kept + "/" + kind.file + suffix));
  }
  return kind.derived() ? Status{} : move_file(copy_of(dir, kind), file);
}

// Null: it was dropped.
Result<cipher::DataKeyPtr> key_in(const std::string& store, std::string_view id,
                                  const std::optional<cipher::MasterKeys>& masters) {
  if (!masters) {
    return fail(ErrorKind::unavailable,
                "the log is encrypted, and a repair reads it: name the configuration that says "
                "tenants.master_key_file (`meshd --repair-data --config FILE`)");
  }
  const auto db = MESH_TRY(sqlite::Database::open(store, sqlite::Database::Mode::read_only));
  const auto wrapped = MESH_TRY(sqlite::key_by_id(*db, id));
  return wrapped ? cipher::unwrap(*masters, *wrapped) : cipher::DataKeyPtr();
}

// Hands out the records of the log as the daemon sees them: plain, and without those whose key was
// dropped.
sqlite::Records plain_records(const std::string& log, const std::string& store,
                              const std::optional<cipher::MasterKeys>& masters) {
  return [=](std::string_view topic, const sqlite::UseRecord& use) {
    std::map<std::string, cipher::DataKeyPtr, std::less<>> keys;
    return sqlite::each_record(log, topic, [&](const StoredRecord& record) -> Status {
      const auto id = cipher::key_of(record);
      if (id.empty()) return use(record);
      auto at = keys.find(id);
      if (at == keys.end()) {
        auto key = MESH_TRY(key_in(store, id, masters));
        at = keys.emplace(id, std::move(key)).first;
      }
      if (!at->second) return {};
      StoredRecord plain = record;
      MESH_TRY(cipher::decrypt(plain, *at->second));
      return use(plain);
    });
  };
}

// Copies first, which a cut leaves without effect; then the exchange of files.
Result<sqlite::Agreement> repair_files(const std::string& dir, const AllChecked& all,
                                       const std::string& kept,
                                       const std::optional<cipher::MasterKeys>& masters,
                                       Timestamp now) {
  const auto& [log, store, index, event_index] = all;
  remove_copies(dir);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (kFiles[i].derived() || !all[i].damaged()) continue;
    MESH_TRY(make_copy(dir, kFiles[i], all[i]));
  }
  sqlite::Agreement agreement;
  if (log.damaged() || store.damaged()) {
    // The store is changed in its copy where it has one, else in its place, by one transaction; the
    // log is only read.
    const auto whole = [&](const Kind& kind, const Checked& checked) {
      return checked.damaged() ? copy_of(dir, kind) : dir + "/" + kind.file;
    };
    const auto records = plain_records(whole(kLog, log), whole(kStore, store), masters);
    const sqlite::Lost lost{store.report.users_lost || store.report.hopeless, log.report.hopeless};
    agreement = MESH_TRY(sqlite::agree(whole(kStore, store), records, lost, now));
  }
  // From here on a cut leaves neither the old folder nor the new one; until the marker is gone no
  // start takes it.
  if (auto marked = write_marker(dir, kept); !marked) {
    remove_copies(dir);
    std::error_code ignored;
    fs::remove(kept, ignored);
    return fail(marked.error());
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!all[i].damaged()) continue;
    MESH_TRY(swap_in(dir, kFiles[i], kept));
  }
  remove_copies(dir);
  // The moves are on the disk before the marker goes, or a power loss could leave half of them
  // without it.
  for (const auto& folder : {kept, dir}) MESH_TRY(sync_dir(folder));
  MESH_TRY(remove_marker(dir));
  return agreement;
}

Json to_json(const Checked& checked) {
  Json damages = Json::array();
  bool lossy = false;
  for (const auto& damage : checked.report.damages) {
    damages.push_back({{"place", damage.place},
                       {"what", damage.what},
                       {"tenants", damage.tenants},
                       {"loss", damage.loss}});
    lossy |= !damage.lossless;
  }
  const char* state = !checked.used                       ? "unused"
                      : checked.damaged()                 ? "damaged"
                      : sqlite::has_bytes(checked.source) ? "ok"
                                                          : "missing";
  return {{"file", checked.report.file},
          {"state", state},
          {"rows", checked.report.rows},
          {"loses", lossy},
          {"damages", std::move(damages)}};
}

std::string repaired_text(const Json& report) {
  std::string text = "repaired; the damaged files are kept in ";
  text += report["kept_in"].get<std::string>();
  const auto count = [&](const char* name) { return report[name].get<std::int64_t>(); };
  if (const auto taken = count("taken_from_log")) {
    text += "; " + std::to_string(taken) + " users and tenants were taken from the log";
  }
  if (const auto written = count("written_to_log")) {
    text += "; the next start writes " + std::to_string(written) +
            " events of users and tenants into the log that it had lost";
  }
  if (report["index_built_again"] == true) {
    text += "; the next start builds the index again, `mesh index list` shows how far it is";
  }
  if (report["index_is_elsewhere"] == true) {
    text +=
        "; the index on its server may hold what is lost: run `mesh index rebuild` after the start";
  }
  return text;
}

}  // namespace

Status nothing_unfinished(const std::string& data_dir) {
  MESH_TRY(sqlite::no_unfinished_restore(data_dir));
  const std::string path = data_dir + "/" + kUnfinished;
  std::error_code error;
  const bool there = fs::exists(path, error);
  if (error) {
    return fail(ErrorKind::unavailable, path + " cannot be looked at: " + error.message());
  }
  if (!there) return {};
  std::ifstream marker(path);
  std::string kept;
  if (!std::getline(marker, kept) || kept.empty()) {
    kept = "the newest folder " + data_dir + "/damaged-*";
  }
  return fail(ErrorKind::conflict, "a repair of " + data_dir +
                                       " did not come to its end: move the files in " + kept +
                                       " back, remove " + path + " and repair again");
}

EmbeddedFiles embedded_files(const config::Config& config) {
  return {config.log.engine == "sqlite", config.store.engine == "sqlite",
          config.vectors.engine == "embedded"};
}

Status no_missing_file(const std::string& data_dir, const EmbeddedFiles& used) {
  const auto there = [&](const char* file) { return sqlite::has_bytes(data_dir + "/" + file); };
  const bool log = there("log.db"), store = there("store.db");
  // A first start that was cut off leaves a log that was never used, and nothing else.
  const bool lived = store || there("vectors.db") || there("events.db") || there("run.json") ||
                     (log && sqlite::log_was_used(data_dir + "/log.db"));
  const bool lacks_log = used.log && !log, lacks_store = used.store && !store;
  if (!lived || (!lacks_log && !lacks_store)) return {};
  const std::string missing = !lacks_log     ? "store.db is"
                              : !lacks_store ? "log.db is"
                                             : "log.db and store.db are";
  return fail(
      ErrorKind::conflict,
      missing + " missing or empty in " + data_dir +
          ", where a meshd has run: restore a backup into a new folder (`mesh restore`), or "
          "see what `mesh check --data-dir " +
          data_dir +
          "` says that going on without it loses; to begin anew, choose an empty folder");
}

Result<Json> check_data(const config::Config& config, bool repair, Timestamp now) {
  const std::string& data_dir = config.data_dir;
  const EmbeddedFiles used = embedded_files(config);
  if (repair && !(used.log && used.store)) {
    // A repair makes log and store agree, for which it needs both.
    return fail(ErrorKind::conflict,
                "only a folder that holds both log and store can be repaired: log.engine or "
                "store.engine names a server; restore a backup of the folder");
  }
  std::error_code denied;
  bool any = false;
  for (const char* file : {"log.db", "store.db", "vectors.db", "events.db", "run.json"}) {
    any |= !denied && fs::exists(data_dir + "/" + file, denied);
  }
  if (!any && !denied) {
    return fail(ErrorKind::not_found, "there is no data of a meshd in " + data_dir);
  }
  if (denied) {
    return fail(ErrorKind::unavailable, data_dir + " cannot be looked at: " + denied.message() +
                                            "; run as the user whom the folder belongs to");
  }
  const auto lock = MESH_TRY(sqlite::DirectoryLock::acquire(data_dir));
  MESH_TRY(nothing_unfinished(data_dir));
  const std::string scratch = data_dir + "/check.tmp";
  struct Cleanup {
    std::string path;
    ~Cleanup() {
      std::error_code ignored;
      fs::remove_all(path, ignored);
    }
  } cleanup{scratch};

  AllChecked all;
  bool damaged = false, anew = false;
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i] = MESH_TRY(look(data_dir, kFiles[i], used, scratch));
    damaged |= all[i].damaged();
    anew |= all[i].report.hopeless;
  }
  const auto& log = all[0].report;
  if (auto& store = all[1].report; log.hopeless && (store.hopeless || store.users_lost)) {
    store.damages.insert(store.damages.begin(),
                         {"users and tenants",
                          "log.db, from which they would be taken, is lost as well",
                          {},
                          "every user and tenant that store.db no longer holds",
                          false});
  }
  // They may hold what neither file can say any more.
  for (auto* index : {&all[2], &all[3]}) {
    if (index->used && anew && !index->damaged() && sqlite::has_bytes(index->source)) {
      index->report.damages = {{"file", "made from what is lost", {}, kBuiltAgain, true}};
    }
  }
  Json report{{"data_dir", data_dir},
              {"state", damaged ? "damaged" : "ok"},
              {"files", Json::array()},
              {"kept_in", nullptr}};
  for (const auto& checked : all) report["files"].push_back(to_json(checked));
  if (!repair || !damaged) return report;

  std::string time = format_rfc3339(now);
  // Of a path that is typed and pasted nothing needs quoting.
  std::erase_if(time, [](char c) { return c == ':' || c == '-' || c == '.'; });
  const std::string kept = data_dir + "/damaged-" + time;
  std::error_code error;
  fs::create_directory(kept, error);
  fs::permissions(kept, fs::perms::owner_all, error);
  if (error) return fail(ErrorKind::unavailable, kept + " cannot be made: " + error.message());
  std::optional<cipher::MasterKeys> masters;
  if (config.tenants.master_key_file) {
    masters.emplace(
        cipher::MasterKeys{*hex_decode(config.secrets.master_key.reveal()), std::nullopt});
  }
  if (config.tenants.old_master_key_file) {
    masters->old = hex_decode(config.secrets.old_master_key.reveal());
  }
  const auto repaired = MESH_TRY(repair_files(data_dir, all, kept, masters, now));
  report["kept_in"] = kept;
  report["written_to_log"] = repaired.written;
  report["taken_from_log"] = repaired.taken;
  report["index_built_again"] = all[2].damaged() || all[3].damaged();
  report["index_is_elsewhere"] = !used.index;
  report["done"] = repaired_text(report);
  return report;
}

std::string check_data_text(const Json& report) {
  std::string text;
  for (const auto& file : report["files"]) {
    text += file["file"].get<std::string>() + ": " + file["state"].get<std::string>();
    if (file["state"] == "ok") {
      text += ", " + std::to_string(file["rows"].get<std::int64_t>()) + " rows";
    }
    text += "\n";
    for (const auto& damage : file["damages"]) {
      text += "  " + damage["place"].get<std::string>() + ": " + damage["what"].get<std::string>() +
              "\n    a repair loses " + damage["loss"].get<std::string>() + "\n";
    }
  }
  return report["kept_in"].is_null() ? text : text + report["done"].get<std::string>() + "\n";
}

int check_data_exit_code(const Json& report) {
  if (report["state"] == "ok" || !report["kept_in"].is_null()) return 0;
  const bool lossy =
      std::ranges::any_of(report["files"], [](const Json& file) { return file["loses"] == true; });
  return lossy ? 2 : 1;
}

}  // namespace mesh
