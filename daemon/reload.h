// What a running process takes over of its configuration when that is read again.
#pragma once

#include "common/base/json.h"
#include "common/config/config.h"

namespace mesh {

// Gives `running` the values that a process takes over of `fresh`, and of each key whose value is
// now the same in both where that comes from; of the others neither. Touches no other member, since
// other threads read those. `secrets` are the caller's.
void take_over(config::Config& running, const config::Config& fresh);

// config::settings, each with "reload", whether SIGHUP takes a new value over, and "pending": where
// `last_read`, what the file had when it was last read, has another value than the one that runs,
// this "value" and "where"; else null.
Json settings(const config::Config& running, const config::Config& last_read);

}  // namespace mesh
