// The publisher: events of clients into the log. Answers 202 once they are durable.
#pragma once

#include "common/base/clock.h"
#include "common/http/route.h"
#include "common/ports/event_log.h"
#include "common/ports/idempotency_store.h"
#include "common/telemetry/metrics.h"
#include "common/telemetry/spans.h"
#include "common/telemetry/usage.h"
#include "daemon/services/admission.h"
#include "daemon/services/cloudevents.h"
#include "daemon/services/tenant_directory.h"
#include "daemon/services/write_wait.h"

namespace mesh::services {

struct PublishDeps {
  EventLog& log;
  LogAdmin& admin;  // topics of unknown types are made when first used
  IdempotencyStore& idempotency;
  TenantDirectory& tenants;
  Admission& admission;  // the chain takes one unit per request; the rest of a bulk is taken here
  Clock& clock;
  Metrics& metrics;
  Usage& usage;
  WriteWaits& waits;
  TopicSpec new_topic;  // how topics of unknown types are made; its name is replaced
  std::size_t max_event_bytes = 1 << 20;
  Spans* spans = nullptr;  // null: no traces are sent
};

http::RouteTable publish_routes(PublishDeps deps);

}  // namespace mesh::services
