// The EKS stack of terraform/, by the terraform program, on a copy of the files in the place.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "cli/commands/deploy/plan.h"
#include "cli/commands/deploy/steps.h"

namespace mesh::cli::deploy {

// Its providers and the state's place; the first call of a run.
Status init_stack(Session& session, const Workplace& place, const Deployment& deployment,
                  const Step& step);

// The addresses of what a run that was cut off had begun to make.
Result<std::vector<std::string>> stack_begun(const Workplace& place);
// Takes it away. terraform makes it anew by itself, but where a resource has to be there before its
// predecessor goes, both would have the same name.
Status remove_begun(Session& session, const Workplace& place, const Deployment& deployment,
                    const std::vector<std::string>& begun, const std::string& lock_timeout,
                    const Step& step);

// Removes the place's stack.plan at its end: that holds secrets, and is of no use a second time.
class PlanFile {
 public:
  explicit PlanFile(const Workplace& place) : path_(place.file("stack.plan")) {}
  ~PlanFile();
  PlanFile(const PlanFile&) = delete;
  PlanFile& operator=(const PlanFile&) = delete;

 private:
  const std::string path_;
};

// What an apply would change; nothing where it would change nothing. The plan itself is in the
// place's stack.plan.
Result<std::optional<StackPlan>> plan_stack(Session& session, const Workplace& place,
                                            const Deployment& deployment,
                                            const std::string& lock_timeout, const Step& step);
// Applies stack.plan. Ctrl-C lets terraform end what it has begun, save its state and let go of the
// lock.
Status apply_stack(Session& session, const Workplace& place, const Deployment& deployment,
                   const StackPlan& plan, const std::string& lock_timeout, Step& step);

// {"name","value"} each; secrets are none of them.
Result<Json> stack_outputs(const Session& session, const Workplace& place,
                           const Deployment& deployment);
// The value of one; null where there is none.
Json output_of(const Json& outputs, const std::string& name);

// Says what a destroy would take; changes nothing in the place.
Status tell_stack_goes(Session& session, const Workplace& place, const Deployment& deployment);
Status destroy_stack(Session& session, const Workplace& place, const Deployment& deployment,
                     const std::string& lock_timeout, Step& step);

// The backend of the state, as a file of terraform's: in the place, or in the bucket.
Json backend_of(const Deployment& deployment, const std::string& local_path);

}  // namespace mesh::cli::deploy
