#include "common/engines/sqlite/backup/backup.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "common/base/time.h"
#include "common/engines/sqlite/backup/files.h"
#include "common/engines/sqlite/backup/manifest.h"
#include "common/engines/sqlite/backup/snapshot.h"
#include "common/engines/sqlite/core/database.h"
#include "common/engines/sqlite/core/migrate.h"
#include "common/engines/sqlite/vfs/page_sums.h"

namespace mesh::sqlite {
namespace {

namespace fs = std::filesystem;

// What was written, as it is read back: every page must have its sum.
Result<Digest> check_copy(const std::string& path, const Snapshot::Copied& copied) {
  std::size_t page = 0;
  std::int64_t number = 1;
  // The digest is of the bytes as they are read back, not of those that were meant to be there.
  return read_through(path, [&](std::string_view chunk) -> Status {
    if (page == 0 && chunk.size() > 100) {
      page = static_cast<std::size_t>(static_cast<unsigned char>(chunk[16])) << 8 |
             static_cast<unsigned char>(chunk[17]);
      if (page == 1) page = 65536;
      // A file made before pages had sums has none.
      if (chunk[20] != kPageSumBytes) page = kBackupChunk;
    }
    if (page < kBackupChunk) {
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

Status write_manifest(FolderDraft& draft, const std::string& folder, const Json& manifest) {
  const std::string path = folder + "/" + kManifest;
  // A manifest is there as a whole or not at all: it alone says that the backup is complete.
  const std::string draft_path = draft.add(std::string(kManifest) + ".new");
  MESH_TRY(write_new(draft_path, manifest.dump(2) + "\n"));
  // Before the name is there everything else is, folder entries too.
  MESH_TRY(sync_path(folder));
  if (::rename(draft_path.c_str(), path.c_str()) != 0) {
    return unavailable(path + " cannot be made", errno);
  }
  draft.renamed(draft_path, path);
  MESH_TRY(sync_path(folder));
  const auto parent = fs::path(folder).parent_path().string();
  return sync_path(parent);
}

Result<Json> copy_files(const std::string& data_dir, const std::string& folder, FolderDraft& draft,
                        const BackupOptions& options) {
  std::vector<std::string> paths;
  for (const auto& kind : kBackedUp) {
    const std::string path = data_dir + "/" + kind.name;
    if (kind.database && (kind.required || fs::exists(path))) paths.push_back(path);
  }
  // One instant of all files: log and store point at each other, by events and by offsets.
  auto taken = MESH_TRY(Snapshot::take(paths));
  auto& snapshot = *taken;
  Json manifest{{"format", kBackupFormat},
                {"version", kBackupVersion},
                {"made_at", format_rfc3339(options.clock.now())},
                {"meshd_version", options.meshd_version},
                {"files", Json::array()}};
  std::int64_t done = 0, total = 0;
  // Twice, since each is copied and then read again.
  for (const auto& path : paths) total += 2 * snapshot.bytes(path);
  const auto copied = [&](std::int64_t bytes) {
    done += bytes;
    // The steps are estimates, and their sum may come out a little above.
    return options.progress(std::min(done, total), total);
  };
  for (const auto& path : paths) {
    const auto name = fs::path(path).filename().string();
    MESH_TRY(snapshot.copy(path, draft.add(name), copied));
  }
  // Only now, when nothing is held any more.
  for (const auto& path : paths) {
    const auto name = fs::path(path).filename().string();
    const std::string copy = folder + "/" + name;
    MESH_TRY(sync_path(copy));
    auto digest = MESH_TRY(check_copy(copy, copied));
    manifest["files"].push_back({{"name", name},
                                 {"bytes", digest.bytes},
                                 {"sha256", digest.sha256},
                                 {"schema_version", snapshot.schema_version(path)}});
  }
  for (const auto& kind : kBackedUp) {
    const std::string path = data_dir + "/" + kind.name;
    if (kind.database || !fs::exists(path)) continue;
    auto digest = MESH_TRY(copy_plain(path, draft.add(kind.name)));
    manifest["files"].push_back(
        {{"name", kind.name}, {"bytes", digest.bytes}, {"sha256", digest.sha256}});
  }
  MESH_TRY(write_manifest(draft, folder, manifest));
  return manifest;
}

bool is_within(const fs::path& path, const fs::path& folder) {
  const auto [end, rest] = std::ranges::mismatch(folder, path);
  (void)rest;
  return end == folder.end();
}

Result<Json> make_backup(const std::string& data_dir, const std::string& folder,
                         const BackupOptions& options) {
  FolderDraft draft(folder);
  if (auto made = draft.make_folder(); !made) return draft.give_up(made.error());
  // Before anything is written: a backup holds the data of all tenants.
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

constexpr const char* kBeforeUpgrade = "before-upgrade-";

// Those that are whole, the newest first. What was cut off is removed, or each try would leave as
// much again.
Result<std::vector<std::string>> earlier_backups(const std::string& data_dir) {
  std::vector<std::string> whole;
  std::error_code error;
  const auto root = fs::absolute(data_dir).lexically_normal();
  for (const auto& entry : fs::directory_iterator(root, error)) {
    const auto path = entry.path().string();
    const bool ours = entry.path().filename().string().starts_with(kBeforeUpgrade) &&
                      entry.symlink_status(error).type() == fs::file_type::directory;
    if (!ours) continue;
    if (fs::exists(path + "/" + kManifest, error)) {
      whole.push_back(path);
    } else if (!error) {
      fs::remove_all(path, error);
    }
    if (error) {
      return fail(
          ErrorKind::unavailable,
          path + " may be a backup that was cut off, and cannot be removed: " + error.message());
    }
  }
  if (error) {
    return fail(ErrorKind::unavailable, data_dir + " cannot be read: " + error.message());
  }
  std::ranges::sort(whole, std::greater{});
  return whole;
}

bool is_later(const timespec& a, const timespec& b) {
  return a.tv_sec != b.tv_sec ? a.tv_sec > b.tv_sec : a.tv_nsec > b.tv_nsec;
}

// Of the file or its write-ahead log. A copy may keep the time of its bytes, but not of its node.
bool changed_since(const std::string& path, const timespec& then) {
  struct stat info {};
  for (const auto& file : {path, path + "-wal"}) {
    // Also a reader may make an empty log.
    if (::stat(file.c_str(), &info) != 0 || info.st_size == 0) continue;
    if (is_later(info.st_mtim, then) || is_later(info.st_ctim, then)) return true;
  }
  return false;
}

// Whether the backup is the way back from here, too: nothing was written since but by a start that
// migrated some of the files and got no further.
Result<bool> is_still_true(const std::string& data_dir, const std::string& folder,
                           const std::vector<std::string>& outdated) {
  const auto manifest = read_manifest(folder);
  struct stat made {};
  if (!manifest || ::stat((folder + "/" + kManifest).c_str(), &made) != 0) return false;
  for (const auto& file : manifest->files) {
    std::error_code error;
    const auto bytes = fs::file_size(folder + "/" + file.name, error);
    if (error || static_cast<std::int64_t>(bytes) != file.bytes) return false;
  }
  for (const auto& kind : kBackedUp) {
    const std::string path = data_dir + "/" + kind.name;
    if (!kind.database || !changed_since(path, made.st_mtim)) continue;
    if (std::ranges::find(outdated, kind.name) != outdated.end()) return false;
    const auto entry = std::ranges::find(manifest->files, kind.name, &ManifestFile::name);
    if (entry == manifest->files.end()) return false;
    const auto db = MESH_TRY(Database::open(path, Database::Mode::read_only));
    if (MESH_TRY(schema_version(*db)) <= entry->schema_version) return false;
  }
  return true;
}

}  // namespace

Status can_back_up(const std::string& data_dir, const std::string& folder) {
  const fs::path path(folder);
  if (!path.is_absolute() || folder.find('\0') != std::string::npos) {
    return fail(ErrorKind::unprocessable,
                "the backup's folder must be an absolute path on meshd's machine");
  }
  std::error_code error;
  // Links are followed, or a link could hide that the folder lies within the data folder.
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
  MESH_TRY(can_back_up(data_dir, folder));
  return make_backup(data_dir, folder, options);
}

Result<std::string> back_up_before_upgrade(const std::string& data_dir,
                                           const std::vector<std::string>& outdated,
                                           const BackupOptions& options) {
  for (const auto& folder : MESH_TRY(earlier_backups(data_dir))) {
    if (MESH_TRY(is_still_true(data_dir, folder, outdated))) return folder;
  }
  // Of a path that is typed and pasted nothing needs quoting.
  std::string time = format_rfc3339(options.clock.now());
  std::erase_if(time, [](char c) { return c == ':' || c == '-' || c == '.'; });
  const std::string folder =
      fs::absolute(data_dir).lexically_normal().string() + "/" + kBeforeUpgrade + time;
  (void)MESH_TRY(make_backup(data_dir, folder, options));
  // The snapshot is closed, and may have put a write-ahead log into its file just now.
  if (::utimensat(AT_FDCWD, (folder + "/" + kManifest).c_str(), nullptr, 0) != 0) {
    return unavailable(folder + "/" + kManifest + " cannot be given its time", errno);
  }
  return folder;
}

}  // namespace mesh::sqlite
