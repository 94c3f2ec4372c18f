// What retention keeps though it is due, and what went unread: for operators.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "common/ports/event_log.h"
#include "common/telemetry/metrics.h"
#include "daemon/services/check.h"
#include "daemon/services/tenant_directory.h"

namespace mesh::services {

// Failed once events went unread; a warning while some are kept beyond their retention. Names the
// topics and what holds them.
Check retention_check(LogAdmin& admin);

// Of a log that takes no single record out (LogAdmin::erases_records): a warning that says how many
// tenants' records have a retention of their own, which it does not obey, and what to do. Nothing
// of any other log. Does not block.
std::optional<Check> tenants_retention_check(const LogAdmin& admin,
                                             const TenantDirectory& directory);

// The metrics of it, by topic of the catalogue; all others as `other`. One thread at a time.
class RetentionMetrics {
 public:
  explicit RetentionMetrics(Metrics& metrics) : metrics_(metrics) {}
  void collect(LogAdmin& admin);

 private:
  Metrics& metrics_;
  std::map<std::string, std::uint64_t> counted_;  // by label
};

}  // namespace mesh::services
