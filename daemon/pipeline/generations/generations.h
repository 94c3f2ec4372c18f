// Generations of the user index: each has a pipeline and a consumer group of its own, so that the
// one being built and the one kept for rollback follow the log like the serving one.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/ports/embedder.h"
#include "common/ports/vector_index.h"
#include "daemon/pipeline/consumer/runtime.h"
#include "daemon/pipeline/tasks/tasks.h"

namespace mesh::pipeline {

struct GenerationStatus {
  GenerationInfo info;
  PipelineStatus pipeline;
  std::string role;  // "serving", "building", "previous"
  // Whether it is to be fed. One of another embedder is not: that its pipeline is stopped is no
  // fault, and stays so until a rebuild drops it.
  bool follows = true;
  bool filling = false;  // serves, but is not yet through what the log held at the start
};
// {"name","number","role","dimension","embedder","vectors","tenants","bytes","pipeline":{"state",
// "lag_events","lag_seconds","parked","last_error"}}
Json to_json(const GenerationStatus& status);

struct VerifyReport {
  std::int64_t expected = 0, found = 0, missing = 0, extra = 0, stale = 0;
  std::vector<std::string> examples;  // at most 20: "acme/7 missing"
};
Json to_json(const VerifyReport& report);

// The group of generation n is "<base.name>-<n>". Any thread.
class Generations {
 public:
  Generations(VectorIndex& index, Embedder& embedder, PipelineOptions base, PipelineDeps deps);
  ~Generations();
  // Opens a pipeline per generation; makes and serves generation 1 where there is none. Where the
  // serving one was made with another embedder or dimension, queries cannot be compared with its
  // vectors: the newest of this embedder, or a new one, is served at once and fills from the log.
  Status start();
  void stop();  // callable twice and before start
  Result<std::vector<GenerationStatus>> list();
  Result<Stage*> serving_stage();
  // How many events the serving generation has to go until it is through what the log held at the
  // start, as after the loss of the index; nothing once it is.
  std::optional<std::int64_t> filling();
  // The work of a task of kind "rebuild": new generation, its pipeline from the log's start, flip
  // when it is at or past the serving one in every partition and no event of it waits for another
  // attempt (both go on following the log, so steady writes do not hold it up); older than the
  // previous one are dropped. Resumable; on cancel or failure, also where the log is damaged, the
  // new generation is dropped. Result {"generation","previous"}.
  Status rebuild(TaskContext& context);
  // Serves the kept previous generation again; `conflict` where there is none, where it was made
  // with another embedder, or where it is behind the log.
  Result<GenerationInfo> rollback();
  // Compares the serving generation with the last state of each user in the log, after waiting a
  // while for its pipeline to come to the end. Users that change meanwhile are left out. Blocks;
  // holds id and version of every user in memory (about 150 bytes each).
  Result<VerifyReport> verify();
  // The work of a task of kind "verify": the report is its result.
  Status verify(TaskContext& context);
  // Where the serving pipeline is with an event of user.events; false after `timeout`.
  bool wait_searchable(const Position& position, Duration timeout);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mesh::pipeline
