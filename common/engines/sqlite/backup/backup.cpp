#include "common/engines/sqlite/backup/backup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>

#include "common/base/sha256.h"
#include "common/base/time.h"
#include "common/engines/sqlite/backup/snapshot.h"
#include "common/engines/sqlite/core/database.h"
#include "common/engines/sqlite/core/directory_lock.h"
#include "common/engines/sqlite/vfs/page_sums.h"

namespace mesh::sqlite {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFormat = "mesh-backup";
constexpr std::int64_t kVersion = 1;
constexpr std::size_t kChunk = 1 << 20;  // a multiple of every page size
constexpr std::size_t kMaxManifest = 1 << 20;
constexpr const char* kRestoring = ".restoring";  // behind the names of files until all are whole

struct Kind {
  const char* name;
  bool database;
  bool required;
};
// The busiest first, which is so held the shortest.
constexpr Kind kFiles[] = {{"log.db", true, true},
                           {"store.db", true, true},
                           {"vectors.db", true, false},
                           {"operator.token", false, false}};

tl::unexpected<Error> unavailable(const std::string& what, int error) {
  return fail(ErrorKind::unavailable, what + ": " + std::strerror(error));
}

tl::unexpected<Error> cannot_look(const std::string& path, const std::error_code& error) {
  return fail(ErrorKind::unavailable, path + " cannot be looked at: " + error.message());
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int fd() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  const int fd_;
};

Status sync(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file && ::fsync(file.fd()) == 0) return {};
  return unavailable(path + " cannot be synced", errno);
}

// What is being made: goes again unless it is kept.
class Draft {
 public:
  explicit Draft(std::string folder) : folder_(std::move(folder)) {}
  Draft(const Draft&) = delete;
  ~Draft() {
    if (!kept_) (void)remove();
  }

  // Made by this, or there and empty.
  Status make_folder() {
    std::error_code error;
    made_folder_ = fs::create_directory(folder_, error);
    if (error) {
      return fail(ErrorKind::unavailable, folder_ + " cannot be made: " + error.message());
    }
    if (!fs::is_empty(folder_, error) || error) {
      return fail(ErrorKind::conflict, folder_ + " is not empty");
    }
    fs::permissions(folder_, fs::perms::owner_all, error);
    return {};
  }
  // In a folder of another user others could read what is written, or put links in its way.
  Status be_alone() const {
    struct stat info {};
    if (::stat(folder_.c_str(), &info) != 0) return unavailable(folder_ + " cannot be read", errno);
    if (info.st_uid == ::geteuid() && (info.st_mode & (S_IRWXG | S_IRWXO)) == 0) return {};
    return fail(ErrorKind::conflict, folder_ +
                                         " is open to other users and cannot be closed to them: "
                                         "name a folder that is not there yet");
  }
  std::string add(const std::string& name) {
    made_.push_back(folder_ + "/" + name);
    return made_.back();
  }
  void renamed(const std::string& from, const std::string& to) {
    std::ranges::replace(made_, from, to);
  }
  void keep() { kept_ = true; }
  // False: something could not be removed.
  bool remove() {
    bool all = true;
    std::error_code error;
    for (const auto& path : made_) {
      for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
        fs::remove(path + suffix, error);
        all = all && !error;
      }
    }
    made_.clear();
    if (made_folder_) fs::remove(folder_, error);
    return all && !error;
  }
  // Removes what was made, and says so where it stays.
  tl::unexpected<Error> give_up(Error error) {
    kept_ = true;
    if (!remove()) error.message += "; what was written stays in " + folder_ + ": remove it";
    return fail(std::move(error));
  }

 private:
  const std::string folder_;
  std::vector<std::string> made_;
  bool made_folder_ = false, kept_ = false;
};

// Of a file that is read to its end. `use` gets its bytes in chunks.
struct Digest {
  std::int64_t bytes = 0;
  std::string sha256;
};
Result<Digest> read_through(const std::string& path,
                            const std::function<Status(std::string_view chunk)>& use) {
  // Not blocking, for a FIFO would wait.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return unavailable(path + " cannot be read", errno);
  Digest digest;
  Sha256 sum;
  std::string chunk(kChunk, '\0');
  for (;;) {
    std::size_t filled = 0;
    while (filled < chunk.size()) {
      const auto n = ::read(file.fd(), chunk.data() + filled, chunk.size() - filled);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return unavailable(path + " cannot be read", errno);
      if (n == 0) break;
      filled += static_cast<std::size_t>(n);
    }
    if (filled == 0) break;
    const std::string_view bytes(chunk.data(), filled);
    sum.add(bytes);
    digest.bytes += static_cast<std::int64_t>(filled);
    if (auto used = use(bytes); !used) return fail(used.error());
  }
  digest.sha256 = sum.hex();
  return digest;
}

Status write_all(const Descriptor& file, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const auto n = ::write(file.fd(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return unavailable(path + " cannot be written", errno);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

// A new file, synced.
Result<Digest> copy_plain(const std::string& from, const std::string& to) {
  const Descriptor file(::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file) return unavailable(to + " cannot be made", errno);
  auto digest =
      read_through(from, [&](std::string_view chunk) { return write_all(file, chunk, to); });
  if (!digest) return digest;
  if (::fsync(file.fd()) != 0) return unavailable(to + " cannot be synced", errno);
  return digest;
}

// What was written, as it is read back: every page must have its sum.
Result<Digest> check_copy(const std::string& path, const Snapshot::Copied& copied) {
  std::size_t page = 0;
  std::int64_t number = 1;
  return read_through(path, [&](std::string_view chunk) -> Status {
    if (page == 0 && chunk.size() > 100) {
      page = static_cast<std::size_t>(static_cast<unsigned char>(chunk[16])) << 8 |
             static_cast<unsigned char>(chunk[17]);
      if (page == 1) page = 65536;
      // A file made before pages had sums has none.
      if (chunk[20] != kPageSumBytes) page = kChunk;
    }
    if (page < kChunk) {
      if (const auto broken = first_broken_page(chunk, page, number); broken != 0) {
        return fail(ErrorKind::unavailable, "page " + std::to_string(broken) + " of " + path +
                                                " is not what was written: check the disk");
      }
      number += static_cast<std::int64_t>(chunk.size() / page);
    }
    if (copied(static_cast<std::int64_t>(chunk.size()))) return {};
    return fail(ErrorKind::cancelled, "the backup was stopped");
  });
}

Status write_manifest(Draft& draft, const std::string& folder, const Json& manifest) {
  const std::string path = folder + "/" + kManifest;
  const std::string draft_path = draft.add(std::string(kManifest) + ".new");
  {
    const Descriptor file(
        ::open(draft_path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file) return unavailable(draft_path + " cannot be made", errno);
    if (auto written = write_all(file, manifest.dump(2) + "\n", draft_path); !written) {
      return written;
    }
    if (::fsync(file.fd()) != 0) return unavailable(draft_path + " cannot be synced", errno);
  }
  // Before the name is there everything else is, folder entries too.
  if (auto synced = sync(folder); !synced) return synced;
  if (::rename(draft_path.c_str(), path.c_str()) != 0) {
    return unavailable(path + " cannot be made", errno);
  }
  draft.renamed(draft_path, path);
  if (auto synced = sync(folder); !synced) return synced;
  const auto parent = fs::path(folder).parent_path().string();
  return sync(parent);
}

Result<Json> copy_files(const std::string& data_dir, const std::string& folder, Draft& draft,
                        const BackupOptions& options) {
  std::vector<std::string> paths;
  for (const auto& kind : kFiles) {
    const std::string path = data_dir + "/" + kind.name;
    if (kind.database && (kind.required || fs::exists(path))) paths.push_back(path);
  }
  auto taken = Snapshot::take(paths);
  if (!taken) return fail(taken.error());
  auto& snapshot = **taken;
  Json manifest{{"format", kFormat},
                {"version", kVersion},
                {"made_at", format_rfc3339(options.clock.now())},
                {"meshd_version", options.meshd_version},
                {"files", Json::array()}};
  std::int64_t done = 0, total = 0;
  for (const auto& path : paths) total += 2 * snapshot.bytes(path);
  const auto copied = [&](std::int64_t bytes) {
    done += bytes;
    return options.progress(std::min(done, total), total);
  };
  for (const auto& path : paths) {
    const auto name = fs::path(path).filename().string();
    if (auto made = snapshot.copy(path, draft.add(name), copied); !made) return fail(made.error());
  }
  // Only now, when nothing is held any more.
  for (const auto& path : paths) {
    const auto name = fs::path(path).filename().string();
    const std::string copy = folder + "/" + name;
    if (auto synced = sync(copy); !synced) return fail(synced.error());
    auto digest = check_copy(copy, copied);
    if (!digest) return fail(digest.error());
    manifest["files"].push_back({{"name", name},
                                 {"bytes", digest->bytes},
                                 {"sha256", digest->sha256},
                                 {"schema_version", snapshot.schema_version(path)}});
  }
  for (const auto& kind : kFiles) {
    const std::string path = data_dir + "/" + kind.name;
    if (kind.database || !fs::exists(path)) continue;
    auto digest = copy_plain(path, draft.add(kind.name));
    if (!digest) return fail(digest.error());
    manifest["files"].push_back(
        {{"name", kind.name}, {"bytes", digest->bytes}, {"sha256", digest->sha256}});
  }
  if (auto written = write_manifest(draft, folder, manifest); !written) {
    return fail(written.error());
  }
  return manifest;
}

// --- reading ---------------------------------------------------------------------------------

struct Entry {
  std::string name;
  std::int64_t bytes = 0;
  std::string sha256;
};
struct Manifest {
  std::string made_at, meshd_version;
  std::vector<Entry> files;
};

Result<Manifest> parse_manifest(const Json& json, const std::string& path) {
  const auto broken = [&](const std::string& why) {
    return fail(ErrorKind::corrupt, path + " is not the manifest of a backup: " + why);
  };
  const auto text = [](const Json& object, const char* name) {
    const auto at = object.find(name);
    return at != object.end() && at->is_string() ? at->get<std::string>() : std::string{};
  };
  const auto integer = [](const Json& object, const char* name) {
    const auto at = object.find(name);
    return at != object.end() && at->is_number_integer() ? at->get<std::int64_t>() : -1;
  };
  if (!json.is_object() || text(json, "format") != kFormat) return broken("no \"format\"");
  if (integer(json, "version") > kVersion) {
    return fail(ErrorKind::conflict, path + " was written by a newer program (meshd " +
                                         text(json, "meshd_version") + "): use that one");
  }
  const auto files = json.find("files");
  if (integer(json, "version") != kVersion || files == json.end() || !files->is_array()) {
    return broken("no \"version\" or no \"files\"");
  }
  Manifest manifest{text(json, "made_at"), text(json, "meshd_version"), {}};
  for (const auto& file : *files) {
    if (!file.is_object()) return broken("\"files\" holds something else");
    Entry entry{text(file, "name"), integer(file, "bytes"), text(file, "sha256")};
    const bool known =
        std::ranges::any_of(kFiles, [&](const Kind& kind) { return kind.name == entry.name; });
    if (!known || entry.bytes < 0 || entry.sha256.size() != 64) {
      return broken("what it says of a file is not usable");
    }
    manifest.files.push_back(std::move(entry));
  }
  for (const auto& kind : kFiles) {
    const auto count = std::ranges::count(manifest.files, kind.name, &Entry::name);
    if (count > 1 || (count == 0 && kind.required)) {
      return broken(std::string(kind.name) + " is named " + std::to_string(count) + " times");
    }
  }
  return manifest;
}

Result<Manifest> read_manifest(const std::string& folder) {
  std::error_code error;
  const auto found = fs::status(folder, error).type();
  if (found == fs::file_type::none) return cannot_look(folder, error);
  if (found != fs::file_type::directory) {
    return fail(ErrorKind::not_found, "there is no backup " + folder + ": no such folder");
  }
  const std::string path = folder + "/" + kManifest;
  const bool finished = fs::exists(path, error);
  if (error) return cannot_look(path, error);
  if (!finished) {
    return fail(ErrorKind::conflict, folder + " has no " + kManifest +
                                         ": a backup that was cut off, or none; make another one");
  }
  std::string text;
  auto read = read_through(path, [&](std::string_view chunk) -> Status {
    text += chunk;
    if (text.size() <= kMaxManifest) return {};
    return fail(ErrorKind::corrupt, path + " is too large to be a manifest");
  });
  if (!read) return fail(read.error());
  auto json = parse_json(text);
  if (!json) {
    return fail(ErrorKind::corrupt, path + " is damaged: " + json.error().message);
  }
  return parse_manifest(*json, path);
}

// "ok", or what is wrong.
std::string compared(const Entry& entry, const Result<Digest>& digest) {
  if (!digest) return digest.error().message;
  if (digest->bytes != entry.bytes) {
    return "has " + std::to_string(digest->bytes) + " bytes instead of " +
           std::to_string(entry.bytes);
  }
  return digest->sha256 == entry.sha256 ? "ok" : "has another checksum";
}

Json report_of(const std::string& folder, const Manifest& manifest) {
  return {{"backup", folder},
          {"state", "ok"},
          {"made_at", manifest.made_at},
          {"meshd_version", manifest.meshd_version},
          {"files", Json::array()}};
}

bool is_within(const fs::path& path, const fs::path& folder) {
  const auto [end, rest] = std::ranges::mismatch(folder, path);
  (void)rest;
  return end == folder.end();
}

}  // namespace

Status can_back_up(const std::string& data_dir, const std::string& folder) {
  const fs::path path(folder);
  if (!path.is_absolute() || folder.find('\0') != std::string::npos) {
    return fail(ErrorKind::unprocessable,
                "the backup's folder must be an absolute path on meshd's machine");
  }
  std::error_code error;
  const auto resolved = fs::weakly_canonical(path, error);
  if (error) {
    return fail(ErrorKind::conflict, folder + " cannot be looked at: " + error.message());
  }
  if (!fs::is_directory(resolved.parent_path(), error)) {
    return fail(ErrorKind::conflict,
                path.parent_path().string() + " is not a folder on meshd's machine: make it first");
  }
  if (is_within(resolved, fs::weakly_canonical(data_dir, error))) {
    return fail(ErrorKind::conflict, folder +
                                         " lies within the data folder: a backup there would "
                                         "be lost with it; choose another place");
  }
  const bool there = fs::exists(resolved, error);
  if (there && (!fs::is_directory(resolved, error) || !fs::is_empty(resolved, error) || error)) {
    return fail(ErrorKind::conflict,
                folder + " is there already, and a backup overwrites nothing: choose a new folder");
  }
  return {};
}

Result<Json> back_up(const std::string& data_dir, const std::string& folder,
                     const BackupOptions& options) {
  if (auto free = can_back_up(data_dir, folder); !free) return fail(free.error());
  Draft draft(folder);
  if (auto made = draft.make_folder(); !made) return draft.give_up(made.error());
  if (auto alone = draft.be_alone(); !alone) return draft.give_up(alone.error());
  auto manifest = copy_files(data_dir, folder, draft, options);
  if (!manifest) {
    auto error = manifest.error();
    if (error.kind == ErrorKind::unavailable) error.message = folder + ": " + error.message;
    return draft.give_up(std::move(error));
  }
  draft.keep();
  return manifest;
}

Result<Json> verify_backup(const std::string& folder) {
  auto manifest = read_manifest(folder);
  if (!manifest) return fail(manifest.error());
  Json report = report_of(folder, *manifest);
  for (const auto& entry : manifest->files) {
    const auto digest =
        read_through(folder + "/" + entry.name, [](std::string_view) { return Status{}; });
    const auto state = compared(entry, digest);
    if (state != "ok") report["state"] = "damaged";
    report["files"].push_back({{"name", entry.name}, {"bytes", entry.bytes}, {"state", state}});
  }
  return report;
}

Result<Json> restore_backup(const std::string& folder, const std::string& data_dir) {
  auto manifest = read_manifest(folder);
  if (!manifest) {
    Error error = manifest.error();
    error.message += "; nothing was restored";
    return fail(std::move(error));
  }
  std::error_code error;
  if (fs::exists(data_dir, error) &&
      (!fs::is_directory(data_dir, error) || !fs::is_empty(data_dir, error) || error)) {
    if (auto whole = no_unfinished_restore(data_dir); !whole) return fail(whole.error());
    return fail(ErrorKind::conflict, data_dir +
                                         " is not empty: restore into a new or an empty folder; "
                                         "nothing was changed");
  }
  const auto parent = fs::absolute(fs::path(data_dir) / ".").lexically_normal().parent_path();
  fs::create_directories(parent.parent_path(), error);
  Draft draft(data_dir);
  if (auto made = draft.make_folder(); !made) return draft.give_up(made.error());
  draft.add("LOCK");
  auto lock = DirectoryLock::acquire(data_dir);
  if (!lock) return draft.give_up(lock.error());
  Json report = report_of(folder, *manifest);
  // Under other names until all are whole: a start on what a cut leaves finds no database. The log
  // and the store come last, since a start refuses a folder that has one without the other.
  std::vector<std::pair<std::string, std::string>> names;
  for (const auto& entry : manifest->files) {
    const std::string temporary = draft.add(entry.name + kRestoring);
    const auto digest = copy_plain(folder + "/" + entry.name, temporary);
    if (const auto state = compared(entry, digest); state != "ok") {
      Error why{ErrorKind::corrupt,
                "the backup is damaged: " + folder + "/" + entry.name + " " + state,
                {},
                {},
                {}};
      if (!digest) why = digest.error();
      why.message += "; nothing was restored";
      return draft.give_up(std::move(why));
    }
    names.insert(names.begin(), {temporary, data_dir + "/" + entry.name});
    report["files"].push_back({{"name", entry.name}, {"bytes", entry.bytes}, {"state", "ok"}});
  }
  for (const auto& [from, to] : names) {
    fs::rename(from, to, error);
    if (error) {
      return draft.give_up(
          Error{ErrorKind::unavailable, to + " cannot be made: " + error.message(), {}, {}, {}});
    }
    draft.renamed(from, to);
  }
  for (const auto& made : {data_dir, parent.parent_path().string()}) {
    if (auto synced = sync(made); !synced) return draft.give_up(synced.error());
  }
  draft.keep();
  return report;
}

Status no_unfinished_restore(const std::string& data_dir) {
  std::error_code error;
  for (const auto& kind : kFiles) {
    if (!fs::exists(data_dir + "/" + kind.name + kRestoring, error)) continue;
    return fail(ErrorKind::conflict, "a restore into " + data_dir +
                                         " did not come to its end: remove what is in it, which "
                                         "the backup has as well, and restore again");
  }
  return {};
}

}  // namespace mesh::sqlite
