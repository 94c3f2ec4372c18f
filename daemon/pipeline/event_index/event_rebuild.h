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
std::optional<GenerationSpec> rebuilt_spec(const Task& task);

struct EventRebuildDeps {
  EventIndex& index;
  Embedders& embedders;
  SearchableOf searchable;
  EventLog& log;
  LogAdmin& admin;
  Duration settle;  // see EventIndexing
};

// See EventIndexing::rebuild. The end of the log is looked at `settle` after the generation is
// made: from then on every pipeline writes to it as well, so what it misses lies before. What the
// serving generation has is written to it once more, as each event goes to all of its type.
Status rebuild_events(TaskContext& context, const EventRebuildDeps& deps);

}  // namespace mesh::pipeline
