// The work of a task of kind "rebuild".
#pragma once

#include <functional>

#include "daemon/pipeline/generations/keeper.h"
#include "daemon/pipeline/tasks/tasks.h"

namespace mesh::pipeline {

struct RebuildDeps {
  Keeper::Deps keeper;
  EventLog& log;
  GenerationSpec spec;  // of the new one
  // Of all, the number of a shadow that this task made and did not come to note; 0: none.
  std::function<Result<int>(const std::vector<GenerationInfo>&)> own_shadow;
  // Feeds what is to be fed in this process now, rather than at the next look.
  std::function<Status()> reconcile;
  // Why the pipeline of that generation stands still for good in this process, if it does.
  std::function<std::optional<std::string>(int)> failure;
};

// What the spec of such a task asks for; what it does not say is as in `configured`.
GenerationSpec rebuilt_spec(const Json& spec, const GenerationSpec& configured);
// `conflict` where there is a shadow: one at a time is fed beside what serves.
Status no_shadow(const std::vector<GenerationInfo>& all);

// See Generations::rebuild.
Status rebuild(TaskContext& context, const RebuildDeps& deps);

}  // namespace mesh::pipeline
