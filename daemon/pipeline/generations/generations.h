// Generations of the user index: each has a pipeline and a consumer group of its own, so that the
// one being built and the one kept for rollback follow the log like the serving one.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/ports/embedders.h"
#include "common/ports/lease_store.h"
#include "common/ports/read_cache.h"
#include "common/ports/task_store.h"
#include "common/ports/vector_index.h"
#include "daemon/pipeline/consumer/runtime.h"
#include "daemon/pipeline/generations/serving_embedder.h"
#include "daemon/pipeline/tasks/tasks.h"

namespace mesh::pipeline {

struct GenerationStatus {
  GenerationInfo info;
  PipelineStatus pipeline;
  std::string role;  // "serving", "building", "shadow", "previous"
  // Whether it is to be fed by this process. One whose embedder it cannot have is not: that its
  // pipeline is stopped is no fault, and stays so until a rebuild drops it.
  bool follows = true;
  bool filling = false;  // serves, but is not yet through what the log held at the start
};

// One whose embedder this process cannot have.
struct ForeignGeneration {
  GenerationInfo info;
  std::string why;
};

// What a rebuild is asked for.
struct RebuildRequest {
  std::string engine = {};  // Embedders::spec_of
  std::string model = {};
  bool shadow = false;  // it is built and not served
};

struct VerifyReport {
  // Of users, that the log holds: without any there is nothing to compare with, and what is `extra`
  // says nothing against the index.
  std::int64_t log_events = 0;
  std::int64_t expected = 0, found = 0, missing = 0, extra = 0, stale = 0;
  std::vector<std::string> examples;  // at most 20: "acme/7 missing"
};
Json to_json(const VerifyReport& report);

// Generations may come and go by the hand of other processes, and several may feed one: each looks
// every few seconds at what the index holds, and feeds each with the embedder that it was made
// with, where it can have that. What only one may
// do is done under a lease (keeper.h), and who is how far is read from the log and the store, never
// from a pipeline of this process.
//
// The group of generation n is "<base.name>-<n>". Any thread.
class Generations {
 public:
  struct Deps {
    VectorIndex& index;
    Embedders& embedders;
    LeaseStore& leases;
    TaskStore& tasks;
    std::string process;  // this one, among those that share the stores
    PipelineOptions base;
    PipelineDeps pipeline;
    ReadCache* searches = nullptr;       // where answers to searches are kept, if anywhere
    ServingEmbedder* serving = nullptr;  // told at each look; null: nobody searches here
  };
  explicit Generations(Deps deps);
  ~Generations();
  // Opens a pipeline per generation; makes and serves one of the configured embedder where none is
  // served. One that is served stays so, whatever it was made with: see foreign(). Where a
  // server is away for now, it does so as soon as that is back.
  Status start();
  void stop();  // callable twice and before start
  // This and the following need no start, where other processes feed what the index holds.
  Result<std::vector<GenerationStatus>> list();
  // Lives on while a replay holds it, also where the generation is dropped meanwhile.
  Result<std::shared_ptr<Stage>> serving_stage();
  std::vector<std::string> fed() const;  // the groups that this process is a member of
  // How many events the serving generation has to go until it is through what the log held at the
  // start, as after the loss of the index; nothing once it is.
  std::optional<std::int64_t> filling();
  // The serving generation where this process cannot have the embedder that it was made with:
  // searches are refused here until a rebuild has made another one.
  std::optional<ForeignGeneration> foreign();
  // The serving generation where its embedder is not the configured one, and can be had.
  std::optional<GenerationInfo> unconfigured();
  // Whether that one is to be replaced without being asked for: where nobody has its embedder, and
  // no rebuild that this process can do is under way. Else a single process of another
  // configuration would undo, for all, what an operator chose to serve.
  Result<bool> is_lost(const ForeignGeneration& foreign);
  // Whether some process is to do a rebuild that this one can do, or is at it.
  Result<bool> rebuild_is_asked_for();
  // What a task of kind "rebuild" asks for: {"embedder","dimension"}, with "model" where there is
  // one and "shadow" where that is wanted. Errors of Embedders::spec_of; `conflict` for a second
  // shadow.
  Result<Json> rebuild_spec(const RebuildRequest& request = {});
  // Whether this process can have the embedder that the task asks for; without a word of it that
  // is the configured one.
  bool can_rebuild(const Task& task) const;
  // The work of a task of kind "rebuild": a new generation, filled from the log's start, and the
  // flip, unless it is to be a shadow, once it is through what the log held and has done what the
  // serving one has, and no event of it waits for another attempt (both go on following the log, so
  // steady writes do not hold it up); older ones than the previous are dropped, but shadows.
  // Resumable, also by another process; on cancel or failure, also where the log is damaged, the
  // new generation is dropped. Result
  // {"generation","previous"}.
  Status rebuild(TaskContext& context);
  // Serves the kept previous generation again; `conflict` where there is none, where this process
  // cannot have its embedder, where it is behind the log, or while a rebuild is under way.
  Result<GenerationInfo> rollback();
  // The same with that one, as a shadow; the one that served is then what a rollback goes back to,
  // and older ones are dropped, but shadows. `not_found` where there is none.
  Result<GenerationInfo> serve(int number);
  // Drops one that does not serve, with its group; `conflict` for one that is being built.
  Status drop(int number);
  // Compares the serving generation with the last state of each user in the log, after waiting a
  // while for its group to come to the end. Users that change meanwhile are left out. Blocks; holds
  // id and version of every user in memory (about 150 bytes each).
  Result<VerifyReport> verify();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mesh::pipeline
