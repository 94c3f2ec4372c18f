#include "cli/commands/deploy/manifests.h"

#include <algorithm>
#include <filesystem>

#include "cli/files.h"
#include "cli/program.h"
#include "cli/render/view.h"
#include "common/base/strings.h"
#include "common/yaml/json.h"

namespace mesh::cli::deploy {
namespace {

namespace fs = std::filesystem;

constexpr const char* kImage = "mesh";
constexpr const char* kEnvironment = "mesh-environment";

Status check_overlay(const std::string& overlay, const Workplace& place) {
  const std::string folder = place.file("manifests/overlays");
  std::error_code none;
  std::vector<std::string> known;
  for (const auto& entry : fs::directory_iterator(folder, none))
    known.push_back(entry.path().filename().string());
  std::ranges::sort(known);
  if (std::ranges::find(known, overlay) != known.end()) return {};
  return fail(ErrorKind::not_found,
              "no overlay \"" + overlay + "\": there are " + join(known, ", "));
}

// What meshd.yaml has no default for, and what makes it needless.
struct Needed {
  const char* name;
  const char* unless = "";
  const char* is = "";
};
constexpr Needed kNeeded[] = {{"MESH_KAFKA_BROKERS"},
                              {"MESH_POSTGRES_DSN"},
                              {"MESH_QDRANT_URL"},
                              {"MESH_REDIS_URL", "MESH_LIMITER", "memory"},
                              {"MESH_JWT_ISSUER", "MESH_AUTH_MODE", "dev"},
                              {"MESH_JWT_AUDIENCE", "MESH_AUTH_MODE", "dev"},
                              {"MESH_JWKS_URL", "MESH_AUTH_MODE", "dev"}};

constexpr const char* kRole = "eks.amazonaws.com/role-arn";

// The overlay's own names no account that exists.
Json no_roles_patch() {
  const Json remove = {{"op", "remove"},
                       {"path", "/metadata/annotations/eks.amazonaws.com~1role-arn"}};
  return {{"target", {{"kind", "ServiceAccount"}, {"annotationSelector", kRole}}},
          {"patch", dump(Json::array({remove}))}};
}

Json role_patch(const std::string& account, const std::string& role) {
  const Json patch = {{"apiVersion", "v1"},
                      {"kind", "ServiceAccount"},
                      {"metadata", {{"name", account}, {"annotations", {{kRole, role}}}}}};
  return {{"target", {{"kind", "ServiceAccount"}, {"name", account}}}, {"patch", dump(patch)}};
}

Status check_image(const std::vector<Object>& objects, const std::string& image) {
  if (image.empty()) return {};
  for (const Object& object : objects) {
    const auto images = images_of(object);
    if (std::ranges::find(images, image) != images.end()) return {};
  }
  return fail(ErrorKind::conflict, std::string("no container of the overlay has the image \"") +
                                       kImage + "\", which --image replaces");
}

}  // namespace

Rendering rendering_of(const Deployment& d, const Workplace& place) {
  std::error_code none;
  return {.overlay = d.overlay,
          .image = d.image,
          .name_space = d.name_space,
          .environment = d.environment,
          .roles = d.roles,
          .components = d.components,
          .database_ca = fs::exists(place.file(kDatabaseCa), none)};
}

Result<ImageName> parse_image(const std::string& text) {
  ImageName image;
  std::string rest = text;
  if (const auto at = rest.find('@'); at != rest.npos) {
    image.digest = rest.substr(at + 1);
    rest.erase(at);
  }
  // A colon before the last slash belongs to the registry's port.
  const auto slash = rest.rfind('/'), colon = rest.rfind(':');
  if (colon != rest.npos && (slash == rest.npos || colon > slash)) {
    image.tag = rest.substr(colon + 1);
    rest.erase(colon);
  }
  image.name = rest;
  const bool odd = text.find_first_of(" \t\n\"'") != text.npos;
  const bool open = image.tag.empty() && image.digest.empty();
  if (image.name.empty() || odd || open || text.ends_with(':') || text.ends_with('@')) {
    return fail(ErrorKind::invalid, "\"" + text +
                                        "\" is no image: name it as REPOSITORY:TAG or "
                                        "REPOSITORY@sha256:DIGEST");
  }
  return image;
}

Json kustomization(const Rendering& rendering) {
  Json all = {{"apiVersion", "kustomize.config.k8s.io/v1beta1"},
              {"kind", "Kustomization"},
              {"resources", {"../manifests/overlays/" + rendering.overlay}}};
  if (!rendering.name_space.empty()) all["namespace"] = rendering.name_space;
  if (const auto image = parse_image(rendering.image); image) {
    Json one = {{"name", kImage}, {"newName", image->name}};
    if (!image->tag.empty()) one["newTag"] = image->tag;
    if (!image->digest.empty()) one["digest"] = image->digest;
    all["images"] = {one};
  }
  for (const auto& component : rendering.components)
    all["components"].push_back("../manifests/components/" + component);
  if (!rendering.environment.empty()) {
    Json literals = Json::array();
    for (const auto& [name, value] : rendering.environment) literals.push_back(name + "=" + value);
    all["configMapGenerator"].push_back(
        {{"name", kEnvironment}, {"behavior", "merge"}, {"literals", literals}});
  }
  if (rendering.database_ca)
    all["configMapGenerator"].push_back({{"name", "mesh-ca"}, {"files", {"rds.pem"}}});
  if (!rendering.roles.empty()) all["patches"].push_back(no_roles_patch());
  for (const auto& [account, role] : rendering.roles)
    all["patches"].push_back(role_patch(account, role));
  return all;
}

Result<std::vector<Object>> objects_of(const std::string& documents) {
  std::vector<Object> objects;
  std::string text;
  // Within a document's values, no line begins with "---": blocks are indented.
  const auto whole = std::string(documents, 0, documents.find_last_not_of('\n') + 1) + "\n---";
  for (const auto& line : split(whole, '\n')) {
    if (line != "---") {
      text += line + "\n";
      continue;
    }
    if (!trim(text).empty()) {
      Json json = MESH_TRY(yaml::to_json(text));
      Object object{text_at(json, "kind"), text_at(json, "metadata.name"),
                    text_at(json, "metadata.namespace"), Json(), text};
      if (object.kind.empty() || object.name.empty())
        return fail(ErrorKind::conflict, "kustomize printed an object without kind or name");
      object.json = std::move(json);
      objects.push_back(std::move(object));
    }
    text.clear();
  }
  return objects;
}

Result<std::vector<Object>> render(const Rendering& rendering, const Workplace& place) {
  MESH_TRY(check_overlay(rendering.overlay, place));
  if (!rendering.image.empty()) (void)MESH_TRY(parse_image(rendering.image));
  MESH_TRY(write_private_file(place.file("kustomization/kustomization.yaml"),
                              dump(kustomization(rendering), 2) + "\n"));
  return rendered(place);
}

Result<std::vector<Object>> rendered(const Workplace& place) {
  const std::string folder = place.file("kustomization");
  auto ended = MESH_TRY(run_program({.words = {"kubectl", "kustomize", folder}}));
  if (ended.code != 0) {
    return fail(ErrorKind::conflict,
                "`kubectl kustomize " + folder + "` failed: " + last_lines(ended.err, 3));
  }
  return objects_of(ended.out);
}

std::vector<std::string> empty_variables(const std::vector<Object>& objects) {
  std::vector<std::string> empty;
  for (const Object& object : objects) {
    // kustomize hangs a hash onto the name.
    if (object.kind != "ConfigMap" || !object.name.starts_with(kEnvironment)) continue;
    const Json& data = at_path(object.json, "data");
    if (!data.is_object()) continue;
    for (const Needed& needed : kNeeded) {
      const bool needless = data.value(needed.unless, Json()) == Json(needed.is);
      if (data.value(needed.name, Json()) == Json("") && !needless) empty.emplace_back(needed.name);
    }
  }
  return empty;
}

Status check_objects(const std::vector<Object>& objects, const std::string& image) {
  const auto empty = empty_variables(objects);
  if (empty.empty()) return check_image(objects, image);
  return fail(ErrorKind::invalid, "meshd would not start, since these have no value: " +
                                      join(empty, ", ") + "; give each by --env NAME=VALUE");
}

bool is_workload(const Object& object) {
  return object.kind == "Deployment" || object.kind == "StatefulSet" || object.kind == "DaemonSet";
}

// A StatefulSet names the claims that it makes TEMPLATE-SET-NUMBER.
bool is_claim_of(const std::vector<Object>& objects, const std::string& claim) {
  for (const Object& object : objects) {
    const Json& templates = at_path(object.json, "spec.volumeClaimTemplates");
    for (const Json& one : templates.is_array() ? templates : Json::array()) {
      const std::string begin = plain_text(at_path(one, "metadata.name")) + "-" + object.name + "-";
      if (claim.starts_with(begin) && parse_int(claim.substr(begin.size()))) return true;
    }
  }
  return false;
}

std::vector<std::string> images_of(const Object& object) {
  std::vector<std::string> images;
  for (const char* list : {"spec.template.spec.containers", "spec.template.spec.initContainers"}) {
    const Json& containers = at_path(object.json, list);
    if (!containers.is_array()) continue;
    for (const Json& container : containers) images.push_back(text_at(container, "image"));
  }
  return images;
}

std::vector<Object> before_rollout(const std::vector<Object>& objects) {
  std::vector<Object> before;
  std::ranges::copy_if(objects, std::back_inserter(before), [](const Object& object) {
    const Json& labels = at_path(object.json, "metadata.labels");
    return !labels.is_object() || labels.value("mesh/step", "") != "rollout";
  });
  return before;
}

bool need_secrets(const std::vector<Object>& objects) {
  return documents_of(objects).find("mesh-secrets") != std::string::npos;
}

std::string documents_of(const std::vector<Object>& objects) {
  std::string text;
  for (const Object& object : objects) text += "---\n" + object.text;
  return text;
}

Result<std::set<std::string>> titles_there(const Cluster& cluster,
                                           const std::vector<Object>& objects) {
  std::set<std::string> there;
  // kubectl takes none for an error.
  if (objects.empty()) return there;
  const auto found = MESH_TRY(
      cluster.ask({"get", "-f", "-", "--ignore-not-found", "-o", "name"}, documents_of(objects)));
  for (const auto& line : split(found, '\n')) {
    // "deployment.apps/user-service"
    const auto slash = line.find('/'), dot = line.find('.');
    if (slash != line.npos) there.insert(line.substr(0, std::min(dot, slash)) + line.substr(slash));
  }
  return there;
}

std::string name_space_of(const std::vector<Object>& objects) {
  for (const Object& object : objects) {
    if (object.kind == "Namespace") return object.name;
  }
  for (const Object& object : objects) {
    if (!object.name_space.empty()) return object.name_space;
  }
  return {};
}

}  // namespace mesh::cli::deploy
