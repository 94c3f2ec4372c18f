// Generations of the user index: each has a pipeline and a consumer group of its own, so that the
// one being built and the one kept for rollback follow the log like the serving one.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/ports/embedder.h"
#include "common/ports/vector_index.h"
#include "daemon/pipeline/runtime.h"
#include "daemon/pipeline/tasks.h"

namespace mesh::pipeline {

struct GenerationStatus {
  GenerationInfo info;
  PipelineStatus pipeline;
  std::string role;  // "serving", "building", "previous"
};

struct VerifyReport {
  std::int64_t expected = 0, found = 0, missing = 0, extra = 0, stale = 0;
  std::vector<std::string> examples;  // at most 20: "acme/7 missing"
};
Json to_json(const VerifyReport& report);

class Generations {
 public:
  Generations(VectorIndex& index, Embedder& embedder, PipelineOptions base, PipelineDeps deps);
  ~Generations();
  // Opens a pipeline per generation; makes and serves generation 1 where there is none.
  Status start();
  void stop();  // callable twice and before start
  Result<std::vector<GenerationStatus>> list();
  Result<Stage*> serving_stage();
  // The work of a task of kind "rebuild": new generation, its pipeline from the log's start, flip
  // when it has caught up with what the log held at the flip; older than the previous one are
  // dropped. Resumable; on cancel the new generation is dropped.
  Status rebuild(TaskContext& context);
  // Serves the kept previous generation again; `conflict` where there is none.
  Result<GenerationInfo> rollback();
  // Compares the serving generation with the last state of each user in the log.
  Result<VerifyReport> verify();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mesh::pipeline
