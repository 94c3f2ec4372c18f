// `meshd --prepare`: what a rollout of several processes needs before the first of them starts.
#pragma once

#include "common/config/config.h"

namespace mesh {

// Opens log and store, which brings their schemas up to date, makes or checks the topics, and ends.
// Prints what stands there; errors by tell_error. Other processes may run on the same engines. The
// exit code: 0 done, 3 not done.
int prepare(const config::Config& config, bool json);

}  // namespace mesh
