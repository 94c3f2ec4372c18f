// What both projections have in common: events of a subject (a user, a researcher) under a label
// (the event type, the molecule), kept once per event source and id and counted
// per label.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/engines/sqlite/core/committer.h"
#include "common/engines/sqlite/core/database.h"
#include "common/engines/sqlite/core/reader_pool.h"
#include "common/ports/projection_store.h"

namespace mesh::sqlite {

struct ActivityRow {
  std::string id;
  std::string source;
  TenantId tenant;
  std::string subject;
  std::string label;
  std::string timestamp;
  Timestamp processed_at{};
  Timestamp time{};
  std::string data;        // JSON text
  std::string properties;  // JSON text or empty
};

// The id of an event as it was, from the form in the column event_id.
std::string unpack_id(std::string_view packed);

// Of projection_offsets: the kinds of ActivityTable, and that of usage.
inline constexpr int kUsageOffsets = 2;
// Within the transaction of the effects.
Status move_offsets(Database& db, int kind, const Through& through);

struct ActivityOverview {
  std::int64_t total = 0;
  std::vector<std::pair<std::string, std::int64_t>> labels;  // by name, with their counts
  std::vector<ActivityRow> recent;                           // newest first, at most 10
};

class ActivityTable {
 public:
  enum class Kind { analytics = 0, chemical = 1 };  // stored
  ActivityTable(Kind kind, Committer& committer, ReaderPool& readers)
      : kind_(static_cast<int>(kind)), committer_(committer), readers_(readers) {}

  // Blocks until durable.
  Status record(std::span<const ActivityRow> rows, const Through& through);
  // Both: `not_found` for a subject without events.
  Result<ActivityOverview> overview(const TenantId& tenant, std::string_view subject);
  Result<std::vector<ActivityRow>> recent(const TenantId& tenant, std::string_view subject,
                                          int limit);  // at least 1
  Result<std::optional<Timestamp>> recorded(const TenantId& tenant, std::string_view source,
                                            std::string_view event_id);

 private:
  Status insert(Database& db, std::span<const ActivityRow> rows);
  Result<std::int64_t> subject_number(Database& db, std::int64_t tenant, const std::string& name);
  Result<std::vector<ActivityRow>> newest(Database& db, const TenantId& tenant,
                                          std::string_view subject, int limit);

  const int kind_;
  Committer& committer_;
  ReaderPool& readers_;
};

}  // namespace mesh::sqlite
