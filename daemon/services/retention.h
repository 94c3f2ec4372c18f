// What retention keeps though it is due, and what went unread: for operators.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "common/ports/event_log.h"
#include "common/telemetry/metrics.h"
#include "daemon/services/check.h"

namespace mesh::services {

// Failed once events went unread; a warning while some are kept beyond their retention. Names the
// topics and what holds them.
Check retention_check(LogAdmin& admin);

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
