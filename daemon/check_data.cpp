#include "daemon/check_data.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "common/base/time.h"
#include "common/engines/sqlite/inspect.h"

namespace mesh {
namespace {

namespace fs = std::filesystem;
using sqlite::FileReport;

constexpr const char* kSuffixes[] = {"", "-wal", "-shm"};
constexpr const char* kUnfinished = "repair-unfinished";

struct Checked {
  FileReport report;
  bool missing = false;
  std::string source;  // what a repair copies from: the file, or a copy without damaged frames
};

// One of the three files, and how it is salvaged; an empty target only looks.
struct Kind {
  const char* file;
  Result<FileReport> (*salvage)(const std::string& source, const std::string& target);
};
Result<FileReport> points(const std::string& source, const std::string&) {
  return sqlite::inspect_points(source);
}
constexpr Kind kFiles[] = {
    {"log.db", sqlite::salvage_log}, {"store.db", sqlite::salvage_store}, {"vectors.db", points}};

bool loses(const sqlite::Damage& damage) { return !damage.loss.starts_with("nothing"); }

Result<Checked> look(const std::string& dir, const Kind& kind, const std::string& scratch) {
  Checked checked{{kind.file, 0, false, {}}, false, dir + "/" + kind.file};
  checked.missing = !fs::exists(checked.source);
  if (checked.missing) {
    // A start would make a new one. Of vectors.db that loses nothing.
    if (std::string_view(kind.file) != "vectors.db") {
      checked.report.hopeless = true;
      checked.report.damages = {{"file", "missing, while others of the folder are there", {},
                                 "everything that is only in it; take it from a backup"}};
    }
    return checked;
  }
  const auto wal = sqlite::verify_wal(checked.source);
  if (!wal) {
    auto copy = sqlite::copy_without_damaged_frames(checked.source, scratch);
    if (!copy) return fail(copy.error());
    checked.source = *copy;
  }
  auto report = kind.salvage(checked.source, "");
  if (!report) return fail(report.error());
  checked.report = std::move(*report);
  if (!wal) {
    const bool derived = std::string_view(kind.file) == "vectors.db";
    checked.report.damages.insert(
        checked.report.damages.begin(),
        {"write-ahead log", wal.error().cause, {},
         derived ? "nothing: the index is built again from the log"
                 : "changes of the damaged frames that no later frame holds; what of them can be told is listed beside"});
  }
  return checked;
}

Status sync_dir(const std::string& dir) {
  const int fd = ::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = fd >= 0 && ::fsync(fd) == 0;
  if (fd >= 0) ::close(fd);
  if (synced) return {};
  return fail(ErrorKind::unavailable, "data folder " + dir + " cannot be synced");
}

Status move_file(const std::string& from, const std::string& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (!error) return {};
  return fail(ErrorKind::unavailable, from + " cannot be moved to " + to + ": " + error.message());
}

Status repair_file(const std::string& dir, const Kind& kind, const Checked& checked, const std::string& kept) {
  const std::string file = dir + "/" + kind.file, copy = file + ".repaired";
  const bool derived = std::string_view(kind.file) == "vectors.db";
  for (const char* suffix : kSuffixes) fs::remove(copy + suffix);
  if (!derived) {
    auto salvaged = kind.salvage(checked.source, copy);
    if (!salvaged) return fail(salvaged.error());
  }
  // From here on the folder is not whole until the end.
  std::ofstream(dir + "/" + kUnfinished) << kept << std::endl;
  if (auto synced = sync_dir(dir); !synced) return synced;
  for (const char* suffix : kSuffixes) {
    if (!fs::exists(file + suffix)) continue;
    if (auto moved = move_file(file + suffix, kept + "/" + kind.file + suffix); !moved) return moved;
  }
  if (!derived) {
    if (auto moved = move_file(copy, file); !moved) return moved;
  }
  for (const char* suffix : kSuffixes) fs::remove(copy + suffix);
  return sync_dir(dir);
}

Json to_json(const Checked& checked) {
  Json damages = Json::array();
  bool lossy = false;
  for (const auto& damage : checked.report.damages) {
    damages.push_back({{"place", damage.place}, {"what", damage.what}, {"tenants", damage.tenants}, {"loss", damage.loss}});
    lossy |= loses(damage);
  }
  const char* state = checked.missing ? "missing" : checked.report.damages.empty() ? "ok" : "damaged";
  return {{"file", checked.report.file}, {"state", state}, {"rows", checked.report.rows}, {"loses", lossy},
          {"damages", std::move(damages)}};
}

}  // namespace

Status no_unfinished_repair(const std::string& data_dir) {
  std::ifstream marker(data_dir + "/" + kUnfinished);
  std::string kept;
  if (!std::getline(marker, kept)) return {};
  return fail(ErrorKind::conflict, "a repair of " + data_dir + " did not come to its end: move the files in " +
                                       kept + " back, remove " + data_dir + "/" + kUnfinished +
                                       " and repair again");
}

Result<Json> check_data(const std::string& data_dir, bool repair, Timestamp now) {
  std::error_code denied;
  if (!fs::exists(data_dir + "/log.db", denied) && !denied && !fs::exists(data_dir + "/store.db", denied) && !denied) {
    return fail(ErrorKind::not_found, "there is no data of a meshd in " + data_dir);
  }
  if (denied) {
    return fail(ErrorKind::unavailable, data_dir + " cannot be looked at: " + denied.message() +
                                            "; run as the user whom the folder belongs to");
  }
  auto lock = sqlite::DirectoryLock::acquire(data_dir);
  if (!lock) return fail(lock.error());
  if (auto whole = no_unfinished_repair(data_dir); !whole) return fail(whole.error());
  const std::string scratch = data_dir + "/check.tmp";
  struct Cleanup {
    std::string path;
    ~Cleanup() {
      std::error_code ignored;
      fs::remove_all(path, ignored);
    }
  } cleanup{scratch};

  std::vector<Checked> all;
  bool damaged = false;
  for (const auto& kind : kFiles) {
    auto checked = look(data_dir, kind, scratch);
    if (!checked) return fail(checked.error());
    damaged |= !checked->report.damages.empty();
    all.push_back(std::move(*checked));
  }
  Json report{{"data_dir", data_dir}, {"state", damaged ? "damaged" : "ok"}, {"files", Json::array()}, {"kept_in", nullptr}};
  for (const auto& checked : all) report["files"].push_back(to_json(checked));
  if (!repair || !damaged) return report;

  for (const auto& checked : all) {
    if (!checked.report.hopeless) continue;
    return fail(ErrorKind::corrupt, checked.report.file + " is damaged beyond repair: take it from a backup");
  }
  std::string time = format_rfc3339(now);
  std::erase_if(time, [](char c) { return c == ':' || c == '-' || c == '.'; });
  const std::string kept = data_dir + "/damaged-" + time;
  std::error_code error;
  fs::create_directory(kept, error);
  fs::permissions(kept, fs::perms::owner_all, error);
  if (error) return fail(ErrorKind::unavailable, kept + " cannot be made: " + error.message());
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].report.damages.empty()) continue;
    if (auto repaired = repair_file(data_dir, kFiles[i], all[i], kept); !repaired) return fail(repaired.error());
  }
  fs::remove(data_dir + "/" + kUnfinished, error);
  if (auto synced = sync_dir(data_dir); !synced) return fail(synced.error());
  report["kept_in"] = kept;
  return report;
}

std::string check_data_text(const Json& report) {
  std::string text;
  for (const auto& file : report["files"]) {
    text += file["file"].get<std::string>() + ": " + file["state"].get<std::string>();
    if (file["state"] == "ok") text += ", " + std::to_string(file["rows"].get<std::int64_t>()) + " rows";
    text += "\n";
    for (const auto& damage : file["damages"]) {
      text += "  " + damage["place"].get<std::string>() + ": " + damage["what"].get<std::string>() + "\n    a repair loses " +
              damage["loss"].get<std::string>() + "\n";
    }
  }
  if (!report["kept_in"].is_null()) {
    text += "repaired; the damaged files are kept in " + report["kept_in"].get<std::string>() + "\n";
  }
  return text;
}

int check_data_exit_code(const Json& report) {
  if (report["state"] == "ok" || !report["kept_in"].is_null()) return 0;
  const bool lossy = std::ranges::any_of(report["files"], [](const Json& file) { return file["loses"] == true; });
  return lossy ? 2 : 1;
}

}  // namespace mesh
