// The objects of one deployment: an overlay, with what this deployment says about it.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "cli/commands/deploy/cluster.h"
#include "common/base/strings.h"

namespace mesh::cli::deploy {

struct Object {
  std::string kind, name, name_space;
  Json json;
  std::string text;                                                  // a YAML document
  std::string title() const { return to_lower(kind) + "/" + name; }  // "deployment/admin"
};

struct Rendering {
  std::string overlay;     // a folder of manifests/overlays
  std::string image;       // in place of the overlay's "mesh"; empty: as the overlay has it
  std::string name_space;  // in place of the overlay's; empty: as the overlay has it
  std::map<std::string, std::string> environment = {};  // into the ConfigMap mesh-environment
  std::map<std::string, std::string> roles = {};        // service account → ARN of its role
  std::vector<std::string> components = {};             // beside those of the overlay
  bool database_ca = false;                             // kDatabaseCa is there
};
// Certificates for PostgreSQL, in the place: the file rds.pem of the ConfigMap mesh-ca.
inline constexpr const char* kDatabaseCa = "kustomization/rds.pem";

// As the deployment has been told.
Rendering rendering_of(const Deployment& deployment, const Workplace& place);

struct ImageName {
  std::string name, tag, digest;
};
// "registry:5000/mesh:0.2.0@sha256:…". `invalid` where it is none.
Result<ImageName> parse_image(const std::string& text);

// The kustomization that lies over the overlay.
Json kustomization(const Rendering& rendering);
// The documents that kustomize prints.
Result<std::vector<Object>> objects_of(const std::string& documents);

// By `kubectl kustomize` on the copies in the place. `not_found` for an overlay that is not there,
// with those that are.
Result<std::vector<Object>> render(const Rendering& rendering, const Workplace& place);
// Likewise, as the place has them since they were last rendered; it writes nothing.
Result<std::vector<Object>> rendered(const Workplace& place);
// The variables that are left empty without which meshd does not start.
std::vector<std::string> empty_variables(const std::vector<Object>& objects);
// `invalid` where a variable is left empty without which meshd does not start, `conflict` where no
// container has the image.
Status check_objects(const std::vector<Object>& objects, const std::string& image);

// Pods of these run for long.
bool is_workload(const Object& object);
// One of the sets among the objects makes the volume claim of this name.
bool is_claim_of(const std::vector<Object>& objects, const std::string& claim);
// The containers' images, init containers' too.
std::vector<std::string> images_of(const Object& object);
// What has to be there before the rollout, as the manifests say by the label mesh/step.
std::vector<Object> before_rollout(const std::vector<Object>& objects);
std::string documents_of(const std::vector<Object>& objects);
// Some object asks for the Secret mesh-secrets.
bool need_secrets(const std::vector<Object>& objects);
// The titles of those that the cluster has.
Result<std::set<std::string>> titles_there(const Cluster& cluster,
                                           const std::vector<Object>& objects);
// The namespace that the objects are in; empty where they name none.
std::string name_space_of(const std::vector<Object>& objects);

}  // namespace mesh::cli::deploy
