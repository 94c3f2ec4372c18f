// systemd's notification protocol (sd_notify(3)), over $NOTIFY_SOCKET. Without it: nothing happens.
// libsystemd would be a dependency for one datagram.
#pragma once

#include <optional>
#include <string_view>

#include "common/base/clock.h"

namespace mesh {

// "READY=1", "STOPPING=1", "WATCHDOG=1", … one assignment per line.
void notify_service_manager(std::string_view state);
// "RELOADING=1" with the monotonic time that Type=notify-reload asks for.
void notify_reloading();
// How often to send WATCHDOG=1: half of $WATCHDOG_USEC; nothing without a watchdog.
std::optional<Duration> watchdog_interval();

}  // namespace mesh
