// The life of the process: start, signals, watchdog, stop.
#pragma once

#include <functional>
#include <string>

#include "common/base/error.h"
#include "common/config/config.h"

namespace mesh {

// Runs until SIGTERM or SIGINT; SIGHUP calls `load` and takes over what can change. Answers the
// exit code. A second SIGTERM or SIGINT while draining ends at once.
int serve(config::Config config, std::function<Result<config::Config>()> load, std::string version);

}  // namespace mesh
