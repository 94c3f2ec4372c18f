// Takes out of the index of events what the log no longer holds, and what is beyond a tenant's own
// retention.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "common/base/clock.h"
#include "common/base/periodic.h"
#include "common/ports/event_index.h"
#include "common/ports/event_log.h"
#include "common/ports/lease_store.h"
#include "common/ports/tenant_store.h"

namespace mesh::pipeline {

struct EventSweepDeps {
  EventIndex& index;
  LogAdmin& admin;
  TenantStore& tenants;
  LeaseStore& leases;
  Clock& clock;
  std::string process;  // names the holder of the lease
};

// Of several processes the lease "event-index" lets one do so. One thread, beside its own.
class EventSweep {
 public:
  static constexpr Duration kPeriod{60'000};
  static constexpr Duration kLeaseTime = 3 * kPeriod;

  // What is given outlives it.
  explicit EventSweep(EventSweepDeps deps) : deps_(std::move(deps)) {}
  ~EventSweep() { stop(); }
  // Rounds on a thread of its own, the first one a period later.
  void start();
  // Waits for the partition or the tenant under way. Callable twice and before start.
  void stop();
  // One round, for its thread and for tests. A tenant or a partition that fails does not hold up
  // the others; the first error.
  Status round();

 private:
  Result<bool> holds_lease();
  Status below_log();
  Status beyond_retentions();

  const EventSweepDeps deps_;
  std::optional<Lease> lease_;
  std::atomic<bool> begun_{false}, stopping_{false};
  std::unique_ptr<Periodic> rounds_;  // last: it uses all of the above
};

}  // namespace mesh::pipeline
