// Waits for writes, and tasks, over engines in memory: what routes of operators are given.
#pragma once

#include "common/base/clock.h"
#include "common/telemetry/metrics.h"
#include "daemon/pipeline/tasks/tasks.h"
#include "daemon/services/write_wait.h"
#include "tests/support/fake_engines.h"
#include "tests/support/fake_event_log.h"
#include "tests/support/fake_outbox.h"
#include "tests/support/fake_stores.h"

namespace mesh::test {

struct WaitsOverFakes {
  explicit WaitsOverFakes(Clock& c) : clock(c) {}

  Clock& clock;
  Metrics metrics;
  FakeEventLog log{clock};
  FakeLeaseStore leases{clock};
  FakeOutbox outbox{leases, clock};
  FakeRetryStore retries;
  FakeVectorIndex index;
  pipeline::Progress progress{{outbox, log, log, retries, index}, clock};
  services::LongPolls polls{clock, metrics, 10};
  FakeTaskStore tasks{clock};
  pipeline::TaskRunner runner{tasks, log, "one", clock, metrics};
  services::WriteWaits waits{progress, polls, clock, Duration{25'000}, "a key"};
};

}  // namespace mesh::test
