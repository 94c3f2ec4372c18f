// Which task is the next. Pure: every store of tasks decides by it.
#pragma once

#include <set>
#include <span>
#include <string>
#include <vector>

#include "common/domain/task.h"

namespace mesh {

// A task that has not ended, as far as its turn goes.
struct TaskInLine {
  std::string id, kind;
  std::string tenant, target;  // tenant_of, target_of
  Timestamp created_at{};
  bool held = false;        // somebody does it
  Timestamp reported_at{};  // as of reported_at
};
TaskInLine in_line(const Task& task, bool held);

struct WantedTask {
  std::vector<std::string> kinds;
  std::set<std::string> except = {};  // ids
  // So many of one tenant's are held at once, at most; 0: any number. Those of no tenant are not
  // bounded by it.
  int per_tenant = 0;
  std::string only = {};  // no other than this id; empty: any
  // Of those that clients do only such as reported last before.
  Timestamp reported_before = Timestamp::max();
};

// The oldest of those wanted that nobody holds, where its tenant may have one more held and none is
// held that has the same target; null where there is none.
const TaskInLine* next_in_line(std::span<const TaskInLine> line, const WantedTask& wanted);

}  // namespace mesh
