#include "daemon/check_config.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "common/config/keys.h"
#include "common/config/listeners.h"
#include "common/http/bind.h"
#include "daemon/check_data.h"
#include "daemon/engine_parts.h"
#include "daemon/identity.h"
#include "daemon/receipt_key.h"
#include "daemon/tls.h"

namespace mesh {
namespace {

namespace fs = std::filesystem;

// A folder that is not there is made by the start, in the nearest one that is.
void check_data_dir(const std::string& data_dir, const EmbeddedFiles& used,
                    config::Problems& problems) {
  std::error_code error;
  fs::path place = fs::absolute(data_dir, error);
  // By the link itself: one that leads nowhere is there, and a start cannot make a folder in its
  // place.
  while (!fs::exists(fs::symlink_status(place, error)) && place.has_relative_path()) {
    place = place.parent_path();
  }
  const auto refuse = [&](const std::string& why) {
    problems.add("data_dir", config::quote(data_dir) + ": " + config::quote(place.string()) + " " +
                                 why + "; choose another with data_dir or --data-dir");
  };
  if (!fs::is_directory(place, error)) return refuse("is not a folder");
  if (::access(place.c_str(), W_OK | X_OK) != 0) {
    return refuse(std::string("cannot be written: ") + std::strerror(errno));
  }
  // What a start would refuse, as far as a look without the folder's lock can tell.
  for (const auto& whole : {nothing_unfinished(data_dir), no_missing_file(data_dir, used)}) {
    if (!whole) problems.add("data_dir", whole.error().message);
  }
}

// Port 0 in place of the one that a running meshd may have.
void check_hosts(const config::Config& config, config::Problems& problems) {
  for (const auto& [role, address] : config::listeners(config)) {
    const auto bound = http::bind_listener(address.substr(0, address.rfind(':')) + ":0");
    if (bound) continue;
    problems.add("listen." + role, config::quote(address) + ": " + bound.error().message);
  }
}

}  // namespace

Status check_config(const config::Config& config) {
  config::Problems problems;
  check_data_dir(config.data_dir, embedded_files(config), problems);
  if (auto usable = check_identity(config, system_clock()); !usable) {
    problems.add("", usable.error().message);
  }
  if (auto tls = make_tls(config); !tls) problems.add("", tls.error().message);
  if (auto key = make_receipt_key(config); !key) problems.add("", key.error().message);
  if (auto model = check_embedder(config.embedder); !model) {
    problems.add("", model.error().message);
  }
  check_hosts(config, problems);
  return problems.status();
}

}  // namespace mesh
