// Replay: a pipeline's stage over a range of the log.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/ports/event_log.h"
#include "daemon/pipeline/replay/replay_spec.h"
#include "daemon/pipeline/stages/stage.h"
#include "daemon/pipeline/tasks/tasks.h"

namespace mesh::pipeline {

struct ReplayEstimate {
  std::int64_t scanned = 0;   // records in the range
  std::int64_t matching = 0;  // of the tenant and type
  std::map<std::string, std::int64_t> by_type;
  std::map<std::string, std::int64_t> by_tenant;  // the 20 largest
  double seconds = 0;  // reading took so long, and the stage's batches cost so much of late
  Timestamp first{}, last{};
};
Json to_json(const ReplayEstimate& estimate);

// What replays need of the pipelines: the stage by name, "user-index" being the serving one. An
// error where this process does not have it; only run() needs it, the others are asked anywhere.
using StageByName = std::function<Result<std::shared_ptr<Stage>>(const std::string& pipeline)>;

// A replay whose bounds have become offsets: what a task of kind "replay" is submitted with.
struct FixedReplay {
  Json spec;               // the spec's members, and "ranges":[{"partition","from","to"}]
  std::int64_t total = 0;  // offsets in the ranges
};

// Any thread.
class Replayer {
 public:
  Replayer(EventLog& log, LogAdmin& admin, Clock& clock, StageByName stages);
  // Resolves the bounds; `not_found` for an unknown topic, partition or pipeline, `unprocessable`
  // with a pointer for a bound that is none, or bounds that are reversed in all partitions.
  Result<FixedReplay> fix(const ReplaySpec& spec);
  // Reads the range and counts; nothing is changed. Blocks.
  Result<ReplayEstimate> estimate(const ReplaySpec& spec);
  // The work of a task of kind "replay", submitted with fix()'s spec: result {"done","dead",
  // "skipped","dead_events":[…]}. Dead outcomes write no dead letters; the first 20 are listed.
  Status run(TaskContext& context);

 private:
  double seconds(const std::string& pipeline, std::int64_t batches, std::int64_t events);

  EventLog& log_;
  LogAdmin& admin_;
  Clock& clock_;
  const StageByName stages_;
};

}  // namespace mesh::pipeline
