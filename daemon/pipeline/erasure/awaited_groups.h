// Which of the mesh's own groups and tasks would still write of events that the log has now.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "common/ports/event_log.h"
#include "common/ports/task_store.h"

namespace mesh::pipeline {

// The ends of all topics that a pipeline reads.
Result<Offsets> pipeline_ends(EventLog& log, LogAdmin& admin);

struct GroupsBehind {
  std::map<std::string, std::int64_t> active;  // what each has committed in all
  std::set<std::string> absent;                // those that have no member
};
// The pipelines' groups that have not committed a record that stands before `to`. Behind gaps
// nobody commits, so they count as committed.
Result<GroupsBehind> groups_behind(EventLog& log, LogAdmin& admin, const Offsets& to);

// Rebuilds of indexes of events that run, by id, with their event_rebuild_steps. Between two steps
// one holds events in memory, and writes them.
Result<std::map<std::string, std::int64_t>> event_rebuilds(TaskStore& tasks);

}  // namespace mesh::pipeline
