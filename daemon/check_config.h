// `meshd --check-config`: what of this machine would stop a start with the configuration.
#pragma once

#include "common/base/error.h"
#include "common/config/config.h"

namespace mesh {

// `invalid`, a line for each key: data_dir that cannot be made or written or that a start refuses,
// a static model that cannot be read,
// an operator's token, JWKS or secret that is of no use, hosts of `listen` that this machine does
// not have. Changes nothing and asks no other server; ports in use and a running meshd are no
// fault, and the files of the data folder are what --check-data looks into.
Status check_config(const config::Config& config);

}  // namespace mesh
