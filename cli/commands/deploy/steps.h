// The steps of one deployment: each has a log, and a run that was cut off goes on where it stopped.
//
//   Steps steps(session, place);
//   MESH_TRY(steps.begin("kubernetes", inputs, restart));
//   MESH_TRY(steps.run("apply", "apply the manifests", [&](Step& step) { … }));
//   MESH_TRY(steps.end());
#pragma once

#include <functional>
#include <string>

#include "cli/commands/deploy/workplace.h"
#include "cli/program.h"

namespace mesh::cli::deploy {

// What a step's work is given.
struct Step {
  std::string log;
  std::string done = {};  // set by the work: what it did, for the line that tells its end
};

class Steps {
 public:
  Steps(Session& session, const Workplace& place) : session_(session), place_(place) {}

  // `inputs`: all that decides what the steps do. A run before that did not end and had the same
  // is gone on with, unless `restart`. Nothing is written before the first step.
  Status begin(const std::string& verb, const Json& inputs, bool restart);
  // Not again where the run before did it. Its error says where the log is, and how to go on.
  using Work = std::function<Status(Step&)>;
  Status run(const std::string& name, const std::string& title, const Work& work);
  // True where run would not do it again.
  bool is_done(const std::string& name) const;
  // All are done; the next run begins anew.
  Status end();

 private:
  Status save() const;

  Session& session_;
  const Workplace& place_;
  Json state_ = Json::object();  // {"verb","inputs","ended","steps":{name: {"state","at","log"}}}
};

}  // namespace mesh::cli::deploy
