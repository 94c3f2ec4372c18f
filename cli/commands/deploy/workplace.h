// The folder of one deployment: what was asked, the state of its steps, logs, terraform's state.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "cli/session.h"
#include "common/base/fd.h"

namespace mesh::cli::deploy {

// What later commands on a deployment need to know of it; deployment.json. No secrets.
struct Deployment {
  std::string name;                             // of the folder; of an EKS cluster, too
  std::string kind;                             // "eks", "kubernetes" or "local"
  std::string kubeconfig, context, name_space;  // the cluster as kubectl finds it
  std::string server;                           // its address, by which it is known again
  std::string overlay, image;
  std::string region, state_bucket;                     // of eks
  std::map<std::string, std::string> variables = {};    // --var
  std::vector<std::string> variable_files = {};         // copies in the folder
  std::map<std::string, std::string> environment = {};  // of meshd's configuration
  std::map<std::string, std::string> roles = {};        // service account → ARN of its role
  std::vector<std::string> components = {};             // of manifests, beside the overlay
  std::set<std::string> made = {};          // titles of the objects that were not there before
  std::set<std::string> found_claims = {};  // volume claims that were, and that its sets have taken
  std::string source = {};                  // of local: the checkout
  std::string engine = {};                  // of local: "docker", "podman", or none

  bool made_name_space() const { return made.contains("namespace/" + name_space); }
};
Json to_json(const Deployment& deployment);
// `conflict` for one of an older mesh, which has no `made`; `corrupt` for what is none.
Result<Deployment> deployment_of(const Json& json);

// $XDG_STATE_HOME/mesh/deploy, else ~/.local/state/mesh/deploy. `invalid` where neither is known.
Result<std::string> deployments_folder(const Session& session);
// `invalid` for a name that is no cluster's: letters, digits, "-", "_" and ".", 1 to 100.
Status check_name(const std::string& name);
// A name that check_name takes, for one that somebody else gave.
std::string name_from(const std::string& text);

// Held by one command at a time.
class Workplace {
 public:
  // Makes the folder (0700), which goes with the object where nothing was kept in it. `conflict`
  // while another command works in it.
  static Result<Workplace> open(const Session& session, const std::string& name);
  Workplace(Workplace&&) = default;
  ~Workplace();

  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }
  // Of a step; logs of one run follow those of the runs before.
  std::string log(const std::string& step) const { return path_ + "/logs/" + step + ".log"; }
  // In the place itself, also of a draft.
  std::string kept(const std::string& name) const { return root_ + "/" + name; }
  // `not_found` where nothing has been deployed from here.
  Result<Deployment> deployment() const;
  Status keep(const Deployment& deployment) const;
  // After the last step of a destroy: the logs stay.
  Status forget() const;

 protected:
  Workplace(std::string root, std::string path, Fd lock = {}, bool made = false)
      : root_(std::move(root)), path_(std::move(path)), lock_(std::move(lock)), made_(made) {}
  std::string root_, path_;

 private:
  Fd lock_;
  bool made_;  // by this object
};

// What a command would write into the place: in its folder "draft", until that is agreed to. It
// goes with the object, so that a dry run and a no leave the place as it was.
class Draft : public Workplace {
 public:
  // Begins with the place's kustomization.
  static Result<Draft> open(const Workplace& place);
  Draft(Draft&& other) noexcept : Workplace(std::move(other)) { other.path_.clear(); }
  ~Draft();
  // What is in it takes the place of what the place has; its logs follow those that are there.
  Status adopt() const;
  // The logs alone.
  Status keep_logs() const;
  // Of these, what the place has not.
  Status keep_missing(const std::vector<std::string>& names) const;

 private:
  Draft(std::string root, std::string path) : Workplace(std::move(root), std::move(path)) {}
};

// The deployments that there are, by name; of one that cannot be read, its name alone.
Result<std::vector<Deployment>> all_deployments(const Session& session);
// The one that is named, or the only one. `not_found` and `invalid` say which there are.
Result<std::string> chosen_deployment(const Session& session, const std::string& name);

}  // namespace mesh::cli::deploy
