// The HTTP server of a configuration.
#pragma once

#include "common/config/config.h"
#include "common/http/server.h"

namespace mesh {

http::ServerOptions server_options(const config::Config& config);

}  // namespace mesh
