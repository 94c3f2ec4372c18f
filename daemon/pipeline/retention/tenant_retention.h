// Takes the activity of tenants out of the log once it is older than the tenant's own retention.
//
// The log keeps what it holds by topic, and tenants share topics: so the tenant's records are
// looked for by their keys, from where the last look ended. That holds whatever the retention
// becomes: no record of the tenant is left before it. As log.retention, it takes nothing that a
// group has not committed, and stops at the tenant's first letter of a partition that nobody has
// settled.
//
// What another producer keyed otherwise than by the tenant stays until log.retention takes it.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/periodic.h"
#include "common/ports/event_log.h"
#include "common/ports/lease_store.h"
#include "common/ports/tenant_store.h"
#include "daemon/pipeline/retention/retentions.h"

namespace mesh::pipeline {

struct RetentionDeps {
  EventLog& log;
  LogAdmin& admin;
  TenantStore& tenants;
  LeaseStore& leases;
  Clock& clock;
  std::string process;  // names the holder of the lease
};

// One thread, beside its own.
class TenantRetention {
 public:
  static constexpr const char* kLease = "tenant-retention";
  static constexpr Duration kPeriod{3'600'000};
  // Longer than a period: one process goes on from its places, and none begins anew each hour.
  static constexpr Duration kLeaseTime = 3 * kPeriod;
  // Of one round: a million records. The next one goes on from there.
  static constexpr int kMostReads = 2'000;

  // What is given outlives it.
  explicit TenantRetention(RetentionDeps deps) : deps_(std::move(deps)) {}
  ~TenantRetention() { stop(); }
  // Rounds on a thread of its own; none where the log takes no single record out.
  void start();
  // Waits for the read or the erasure under way. Callable twice and before start.
  void stop();

  // One round, for its thread and for tests. An error is logged; the next round tries again.
  void round();

 private:
  // By tenant: before them nothing is left.
  using Places = std::map<std::string, std::int64_t>;
  struct Range {  // of offsets
    std::int64_t from, to;
    bool is_done() const { return from >= to; }
  };
  using Ranges = std::map<std::string, Range, std::less<>>;  // by tenant

  Status take_all();
  Result<bool> holds_lease();
  Result<Ranges> due_ranges(const TopicPartition& partition, std::int64_t committed,
                            const Retentions& retentions);
  Status take(const TopicPartition& partition, Ranges ranges);

  const RetentionDeps deps_;
  std::atomic<bool> begun_{false};  // from then on calls are of the thread
  std::atomic<bool> stopping_{false};
  std::optional<Lease> lease_;  // this and the following: of the round
  std::map<TopicPartition, Places> places_;
  int reads_left_ = 0;
  std::int64_t taken_ = 0;
  std::unique_ptr<Periodic> rounds_;  // last: it uses all of the above
};

}  // namespace mesh::pipeline
