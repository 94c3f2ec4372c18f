// The consumer runtime: one pipeline = one consumer group, one stage, one thread.
//
// Loop: poll a batch → events whose key has a parked predecessor are parked behind it → the stage →
// done | retry (parked durably with the attempt count, backoff with full jitter) | dead (to the
// dead-letter topic, or after max_attempts) | outage (breaker opens, the same events are tried
// again after its delay; nothing is parked, nothing dies) → commit. Events of one key keep their
// order; other keys go on. When max_parked events wait, the pipeline pauses until some are through.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/backoff.h"
#include "common/base/clock.h"
#include "common/ports/event_log.h"
#include "common/ports/retry_store.h"
#include "common/telemetry/metrics.h"
#include "daemon/pipeline/stage.h"

namespace mesh::pipeline {

struct PipelineOptions {
  std::string name;                 // also the consumer group: "user-index-3", "analytics"
  std::vector<std::string> topics;
  int batch = 256;
  BackoffPolicy retry;
  int max_parked = 10'000;
};

struct PipelineStatus {
  std::string name;
  enum class State { running, paused_outage, paused_backlog, stopped, failed } state;
  std::int64_t lag_events = 0;
  double lag_seconds = 0;  // age of the oldest event not yet processed
  std::int64_t parked = 0;
  std::string last_error;
};

struct PipelineDeps {
  EventLog& log;
  LogAdmin& admin;
  RetryStore& retries;
  Clock& clock;
  Metrics& metrics;
};

class Pipeline {
 public:
  Pipeline(PipelineOptions options, Stage& stage, PipelineDeps deps);
  ~Pipeline();  // stop()
  Status start();
  // Finishes the batch, commits, closes. Callable twice and before start.
  void stop();
  PipelineStatus status() const;
  // Positions the group would go on from if it stopped now (committed).
  std::map<TopicPartition, std::int64_t> committed() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mesh::pipeline
