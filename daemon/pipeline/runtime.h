// The consumer runtime: one pipeline = one consumer group, one stage, one thread.
//
// Loop: poll a batch → events whose key has a parked predecessor are parked behind it → the stage →
// done | retry (parked durably with the attempt count, backoff with full jitter) | dead (to the
// dead-letter topic, or after max_attempts) | outage (breaker opens, the same events are tried
// again after its delay; nothing is parked, nothing dies) → commit. Events of one key keep their
// order (records without a key have none); other keys go on. When max_parked events wait, the pipeline pauses until some are through.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/backoff.h"
#include "common/base/circuit_breaker.h"
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
  // Asked when events died, from the pipeline's thread: false where another pipeline of the same
  // events writes their letters. Empty: always.
  std::function<bool()> writes_letters = {};
  CircuitBreaker::Options breaker{1, {Duration{500}, Duration{30'000}, 0}};  // of an outage
};

struct PipelineStatus {
  std::string name;
  // failed: the log is damaged where the group stands; it goes on when the group is moved past it.
  enum class State { running, paused_outage, paused_backlog, stopped, failed };
  State state = State::stopped;
  std::int64_t lag_events = 0;
  double lag_seconds = 0;  // age of the oldest event not yet processed, parked ones included
  std::int64_t parked = 0;
  std::string last_error;  // empty once what failed is through
};
std::string_view to_string(PipelineStatus::State state);

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

  enum class Where {
    ahead,   // not yet reached
    parked,  // waits for another attempt
    past,    // done or dead
  };
  Where where(const Position& position) const;
  // Waits until the pipeline is past `position`; false after `timeout` or stop().
  bool wait_past(const Position& position, Duration timeout) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mesh::pipeline
