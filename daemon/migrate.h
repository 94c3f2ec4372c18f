// `meshd --migrate-from`: the engines of one configuration are left for those of another.
#pragma once

#include "common/config/config.h"

namespace mesh {

// Moves what the engines of record of `from` hold to those of `to` (migration.h), tells how far it
// is on stderr, and prints the report, for people or as JSON; errors by tell_error. The exit code:
// 0 all is there and equal, 1 something differs, 3 it could not be done, or not to its end.
int migrate(const config::Config& from, const config::Config& to, bool json);

}  // namespace mesh
