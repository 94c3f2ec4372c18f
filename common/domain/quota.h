// Quotas: bounds of what a tenant uses over a calendar period, in UTC. (A rate limit bounds how
// fast; docs/api.md has both.)
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"

namespace mesh {

enum class Quota : std::size_t {
  events_per_day,  // made durable: published, or of users' changes
  bytes_per_day,   // the bodies they come in
  stored_users,    // a level, without a period
  embedding_tokens_per_month,
  chat_tokens_per_day,  // what is beyond it is computed, and nothing refused
};
inline constexpr std::array kQuotas{Quota::events_per_day, Quota::bytes_per_day,
                                    Quota::stored_users, Quota::embedding_tokens_per_month,
                                    Quota::chat_tokens_per_day};
std::string_view to_string(Quota quota);  // "events_per_day"
std::optional<Quota> quota_of(std::string_view name);

// When the quota's period that holds `time` began, and when it is over; nothing for a level.
struct Period {
  Timestamp began, ends;
};
std::optional<Period> period_of(Quota quota, Timestamp time);

// At most so much; what is not named has no bound.
using Quotas = std::map<Quota, std::int64_t>;
// {"events_per_day":100000}
Json to_json(const Quotas& quotas);
// A bound of 0 lets nothing through. `unprocessable` with a pointer for each fault, `at` in front.
Result<std::int64_t> quota_from_json(const Json& json, const std::string& at);
Result<Quotas> quotas_from_json(const Json& json, const std::string& at);

}  // namespace mesh
