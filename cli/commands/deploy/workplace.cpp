#include "cli/commands/deploy/workplace.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "cli/files.h"
#include "common/base/strings.h"

namespace mesh::cli::deploy {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kMostBytes = 1 << 20;

bool fits_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.';
}

std::string text_of(const Json& json, const char* name) {
  const Json& value = at_path(json, name);
  return value.is_string() ? value.get<std::string>() : std::string();
}

std::vector<std::string> list_of(const Json& json, const char* name) {
  std::vector<std::string> list;
  const Json& all = at_path(json, name);
  for (const Json& one : all.is_array() ? all : Json::array()) list.push_back(plain_text(one));
  return list;
}

Status move_file(const fs::path& from, const fs::path& to) {
  std::error_code failed;
  fs::rename(from, to, failed);
  return failed ? system_error("write", to.string(), failed.value()) : Status();
}

// What a cut off adoption has moved aside and replaced by nothing.
Status put_back(const std::string& root) {
  std::error_code none;
  for (const auto& old : fs::directory_iterator(root + "/draft/old", none)) {
    const fs::path to = fs::path(root) / old.path().filename();
    if (!fs::exists(to, none)) MESH_TRY(move_file(old.path(), to));
  }
  return {};
}

std::map<std::string, std::string> texts_of(const Json& json, const char* name) {
  std::map<std::string, std::string> texts;
  const Json& all = at_path(json, name);
  if (!all.is_object()) return texts;
  for (const auto& [key, value] : all.items()) texts[key] = plain_text(value);
  return texts;
}

}  // namespace

Json to_json(const Deployment& d) {
  return {{"name", d.name},
          {"kind", d.kind},
          {"kubeconfig", d.kubeconfig},
          {"context", d.context},
          {"namespace", d.name_space},
          {"server", d.server},
          {"overlay", d.overlay},
          {"image", d.image},
          {"region", d.region},
          {"state_bucket", d.state_bucket},
          {"variables", d.variables},
          {"variable_files", d.variable_files},
          {"environment", d.environment},
          {"roles", d.roles},
          {"components", d.components},
          {"made", d.made},
          {"found_claims", d.found_claims},
          {"source", d.source},
          {"engine", d.engine}};
}

Result<Deployment> deployment_of(const Json& json) {
  Deployment d;
  d.name = text_of(json, "name");
  d.kind = text_of(json, "kind");
  d.kubeconfig = text_of(json, "kubeconfig");
  d.context = text_of(json, "context");
  d.name_space = text_of(json, "namespace");
  d.server = text_of(json, "server");
  d.overlay = text_of(json, "overlay");
  d.image = text_of(json, "image");
  d.region = text_of(json, "region");
  d.state_bucket = text_of(json, "state_bucket");
  d.source = text_of(json, "source");
  d.engine = text_of(json, "engine");
  d.variables = texts_of(json, "variables");
  d.environment = texts_of(json, "environment");
  d.roles = texts_of(json, "roles");
  d.variable_files = list_of(json, "variable_files");
  d.components = list_of(json, "components");
  for (auto& title : list_of(json, "made")) d.made.insert(std::move(title));
  for (auto& claim : list_of(json, "found_claims")) d.found_claims.insert(std::move(claim));
  if (d.name.empty() || d.kind.empty())
    return fail(ErrorKind::corrupt, "it names neither a deployment nor its kind");
  // A local one is taken down without that record.
  if (d.kind != "local" && json.contains("made_namespace") && !json.contains("made")) {
    return fail(ErrorKind::conflict,
                "an older mesh made it, which kept no record of what it made: destroy it with that "
                "one; to go on with it here, remove the file and deploy again under the same name "
                "(outside of EKS a destroy then leaves what is there now)");
  }
  return d;
}

Result<std::string> deployments_folder(const Session& session) {
  if (const char* state = session.surroundings.env("XDG_STATE_HOME");
      state != nullptr && *state == '/') {
    return std::string(state) + "/mesh/deploy";
  }
  if (const char* home = session.surroundings.env("HOME"); home != nullptr && *home == '/')
    return std::string(home) + "/.local/state/mesh/deploy";
  return fail(ErrorKind::invalid,
              "nowhere to keep the state of deployments: set $HOME or $XDG_STATE_HOME");
}

Status check_name(const std::string& name) {
  const bool fits = !name.empty() && name.size() <= 100 && std::ranges::all_of(name, fits_name) &&
                    name[0] != '.' && name[0] != '-';
  if (fits) return {};
  return fail(ErrorKind::invalid, "\"" + name +
                                      "\" cannot name a deployment: use 1 to 100 letters, digits, "
                                      "\"-\", \"_\" and \".\", the first a letter or a digit");
}

std::string name_from(const std::string& text) {
  std::string name = text.substr(0, 100);
  std::ranges::replace_if(
      name, [](char c) { return !fits_name(c); }, '-');
  if (const auto first = name.find_first_not_of("-."); first != name.npos) name.erase(0, first);
  return name;
}

Result<Workplace> Workplace::open(const Session& session, const std::string& name) {
  MESH_TRY(check_name(name));
  const std::string path = MESH_TRY(deployments_folder(session)) + "/" + name;
  std::error_code failed;
  const bool made = !fs::exists(path, failed);
  fs::create_directories(path + "/logs", failed);
  if (failed) return system_error("make", path + "/logs", failed.value());
  fs::permissions(path, fs::perms::owner_all, failed);
  if (failed) return system_error("protect", path, failed.value());
  Fd lock(::open((path + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock) return system_error("open", path + "/lock");
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return fail(ErrorKind::conflict, "another `mesh deploy` works on " + name +
                                         ": wait for its end; its logs are in " + path + "/logs");
  }
  MESH_TRY(put_back(path));
  // Of a command that was killed; it may hold secrets.
  fs::remove_all(path + "/draft", failed);
  if (failed) return system_error("remove", path + "/draft", failed.value());
  return Workplace(path, path, std::move(lock), made);
}

Workplace::~Workplace() {
  if (!made_ || !lock_) return;
  std::error_code none;
  // Only where it is empty.
  fs::remove(file("logs"), none);
  const auto entries = std::distance(fs::directory_iterator(path_, none), fs::directory_iterator());
  if (entries == 1) fs::remove_all(path_, none);  // the lock
}

Result<Deployment> Workplace::deployment() const {
  const std::string path = kept("deployment.json");
  const std::string text = MESH_TRY(read_file(path, kMostBytes));
  auto json = parse_json(text);
  auto deployment = json ? deployment_of(*json) : Result<Deployment>(fail(json.error()));
  if (deployment) return deployment;
  if (deployment.error().kind == ErrorKind::conflict)
    return fail(ErrorKind::conflict, path + ": " + deployment.error().message);
  return fail(ErrorKind::corrupt,
              path + " cannot be read: " + deployment.error().message +
                  "; remove the file, and deploy again under the same name to write it anew");
}

Status Workplace::keep(const Deployment& deployment) const {
  return write_private_file(kept("deployment.json"), dump(to_json(deployment), 2) + "\n");
}

Status Workplace::forget() const {
  for (const char* gone : {"deployment.json", "steps.json", "kubeconfig", "kustomization",
                           "variables", "terraform.tfstate.backup"}) {
    std::error_code failed;
    fs::remove_all(file(gone), failed);
    if (failed) return system_error("remove", file(gone), failed.value());
  }
  return {};
}

Result<Draft> Draft::open(const Workplace& place) {
  Draft draft(place.path(), place.file("draft"));
  std::error_code failed;
  fs::create_directories(draft.file("logs"), failed);
  if (!failed) fs::permissions(draft.path(), fs::perms::owner_all, failed);
  if (!failed && fs::exists(place.file("kustomization")))
    fs::copy(place.file("kustomization"), draft.file("kustomization"), failed);
  if (failed) return system_error("make", draft.path(), failed.value());
  return draft;
}

Draft::~Draft() {
  std::error_code none;
  if (!path_.empty() && put_back(root_)) fs::remove_all(path_, none);
}

Status Draft::keep_logs() const {
  std::error_code failed;
  for (const auto& log : fs::directory_iterator(file("logs"), failed)) {
    std::ifstream from(log.path(), std::ios::binary);
    const std::string to = kept("logs/" + log.path().filename().string());
    std::ofstream(to, std::ios::binary | std::ios::app) << from.rdbuf();
    fs::permissions(to, fs::perms::owner_read | fs::perms::owner_write, failed);
    if (failed) return system_error("write", to, failed.value());
  }
  return {};
}

Status Draft::keep_missing(const std::vector<std::string>& names) const {
  std::error_code none;
  for (const auto& name : names) {
    if (fs::exists(file(name), none) && !fs::exists(kept(name), none))
      MESH_TRY(move_file(file(name), kept(name)));
  }
  return {};
}

Status Draft::adopt() const {
  MESH_TRY(keep_logs());
  std::error_code failed;
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(path_, failed))
    names.push_back(entry.path().filename().string());
  std::erase(names, "logs");
  fs::create_directories(file("old"), failed);
  if (failed) return system_error("read", path_, failed.value());
  for (const auto& name : names) {
    const std::string to = kept(name);
    // The place is without it for a moment, however large it is.
    if (fs::exists(to, failed)) MESH_TRY(move_file(to, file("old/" + name)));
    MESH_TRY(move_file(file(name), to));
  }
  return {};
}

Result<std::vector<Deployment>> all_deployments(const Session& session) {
  const std::string folder = MESH_TRY(deployments_folder(session));
  std::vector<Deployment> all;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder, none)) {
    const std::string file = entry.path().string() + "/deployment.json";
    const auto text = read_file(file, kMostBytes);
    // A folder of logs is what a destroy leaves.
    if (!text) continue;
    const auto json = parse_json(*text);
    auto one = json ? deployment_of(*json) : Result<Deployment>(fail(json.error()));
    Deployment unread;
    unread.name = entry.path().filename().string();
    all.push_back(one ? std::move(*one) : std::move(unread));
  }
  std::ranges::sort(all, {}, &Deployment::name);
  return all;
}

Result<std::string> chosen_deployment(const Session& session, const std::string& name) {
  std::vector<std::string> names;
  for (const auto& one : MESH_TRY(all_deployments(session))) names.push_back(one.name);
  const std::string folder = MESH_TRY(deployments_folder(session));
  if (names.empty()) {
    return fail(ErrorKind::not_found,
                "nothing has been deployed from here: there is no deployment in " + folder);
  }
  if (name.empty() && names.size() == 1) return names.front();
  if (name.empty())
    return fail(ErrorKind::invalid, "which deployment? There are " + join(names, ", "));
  if (std::ranges::find(names, name) != names.end()) return name;
  return fail(ErrorKind::not_found,
              "no deployment \"" + name + "\" in " + folder + "; there are " + join(names, ", "));
}

}  // namespace mesh::cli::deploy
