// Waiting for a descriptor that does not block.
#pragma once

#include <optional>

#include "common/base/clock.h"

namespace mesh {

// Until one of the `events` (POLLIN, POLLOUT) shows, or that the descriptor is of no use, which its
// next use tells; false where the steady clock's time is `deadline` before. The system's clock: the
// socket is the machine's, and so is the time for which it is waited. Blocks; any thread.
bool wait_fd(int fd, short events, std::optional<SteadyTime> deadline);

}  // namespace mesh
