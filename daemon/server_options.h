// The HTTP server of a configuration.
#pragma once

#include "common/config/config.h"
#include "common/http/server.h"

namespace mesh {

// Where the configuration leaves the number of workers open, by the processors of this machine.
http::ServerOptions server_options(const config::Config& config);

}  // namespace mesh
