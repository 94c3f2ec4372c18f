// How a log line reads: pure functions, so that the format can be tested without a terminal.
// spdlog, which writes the lines, has no fields in its messages.
#pragma once

#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/telemetry/log.h"

namespace mesh::log {

// {"time":"…","level":"info","message":"…","tenant":"acme"}
std::string json_line(Timestamp time, Level level, std::string_view message, Fields fields);
// 2026-11-21T08:32:00.123Z INFO  listening  address=127.0.0.1:8081 note="two words"
std::string text_line(Timestamp time, Level level, std::string_view message, Fields fields,
                      bool colour);

// "trace", …, "off".
std::string_view to_string(Level level);

}  // namespace mesh::log
