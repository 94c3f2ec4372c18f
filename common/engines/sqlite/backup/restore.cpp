#include "common/engines/sqlite/backup/restore.h"

#include <filesystem>
#include <utility>
#include <vector>

#include "common/engines/sqlite/backup/files.h"
#include "common/engines/sqlite/backup/manifest.h"
#include "common/engines/sqlite/core/directory_lock.h"

namespace mesh::sqlite {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRestoring = ".restoring";  // behind the names of files until all are whole

}  // namespace

Result<Json> verify_backup(const std::string& folder) {
  auto manifest = MESH_TRY(read_manifest(folder));
  Json report = report_of(folder, manifest);
  for (const auto& entry : manifest.files) {
    const auto digest =
        read_through(folder + "/" + entry.name, [](std::string_view) { return Status{}; });
    const auto fault = fault_of(entry, digest);
    if (fault) report["state"] = "damaged";
    report["files"].push_back(
        {{"name", entry.name}, {"bytes", entry.bytes}, {"state", fault.value_or("ok")}});
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
    MESH_TRY(no_unfinished_restore(data_dir));
    return fail(ErrorKind::conflict, data_dir +
                                         " is not empty: restore into a new or an empty folder; "
                                         "nothing was changed");
  }
  // Also of "data" and "data/": the folder in which the new one's entry stands, to be synced.
  const auto parent = fs::absolute(fs::path(data_dir) / ".").lexically_normal().parent_path();
  fs::create_directories(parent.parent_path(), error);
  FolderDraft draft(data_dir);
  if (auto made = draft.make_folder(); !made) return draft.give_up(made.error());
  // The lock makes the file; it goes with all else where the restore is given up.
  draft.add("LOCK");
  auto lock = DirectoryLock::acquire(data_dir);
  if (!lock) return draft.give_up(lock.error());
  Json report = report_of(folder, *manifest);
  // Under other names until all are whole: a start on what a cut leaves finds no database. The log
  // and the store come last, since a start refuses a folder that has one without the other.
  std::vector<std::pair<std::string, std::string>> names;
  for (const auto& entry : manifest->files) {
    const std::string temporary = draft.add(entry.name + kRestoring);
    // The digest is of the bytes as they were copied, so that nothing can change between a check
    // and the copy.
    const auto digest = copy_plain(folder + "/" + entry.name, temporary);
    if (const auto fault = fault_of(entry, digest)) {
      Error why{ErrorKind::corrupt,
                "the backup is damaged: " + folder + "/" + entry.name + " " + *fault,
                {},
                {},
                {}};
      if (!digest) why = digest.error();
      why.message += "; nothing was restored";
      return draft.give_up(std::move(why));
    }
    // In front, since the manifest has the log and the store first, which are to come last.
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
  // The new names are on the disk before the restore says that it is done.
  for (const auto& made : {data_dir, parent.parent_path().string()}) {
    if (auto synced = sync_path(made); !synced) return draft.give_up(synced.error());
  }
  draft.keep();
  return report;
}

Status no_unfinished_restore(const std::string& data_dir) {
  std::error_code error;
  for (const auto& kind : kBackedUp) {
    if (!fs::exists(data_dir + "/" + kind.name + kRestoring, error)) continue;
    return fail(ErrorKind::conflict, "a restore into " + data_dir +
                                         " did not come to its end: remove what is in it, which "
                                         "the backup has as well, and restore again");
  }
  return {};
}

}  // namespace mesh::sqlite
