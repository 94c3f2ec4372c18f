// The consumer runtime: one pipeline = one member of a consumer group, one stage, one thread.
//
// Loop: poll a batch → events whose key has a parked predecessor are parked behind it → the stage →
// done | retry (parked durably with the attempt count, backoff with full jitter) | dead (to the
// dead-letter topic, or after max_attempts) | outage (breaker opens, the same events are tried
// again after its delay; nothing is parked, nothing dies) → commit. Events of one key keep their
// order (records without a key have none); other keys go on.
//
// Tenants get equal shares. Farther than a batch behind the log the pipeline reads on, files what
// it sees by tenant (lanes.h) and takes its batches from all tenants in turn. Where the log reads
// again at little cost only the keys are read ahead, as far as there are lanes for them; elsewhere
// the records wait in a window of bounded bytes (window.h), and shares are equal within that. A
// partition's committed offset is the lowest that is not done; what was done beyond it is done
// again after a restart: effects are idempotent, but an event that died there leaves a second
// letter. A tenant may have as many events parked as it leaves room for others, then it waits and
// the others go on; when max_parked wait or no tenant may go on, the pipeline pauses
// (paused_backlog) until some are through.
//
// Pipelines of one name, in this process or others, share the partitions out. One that loses a
// partition drops what waits or is parked in its memory, and makes nothing durable any more of what
// is under way; whoever gains it loads what is parked and goes on from the committed offset. What
// the one did beyond it the other does again.
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
#include "common/telemetry/spans.h"
#include "common/telemetry/usage.h"
#include "daemon/pipeline/consumer/letter_rule.h"
#include "daemon/pipeline/stages/stage.h"

namespace mesh::pipeline {

struct PipelineOptions {
  std::string name;  // also the consumer group: "user-index-3", "analytics"
  std::vector<std::string> topics;
  int batch = 256;
  BackoffPolicy retry;
  int max_parked = 10'000;
  // The rule for the letters of one batch, made and asked by the pipeline's thread. An event whose
  // letter is for later is parked; once it has had twice the attempts of `retry` this pipeline
  // writes the letter, since two are better than none. Empty: it writes all.
  std::function<LetterRule()> letter_rule = {};
  // Of an outage. Short, since it comes on top of what the engine itself waits for its server.
  CircuitBreaker::Options breaker{1, {Duration{500}, Duration{2'000}, 0}};
  std::string member = {};  // the process, among the members of the group
  // A batch is of as many events as the stage is likely to take this long for, and of one at least:
  // well below the log's session, within which a member has to poll again.
  Duration longest_batch{60'000};
  // Nobody knows of a new stage what an event takes. A whole batch of slow ones could outlast the
  // session, and whoever gained the partitions then would begin alike: so the first is of few.
  int first_batch = 8;
  // How long after its effects a batch is committed, and an event that was parked leaves the store:
  // what the stage's engine may lose in a power cut of its server is read again. Whoever waits for
  // the commit waits as long.
  Duration commit_delay{0};
  // At least 1: how much memory records may take that were read ahead of their turn, where the log
  // reads them again at a price. What stands behind a longer flood, in whatever partition, waits.
  std::size_t window_bytes = 64 << 20;
};

struct PipelineStatus {
  std::string name;
  // failed: the log is damaged where the group stands; it goes on when the group is moved past it.
  enum class State { running, paused_outage, paused_backlog, stopped, failed };
  State state = State::stopped;
  std::int64_t lag_events = 0;  // not yet processed, wherever they stand; without parked ones
  double lag_seconds = 0;       // age of the oldest event not yet processed, parked ones included
  std::int64_t parked = 0;
  std::string last_error;  // empty once what failed is through
};
std::string_view to_string(PipelineStatus::State state);
// For operators: "paused: engine outage".
std::string_view state_text(PipelineStatus::State state);

struct PipelineDeps {
  EventLog& log;
  LogAdmin& admin;
  RetryStore& retries;
  Clock& clock;
  Metrics& metrics;
  Usage* usage = nullptr;  // counts what is done for each tenant; null: nobody asks
  Spans* spans = nullptr;  // null: no traces are sent
};

class Pipeline {
 public:
  Pipeline(PipelineOptions options, Stage& stage, PipelineDeps deps);
  ~Pipeline();  // stop()
  Status start();
  // Finishes the batch, commits, leaves the group. Callable twice and before start.
  void stop();
  PipelineStatus status() const;
  // Where the group would go on from if it stopped now, of the partitions that it has.
  std::map<TopicPartition, std::int64_t> committed() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mesh::pipeline
