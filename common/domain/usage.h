// Usage: what tenants are accounted for. Each process counts it and writes one event per tenant and
// minute, billing.usage.incremented; totals are the sum of the events. (What tenants use within the
// last seconds, which nobody is billed for, is in common/telemetry/usage.h.)
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/domain/event.h"

namespace mesh {

// The values are stored: append only.
enum class UsageKind : std::size_t {
  events = 0,            // that were acknowledged as durable: published, or of users' changes
  bytes = 1,             // the bodies they came in
  searches = 2,          // answered, also those that failed
  embedding_tokens = 3,  // paid for at the embedder's server
  chat_tokens = 4,       // paid for at the extractor's server
  stored_users = 5,      // a level: how many there were, counted once an hour
  stored_bytes = 6,      // a level, counted with them: see Stored
  chat_cost = 7,         // what chat_tokens cost, in millionths of the currency of extractor.price
};
inline constexpr std::size_t kUsageKinds = 8;

std::span<const std::string_view> usage_kind_names();  // in the order of UsageKind
std::string_view to_string(UsageKind kind);            // "embedding_tokens"
// A level is not added up: of several the highest counts.
constexpr bool is_level(UsageKind kind) {
  return kind == UsageKind::stored_users || kind == UsageKind::stored_bytes;
}

// So much of each kind.
struct UsageAmounts {
  std::array<std::int64_t, kUsageKinds> of{};

  std::int64_t& operator[](UsageKind kind) { return of[static_cast<std::size_t>(kind)]; }
  std::int64_t operator[](UsageKind kind) const { return of[static_cast<std::size_t>(kind)]; }
  void add(const UsageAmounts& more);  // levels: the higher one
  bool none() const { return *this == UsageAmounts{}; }
  bool operator==(const UsageAmounts&) const = default;
};
Json to_json(const UsageAmounts& amounts);  // every kind by its name

// The data of one billing.usage.incremented. `id` and `time` are the event's.
struct UsageIncrement {
  std::string id;  // the same each time that the increment is written, so that it counts once
  TenantId tenant;
  Timestamp time{};           // when the period was over
  Timestamp period_start{};   // a whole minute in UTC
  std::int64_t seconds = 60;  // longer where the process could not close the period in time
  std::string process;        // who sealed it: of what a killed process left, the next one
  UsageAmounts amounts;
};
// {"tenantId","period_start","period_seconds","process","usage":{kind: amount, …}}; kinds of which
// there is nothing are left out.
Event usage_event(const UsageIncrement& increment);
// `unprocessable` where the data is not as the catalogue's schema says. Kinds that this program
// does not know, of a newer one, are passed over.
Result<UsageIncrement> usage_of(const Event& event);

// Totals are kept by minute, hour and day, in UTC. The values are stored.
enum class UsageGrain { minute = 0, hour = 1, day = 2 };
inline constexpr std::array kUsageGrains{UsageGrain::minute, UsageGrain::hour, UsageGrain::day};
std::string_view to_string(UsageGrain grain);
std::optional<UsageGrain> usage_grain(std::string_view name);
// When the minute, hour or day of a time began.
Timestamp start_of(UsageGrain grain, Timestamp time);
// How long totals of the grain are kept; nothing: for ever.
constexpr std::optional<Duration> kept(UsageGrain grain) {
  if (grain == UsageGrain::minute) return std::chrono::days{2};
  if (grain == UsageGrain::hour) return std::chrono::days{90};
  return std::nullopt;
}

// An increment counts only for so long after its period. The ids of those that were counted are
// kept for longer than that: whatever is still taken is known to be new, or known to be counted.
inline constexpr Duration kUsageTakenFor = std::chrono::days{30};
inline constexpr Duration kUsageIdsKept = std::chrono::days{31};

// What a tenant used in the minute, hour or day that began at `start`.
struct UsageTotal {
  TenantId tenant;
  Timestamp start{};
  UsageAmounts amounts;
  bool operator==(const UsageTotal&) const = default;
};

// What a tenant used of one kind over a time.
struct UsageSum {
  TenantId tenant;
  UsageKind kind{};
  std::int64_t amount = 0;
  bool operator==(const UsageSum&) const = default;
};
// `invalid`: a query of usage has more totals, or sums, than its limit.
Error too_much_usage(int limit);
Error too_many_sums(int limit);

// For engines, whose rows hold an amount of one kind each.
// A kind that this program does not know is nothing.
UsageAmounts usage_of_kind(std::int64_t kind, std::int64_t amount);
// Likewise of a sum; `corrupt` for a tenant that is none, or such a kind.
Result<UsageSum> usage_sum(std::string_view tenant, std::int64_t kind, std::int64_t amount);
// Puts rows together that stand by start, then tenant.
class UsageTotals {
 public:
  explicit UsageTotals(int limit) : limit_(limit) {}
  // So many rows tell whether there are more totals than the limit.
  int most_rows() const { return limit_ * static_cast<int>(kUsageKinds) + 1; }
  // `corrupt` for a tenant that is none.
  Status add(std::string_view tenant, Timestamp start, std::int64_t kind, std::int64_t amount);
  // Once. `invalid` where there are more than the limit.
  Result<std::vector<UsageTotal>> take();

 private:
  const int limit_;
  std::vector<UsageTotal> totals_;
};

}  // namespace mesh
