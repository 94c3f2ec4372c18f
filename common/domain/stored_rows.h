// All that stores of record keep, as rows that each engine can read and write: for moving from one
// to another. What a process holds for a while (leases, members, claims) is not part of it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/error.h"
#include "common/domain/activity.h"

namespace mesh {

// Null, an integer, or bytes. Times are milliseconds since 1970, flags 0 or 1, headers of records
// as encode_headers writes them, JSON as its text.
using Cell = std::variant<std::monostate, std::int64_t, std::string>;
using StoredRow = std::vector<Cell>;

struct StoredColumn {
  enum Type { integer, text, bytes, maybe_text, maybe_bytes };  // maybe: or null
  std::string_view name;
  Type type;
};

// Rows come in the order of their keys, the first `keys` columns.
struct StoredTable {
  std::string_view name;
  std::vector<StoredColumn> columns;
  std::size_t keys;
  StoredRow before_first;  // keys before those of every row

  // The place of a column; nothing where the table has none of that name.
  std::optional<std::size_t> find(std::string_view column) const;
};

namespace stored {
inline constexpr std::string_view kTenants = "tenants";
inline constexpr std::string_view kUsers = "users";
inline constexpr std::string_view kIdempotency = "idempotency";
inline constexpr std::string_view kTasks = "tasks";
inline constexpr std::string_view kOutbox = "outbox";
// Its `position` is the order of recording, which each store numbers by itself. Counts follow from
// the rows.
inline constexpr std::string_view kActivity = "activity";
inline constexpr std::string_view kUsage = "usage";
inline constexpr std::string_view kUsageIds = "usage_ids";
inline constexpr std::string_view kKeys = "tenant_keys";  // wrapped, as TenantKey has them
inline constexpr std::string_view kOffsets = "offsets";   // of the projections
inline constexpr std::string_view kRetries = "retries";
}  // namespace stored

// In an order in which they can be written. Static storage.
std::span<const StoredTable> stored_tables();
const StoredTable& stored_table(std::string_view name);  // one of those above

inline std::int64_t integer(const Cell& cell) { return std::get<std::int64_t>(cell); }
inline const std::string& text(const Cell& cell) { return std::get<std::string>(cell); }

// Rows of kActivity as events, for AnalyticsStore and ChemicalStore to record.
struct StoredActivity {
  std::vector<AnalyticsEvent> analytics;
  std::vector<ChemicalEvent> chemical;
};
// `corrupt` for a tenant that is none.
Result<StoredActivity> activity_of(std::span<const StoredRow> rows);

}  // namespace mesh
