// Text forms of times, durations and sizes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/error.h"

namespace mesh {

// RFC 3339 in UTC with milliseconds: "2026-11-21T08:32:00.123Z".
std::string format_rfc3339(Timestamp t);
// Any RFC 3339 date-time, with any offset; fractions beyond milliseconds are cut.
// `invalid` for anything else, and for a time that is not of the years 0 to 9999 in UTC.
// GCC 12 has no std::chrono::parse; strptime has no fractions, and H. Hinnant's date no "Z" for
// %Ez.
Result<Timestamp> parse_rfc3339(std::string_view text);

// "75s", "1h30m", "250ms", "7d"; units ms s m h d w, the larger first, each once; "0"; no sign; at
// most 3650d. `invalid` otherwise.
Result<Duration> parse_duration(std::string_view text);
// The shortest form that parse_duration reads back: "1h30m".
std::string format_duration(Duration d);

// "1MiB", "10GiB", "512KiB", "4096", "4096B", "1MB" (decimal); answers bytes. `invalid` for others,
// and beyond 64 bits.
Result<std::uint64_t> parse_size(std::string_view text);
// "1.5 MiB", for people.
std::string format_size(std::uint64_t bytes);

}  // namespace mesh
