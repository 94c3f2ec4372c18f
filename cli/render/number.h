// Numbers for people, each kind in one form everywhere. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/clock.h"
#include "common/base/thousands.h"  // with_thousands, beside these

namespace mesh::cli {

std::string clock_text(double seconds);    // "01:05", "2:00:07"; "--:--" beyond 100 h
std::string percent_text(double share);    // of 0…1: "45%", rounded down: 100% is the end
std::string rate_text(double per_second);  // "1,234", "8.3", "<0.1"
// "<1ms", "250ms", "2.5s", "1m30s", "2d5h": its two largest units. `seconds` is not below 0.
std::string duration_text(double seconds);
// How long ago, "45s", "3m12s", "25m", "2d5h", "30d", or how far ahead, "in 5m".
std::string age_text(Duration age);

}  // namespace mesh::cli
