// <data_dir>/run.json: where a running meshd answers; for `mesh` on the same machine.
#pragma once

#include <map>
#include <string>

#include "common/base/clock.h"
#include "common/base/error.h"

namespace mesh {

struct RunInfo {
  std::string version;
  Timestamp started_at{};
  std::map<std::string, std::string> addresses;  // by role: host:port, https://host:port
  std::string public_key{};  // of TLS, as http::ClientTls::pinned_key; empty: no TLS
};

// Replaces the file as a whole, mode 0600; `unavailable` where it cannot be written.
Status write_run_info(const std::string& data_dir, const RunInfo& info);
// Does nothing where it is gone.
void remove_run_info(const std::string& data_dir);

}  // namespace mesh
