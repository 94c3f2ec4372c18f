// meshd: the daemon of mesh.

#include <sys/stat.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <cerrno>
#include <cstring>
#include <iostream>

#include "common/config/config.h"
#include "daemon/backup.h"
#include "daemon/check_config.h"
#include "daemon/check_data.h"
#include "daemon/engine_parts.h"
#include "daemon/migrate.h"
#include "daemon/prepare.h"
#include "daemon/serve.h"
#include "daemon/tell_error.h"

namespace {

// What root makes in a folder of another user's would be closed to the meshd that runs as that
// user.
mesh::Status act_as_owner_of(const std::string& dir) {
  struct stat info {};
  if (::geteuid() != 0 || ::stat(dir.c_str(), &info) != 0 || info.st_uid == 0) return {};
  // The group first: without root's right it could not be changed any more.
  if (::setgid(info.st_gid) == 0 && ::setuid(info.st_uid) == 0) return {};
  return mesh::fail(mesh::ErrorKind::forbidden, "cannot act as the owner of " + dir + ": " +
                                                    std::strerror(errno) +
                                                    "; run this as that user");
}

int restore_backup(const std::string& folder, const std::string& data_dir, bool json) {
  if (auto acts = act_as_owner_of(data_dir); !acts) {
    mesh::tell_error(acts.error(), json);
    return 3;
  }
  return mesh::restore_backup(folder, data_dir, json);
}

int check_data(const mesh::config::Config& config, bool repair, bool json) {
  const auto acts = act_as_owner_of(config.data_dir);
  const auto report = acts ? mesh::check_data(config, repair, mesh::system_clock().now())
                           : mesh::Result<mesh::Json>(mesh::fail(acts.error()));
  if (!report) {
    mesh::tell_error(report.error(), json);
    return 3;
  }
  std::cout << (json ? mesh::dump(*report) + "\n" : mesh::check_data_text(*report));
  return mesh::check_data_exit_code(*report);
}

int migrate_from(const std::string& file, const mesh::config::Config& to, bool json) {
  const auto from = mesh::config::load_file(file);
  if (from) return mesh::migrate(*from, to, json);
  mesh::tell_error(from.error(), json);
  return 3;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App cli{
      "meshd: tenant-scoped events in, durable, searchable. Runs until SIGTERM; SIGHUP reloads."};
  std::optional<std::string> file, data_dir, backup, restore, leave;
  bool check = false, print = false, schema = false, look = false, repair = false, json = false,
       migrations = false, prepare = false;
  cli.add_option("-c,--config", file,
                 "configuration file; else $MESH_CONFIG, ./meshd.yaml, /etc/mesh/meshd.yaml, "
                 "built-in defaults");
  cli.add_option("--data-dir", data_dir, "in place of the configuration's data_dir");
  cli.add_flag(
      "--check-config", check,
      "check the configuration, the files that it names and where it would listen, and end");
  cli.add_flag("--print-config", print,
               "print the configuration as it will be used, secrets masked, and end");
  cli.add_flag("--print-config-schema", schema,
               "print the JSON Schema of the configuration file and end");
  cli.add_flag("--print-migrations", migrations,
               "print the SQL that makes PostgreSQL's schema (postgres.schema), for psql, and end");
  cli.add_flag("--check-data", look,
               "look for damage in the data folder, which no meshd may be using, and end: 0 whole, "
               "1 a repair loses nothing, 2 damaged, 3 could not look");
  cli.add_flag(
      "--repair-data", repair,
      "the same, and put what is whole in the place of what is damaged, which is kept aside");
  cli.add_option("--verify-backup", backup,
                 "compare the backup in this folder with its manifest, and end: 0 whole, 1 damaged "
                 "or unfinished, 3 could not look");
  cli.add_option("--restore", restore,
                 "copy the backup in this folder to the data folder, which must be new or empty, "
                 "and end: 0 restored, 1 refused or damaged, 3 could not look");
  cli.add_option("--migrate-from", leave,
                 "move what the engines of this configuration file hold to those of --config, and "
                 "end: 0 all is there and equal, 1 something differs, 3 not done to its end; what "
                 "was cut off goes on when it is called again");
  cli.add_flag(
      "--prepare", prepare,
      "bring the schemas of log and store up to date, make or check the topics, and end: 0 "
      "done, 3 not done; other processes may run meanwhile");
  cli.add_flag("--json", json, "what these six print as JSON");
  cli.set_version_flag("--version", "meshd " MESH_VERSION);
  try {
    cli.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // --help and --version come as errors, too, of code 0.
    return cli.exit(error) == 0 ? 0 : 2;
  }
  if (schema) {
    std::cout << mesh::config::schema() << "\n";
    return 0;
  }
  // No configuration is needed to look at a backup, which may be all that is left of a machine.
  if (backup) return mesh::verify_backup(*backup, json);
  // Into a folder that is named no configuration has a say.
  if (restore && data_dir) return restore_backup(*restore, *data_dir, json);
  const auto load = [&]() -> mesh::Result<mesh::config::Config> {
    auto config = mesh::config::load_file(mesh::config::find_config_file(file));
    // Within load, so that a reload keeps it.
    if (config && data_dir) {
      config->data_dir = *data_dir;
      config->origins["data_dir"] = {.flag = "--data-dir"};
    }
    return config;
  };
  auto config = load();
  if (!config) {
    std::cerr << "meshd: the configuration is not usable:\n" << config.error().message << "\n";
    return 2;
  }
  if (migrations) {
    std::cout << mesh::migrations(*config);
    return 0;
  }
  if (print) std::cout << mesh::config::print(*config);
  if (check) {
    if (auto startable = mesh::check_config(*config); !startable) {
      std::cerr << "meshd: it could not start with this configuration:\n"
                << startable.error().message << "\n";
      return 2;
    }
    std::cout << "configuration ok\n";
  }
  if (print || check) return 0;
  if (prepare) return mesh::prepare(*config, json);
  if (leave) return migrate_from(*leave, *config, json);
  if (look || repair) return check_data(*config, repair, json);
  if (restore) return restore_backup(*restore, config->data_dir, json);
  return mesh::serve(std::move(*config), load, MESH_VERSION);
}
