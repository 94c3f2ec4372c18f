#include <filesystem>

#include "cli/commands/follow_task.h"
#include "cli/commands/verb.h"
#include "cli/run_meshd.h"

namespace mesh::cli {
namespace {

const View& backup_view() {
  static const View view{
      "backup",
      {{"backup", "BACKUP", "its folder"},
       {"state", "STATE", "ok, or damaged"},
       {"made_at", "MADE AT", "the instant that it shows", Field::Show::always, Field::Kind::time},
       {"meshd_version", "VERSION", "of the meshd that made it"}}};
  return view;
}

const View& file_view() {
  static const View view{"name",
                         {{"name", "FILE", "the file, in the backup's folder"},
                          {"bytes", "SIZE", "bytes it has", Field::Show::always, Field::Kind::size},
                          {"state", "STATE", "ok, or what is wrong with it"}},
                         "STATE"};
  return view;
}

struct BackupArgs {
  std::string folder;
  bool no_wait = false;
};

// What a relative path means is known here alone.
std::string absolute(const std::string& path) {
  auto whole = std::filesystem::absolute(path).lexically_normal().string();
  // "DIR/" names the same folder; lexically_normal keeps the slash.
  if (whole.size() > 1 && whole.ends_with('/')) whole.pop_back();
  return whole;
}

Outcome back_up(Session& session, const BackupArgs& args) {
  // CLI11 cannot require DIR: `mesh backup verify` is named without it.
  if (args.folder.empty()) {
    return fail(ErrorKind::invalid, "name the folder to make: `mesh backup DIR`");
  }
  const std::string folder = absolute(args.folder);
  auto outcome = started(session, session.mesh->back_up(folder), args.no_wait);
  // What did not end well, or was not waited for, follow_task has told already.
  if (outcome && *outcome == Exit::ok && !args.no_wait) {
    session.out.note("the backup is in " + folder + "; `mesh backup verify " + folder +
                     "` looks at it again");
  }
  return outcome;
}

// Of `meshd --verify-backup` and `--restore`.
Outcome told_by_meshd(Session& session, const std::vector<std::string>& arguments,
                      const std::string& done) {
  auto ran = MESH_TRY(run_meshd(arguments));
  // Also of a damaged backup: the report says which of its files are. What could not be looked at
  // at all is an error of run_meshd.
  session.out.record(backup_view(), ran.report, {{"Files:", "files", &file_view()}});
  if (ran.exit_code != 0) {
    session.out.note("mesh: the backup is damaged: make another one");
    return Exit::failure;
  }
  session.out.note(done);
  return Exit::ok;
}

Outcome verify(Session& session, const std::string& folder) {
  return told_by_meshd(session, {"--verify-backup", absolute(folder)}, "the backup is whole");
}

Outcome restore(Session& session, const std::string& folder) {
  // By flag alone: a folder that $MESH_DATA_DIR or a context names is one that a meshd works in,
  // and a restore takes only a new one.
  const auto& data_dir = session.globals.data_dir;
  if (!data_dir || data_dir->empty()) {
    return fail(ErrorKind::invalid,
                "name the folder to restore into: `mesh restore BACKUP --data-dir NEW`");
  }
  const std::string target = absolute(*data_dir);
  return told_by_meshd(session, {"--restore", absolute(folder), "--data-dir", target},
                       "restored; `meshd --data-dir " + target +
                           "` (or data_dir in its configuration) goes on there");
}

}  // namespace

void add_backup(Commands& commands) {
  auto args = std::make_shared<BackupArgs>();
  auto& verb = commands.verb(
      commands.root(),
      {.name = "backup",
       .summary = "Copy the data folder of a running meshd to a new folder",
       .details =
           "Copies all files as they are at one instant while requests go on, with a manifest of "
           "versions, sizes and checksums. meshd writes the folder, so it is one on its machine; a "
           "relative DIR counts from here. It must be new or empty: nothing is overwritten. The "
           "operator's token is part of it. Ctrl-C leaves the work running. "
           "`mesh restore` puts a backup into a new data folder.",
       .examples = "mesh backup /var/backups/mesh/2026-11-28\n"
                   "mesh backup ./before-the-upgrade --no-wait\n"
                   "mesh backup verify /var/backups/mesh/2026-11-28\n",
       .tenant = TenantUse::none,
       .view = &task_view(),
       .run = [args](Session& session) { return back_up(session, *args); }},
      purpose::kOperate);
  // `mesh backup DIR` makes one, `mesh backup verify DIR` looks at one: the verb is a group as
  // well.
  verb.require_subcommand(0, 1);
  verb.add_option("DIR", args->folder, "the folder to make");
  verb.add_flag("--no-wait", args->no_wait, "Start it and return");

  auto verified = std::make_shared<std::string>();
  auto& looks = commands.verb(
      verb, {.name = "verify",
             .summary = "Compare a backup with its manifest",
             .details = "Needs no running meshd, but the program. Exit code 1 for a backup that is "
                        "damaged or was cut off.",
             .examples = "mesh backup verify /var/backups/mesh/2026-11-28\n"
                         "mesh backup verify ./before-the-upgrade -o json\n",
             .tenant = TenantUse::none,
             .view = &backup_view(),
             .run = [verified](Session& session) { return verify(session, *verified); },
             .needs = Needs::nothing});
  looks.add_option("DIR", *verified, "the backup's folder")->required();

  auto restored = std::make_shared<std::string>();
  auto& restores = commands.verb(
      commands.root(),
      {.name = "restore",
       .summary = "Copy a backup to a new data folder",
       .details =
           "The folder of --data-dir must be new or empty. Every file is checked on the way; "
           "where one is damaged nothing is left behind. Then start meshd on that folder. "
           "What was written after the backup is not there, and ids that were given out "
           "after it are given out again.",
       .examples = "mesh restore /var/backups/mesh/2026-11-28 --data-dir /var/lib/mesh-restored\n",
       .tenant = TenantUse::none,
       .view = &backup_view(),
       .run = [restored](Session& session) { return restore(session, *restored); },
       .needs = Needs::nothing},
      purpose::kOperate);
  restores.add_option("BACKUP", *restored, "the backup's folder")->required();
}

}  // namespace mesh::cli
