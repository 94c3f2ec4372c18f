// The life of the process: start, signals, watchdog, stop.
#pragma once

#include <functional>
#include <string>

#include "common/base/error.h"
#include "common/config/config.h"

namespace mesh {

// Runs until SIGTERM or SIGINT; SIGHUP calls `load` and takes over what can change. Answers the
// exit code: 0 after a stop, 1 where it could not start; where stored data cannot be trusted any
// more the process ends with 70. A second SIGTERM or SIGINT while draining ends at once. Blocks
// signals of the calling thread: called from main, before any other thread is made.
int serve(config::Config config, std::function<Result<config::Config>()> load, std::string version);

}  // namespace mesh
