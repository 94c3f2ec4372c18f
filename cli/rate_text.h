// Rate limits as people write them: "30/1m", "30/1m+10". Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/error.h"
#include "common/base/json.h"

namespace mesh::cli {

struct RateText {
  std::int64_t rate = 0;
  std::string per;  // "1m"
  std::optional<std::int64_t> burst;
};

// RATE/PER with an optional +BURST; `invalid` otherwise.
Result<RateText> parse_rate(std::string_view text);
// {"rate","per","burst"}; without a burst the server lets the units of one period come at once.
Json to_policy(const RateText& rate);
// "30 per 1m, burst 10", or "unlimited"; PER in text or, as some answers have it, in milliseconds.
std::string policy_text(const Json& policy);

}  // namespace mesh::cli
