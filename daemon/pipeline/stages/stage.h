// A stage: one step that takes a batch of events and answers for each.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/domain/event.h"
#include "common/ports/projection_store.h"
#include "common/telemetry/trace_context.h"
#include "daemon/pipeline/stages/batch_cost.h"

namespace mesh::pipeline {

struct StageInput {
  Event event;
  Position position;
  std::optional<TraceContext> span = {};  // of this attempt; nothing where no traces are sent
};

struct StageResult {
  enum class Outcome {
    done,    // the effect is durable
    retry,   // failed this time; counts as an attempt
    dead,    // can never succeed
    outage,  // the engine behind the stage is down: does not count; the pipeline pauses
  };
  Outcome outcome = Outcome::done;
  std::string cause_class;  // "schema", "engine", "timeout", …: a small set
  std::string cause;        // for operators
};

// One thread at a time per pipeline; replays call the same stage from their own thread, so
// implementations are thread-safe. Effects are idempotent and finish before process returns.
class Stage {
 public:
  virtual ~Stage() = default;
  // One result per input, in order. `through`: the offsets the group will commit if all inputs are
  // done; stages that keep it write it in the transaction of their effects. Empty on replays and
  // retries. Events of one key stand in log order; after one of them is answered retry or outage
  // the stage leaves the later ones alone, and whatever it answers for them is not looked at: they
  // come again behind it.
  virtual std::vector<StageResult> process(std::span<const StageInput> batch,
                                           const Through& through) = 0;

  // What calls of process took: whoever makes one that goes through notes it, and estimates ask.
  BatchCost& cost() { return cost_; }

 private:
  BatchCost cost_;
};

}  // namespace mesh::pipeline
