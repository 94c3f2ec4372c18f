// The rules between the keys of TLS and client certificates.
#pragma once

#include "common/config/config.h"
#include "common/config/keys.h"

namespace mesh::config {

void check_tls(const Config& config, Problems& problems);

}  // namespace mesh::config
