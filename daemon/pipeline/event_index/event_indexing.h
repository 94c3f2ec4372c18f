// Keeps events searchable: a pipeline for each topic that has searchable types, generations of the
// types, and what the log no longer holds taken out.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/ports/lease_store.h"
#include "common/ports/task_store.h"
#include "common/ports/tenant_store.h"
#include "daemon/pipeline/consumer/runtime.h"
#include "daemon/pipeline/event_index/event_documents.h"
#include "daemon/pipeline/tasks/tasks.h"

namespace mesh::pipeline {

// Of an index of events.
struct EventGenerationStatus {
  EventGeneration generation;
  std::string role;  // "serving"; "building" while a task makes it; "previous"
};

// Every few seconds it looks which types are searchable for some tenant. A new one gets a
// generation, which serves at once where nothing of its topic has been read yet, and else is filled
// by a task first, one type after the other; its topic gets a pipeline, "event-index-<entity>". A
// type that nobody searches any more loses its generations, and a topic without types its group,
// which would hold the log's retention. A tenant's new wish for a type that serves others already
// is kept for what comes from then on: older events of it are found after a rebuild, which somebody
// has to ask for. Once a minute what the log no longer holds is taken out (event_sweep.h). Any
// thread.
class EventIndexing {
 public:
  static constexpr Duration kLook{2'000};
  static constexpr std::size_t kMaxTopics = 64;  // a line names the types of further ones

  struct Deps {
    EventIndex& index;
    Embedders& embedders;
    SearchableOf searchable;
    std::function<Result<SearchableTypes>()> types;  // may ask a store
    LeaseStore& leases;
    TenantStore& tenants;
    TaskStore& tasks;
    // Submits a task of kind "rebuild" with this spec.
    std::function<Status(Json spec)> submit;
    std::string process;
    PipelineOptions base;  // without name and topics
    PipelineDeps pipeline;
    // For how long another process may write by what it knew of the generations before.
    Duration settle{0};
  };

  explicit EventIndexing(Deps deps);
  ~EventIndexing();  // stop()
  Status start();
  void stop();  // callable twice and before start
  std::vector<PipelineStatus> statuses();
  std::vector<std::string> fed() const;  // the groups that this process is a member of
  // Of a pipeline that this process runs; `not_found` for another.
  Result<std::shared_ptr<Stage>> stage(const std::string& group);
  Result<std::vector<EventGenerationStatus>> list();

  // What a task of kind "rebuild" of a type asks for: {"type","embedder","dimension","model"}.
  // `not_found` for a type that nobody searches.
  Result<Json> rebuild_spec(const std::string& type, std::string_view engine,
                            std::string_view model);
  // Whether the task is of a type, and this process can make its vectors.
  bool can_rebuild(const Task& task) const;
  // The work of it: a new generation, filled from the log while the pipelines write to it as well,
  // and the flip; older ones than the previous are dropped. Resumable; on cancel or failure the new
  // one is dropped. Result {"type","generation","previous","documents","left_out"},
  // the latter the events that no generation takes, as one whose text the embedder refuses.
  Status rebuild(TaskContext& context);
  // Serves the generation of the type before the serving one again; `conflict` where there is none.
  Result<EventGeneration> rollback(const std::string& type);

  // One look, and one round of taking out: for its thread and for tests.
  Status look();
  Status sweep();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The topic of a type; `invalid` for a type that has none.
Result<std::string> topic_of(std::string_view type);

}  // namespace mesh::pipeline
