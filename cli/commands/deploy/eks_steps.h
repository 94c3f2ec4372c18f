// The steps of `mesh deploy eks`.
#pragma once

#include "cli/commands/deploy/options.h"
#include "cli/commands/deploy/plan.h"

namespace mesh::cli::deploy {

struct EksArgs : FillArgs {
  std::string name = "distributedai-eks", region = "eu-central-1";
  std::string state_bucket, lock_timeout, plan_out, database_ca;
  std::vector<std::string> variables, variable_files;
};

// What a run works with; all of it outlives the steps.
struct EksRun {
  Session& session;
  const EksArgs& args;
  const Workplace& place;
  const Draft& draft;
  Deployment& deployment;
  std::string source;
  SecretValues secrets;
};

// Who one is in AWS, once all is here that the steps need; one error names all that is missing.
Result<std::string> check_tools(const EksRun& run, bool needs_image);
// Says at once which variables no stack can give; with --dry-run as a note.
Status check_settings(const EksRun& run);

// What was agreed to.
struct AgreedStack {
  std::optional<StackPlan> plan;   // nothing: the stack is as it should be
  std::vector<std::string> begun;  // half made by a run that was cut off; goes first
};
// Plans in the draft, shows the plan and its costs, asks; with --dry-run, the first two alone.
Result<AgreedStack> agree_on_stack(const EksRun& run, const std::string& who);
// In the place, once the draft was adopted.
Status build_stack(const EksRun& run, const AgreedStack& agreed, Step& step);
// All that comes behind the stack.
Outcome fill_from_stack(const EksRun& run, Steps& steps);

}  // namespace mesh::cli::deploy
