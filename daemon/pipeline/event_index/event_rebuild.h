// The work of a task of kind "rebuild" that names a type of events.
#pragma once

#include <optional>
#include <string>

#include "daemon/pipeline/event_index/event_documents.h"
#include "daemon/pipeline/tasks/tasks.h"

namespace mesh::pipeline {

// {"type","embedder","dimension","model"}
Json rebuild_task(const std::string& type, const GenerationSpec& spec);
// Nothing where the task names no type.
std::optional<GenerationSpec> event_rebuild_spec(const Task& task);

// Rises with each read of the log, once nothing of that is held any more.
std::int64_t event_rebuild_steps(const Task& task);

struct EventRebuildDeps {
  EventIndex& index;
  Embedders& embedders;
  SearchableOf searchable;
  EventLog& log;
  LogAdmin& admin;
  Duration settle;       // see EventIndexing
  int max_attempts = 8;  // with an event that fails, outages left out; then it is left out
};

// See EventIndexing::rebuild. Filled up to the log's end of `settle` after the generation is made:
// from then on every pipeline writes to it, too. One whose embedder this process cannot have is
// dropped first; where that is the serving one, the new one serves while it is filled.
Status rebuild_events(TaskContext& context, const EventRebuildDeps& deps);

}  // namespace mesh::pipeline
