#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "common/config/config.h"
#include "common/config/keys.h"
#include "common/config/yaml.h"

namespace mesh::config {
namespace {

constexpr std::size_t kMaxFile = 1 << 20;

struct Loader {
  const Environment& env;
  Config config;
  Problems problems;

  void take(const Value& node, const std::string& group);
  bool expand_all(Value& value, const std::string& path, Origin& origin);
};

const std::map<std::string, const Key*, std::less<>>& index() {
  static const auto made = [] {
    std::map<std::string, const Key*, std::less<>> out;
    for (const auto& key : keys()) out.emplace(key.path, &key);
    return out;
  }();
  return made;
}

bool is_group(std::string_view path) {
  return std::ranges::any_of(groups(), [&](const Group& group) { return group.path == path; });
}

// Variables expand in the tree, so whatever they hold stays one scalar.
bool Loader::expand_all(Value& value, const std::string& path, Origin& origin) {
  bool ok = true;
  if (value.kind == Value::Kind::scalar && value.text.find('$') != std::string::npos) {
    auto expanded = expand(value.text, env, &origin.variables);
    if (!expanded) {
      problems.add(path, expanded.error().message);
      return false;
    }
    value.text = *std::move(expanded);
    value.expanded = true;
    // `key: ${VAR:-}` without quotes is what `key:` is: a null, which lifts an optional key.
    if (value.text.empty() && !value.quoted) value.kind = Value::Kind::null;
  }
  for (auto& item : value.items) ok = expand_all(item, path, origin) && ok;
  for (auto& [name, member, line] : value.members) {
    ok = expand_all(member, path + "." + name, origin) && ok;
  }
  return ok;
}

void Loader::take(const Value& node, const std::string& group) {
  if (node.is_null()) return;  // a group whose keys are all commented out
  if (node.kind != Value::Kind::mapping) {
    problems.add(group, group.empty() ? "the file is not a mapping of keys"
                                      : "a group of keys, not a value");
    return;
  }
  for (const auto& [name, member, line] : node.members) {
    const std::string path = group.empty() ? name : group + "." + name;
    if (const auto key = index().find(path); key != index().end()) {
      // Also where its value is wrong: what counts is that the file names it.
      Origin& origin = config.origins[path] = {{}, line, {}, {}};
      Value value = member;
      if (expand_all(value, path, origin)) key->second->read(config, value, problems);
    } else if (is_group(path)) {
      take(member, path);
    } else {
      problems.add(path, "unknown key; " + suggest(group, name));
    }
  }
}

Result<std::string> read_config_file(const std::string& path) {
  std::error_code error;
  // An ifstream opens a folder, too, and reads nothing from it.
  if (std::filesystem::is_directory(path, error)) {
    return fail(ErrorKind::invalid, path + ": a folder, not a configuration file");
  }
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(ErrorKind::invalid, path + ": cannot be read; does it exist?");
  // One byte beyond the bound, so that yaml::parse sees a file that is too long and says so.
  std::string text(kMaxFile + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return fail(ErrorKind::invalid, path + ": cannot be read");
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

}  // namespace

std::vector<std::string> role_names() {
  std::vector<std::string> names;
  for (const Role& role : kRoles) names.emplace_back(role.name);
  return names;
}

bool Config::has_role(const Role& role) const {
  return std::ranges::find(roles, role.name) != roles.end();
}

std::optional<std::string> find_config_file(const std::optional<std::string>& flag) {
  // A file that is named and missing is an error when it is read, not a reason to look further.
  if (flag) return flag;
  if (const char* named = std::getenv("MESH_CONFIG"); named != nullptr && *named != '\0') {
    return named;
  }
  for (const char* usual : {"./meshd.yaml", "/etc/mesh/meshd.yaml"}) {
    std::error_code error;
    if (std::filesystem::exists(usual, error)) return usual;
  }
  return std::nullopt;
}

Config defaults_in(const std::string& mode) {
  Config config;
  // It is for mode dev; in mode jwt only a written one is a mistake.
  if (mode == "jwt") config.auth.anonymous_tenant.reset();
  return config;
}

Result<Config> load_text(const std::string& text, const Environment& env) {
  auto tree = MESH_TRY(yaml::parse(text));
  Loader loader{env, {}, {}};
  loader.take(tree, "");
  Config& config = loader.config;
  if (!config.origins.contains("auth.anonymous_tenant")) {
    config.auth.anonymous_tenant = defaults_in(config.auth.mode).auth.anonymous_tenant;
  }
  read_secrets(config, loader.problems);
  check_keys(config, loader.problems);
  // Rules between keys would only repeat, in other words, what is wrong with one of them.
  if (loader.problems.empty()) check_rules(config, loader.problems);
  MESH_TRY(loader.problems.status());
  return std::move(config);
}

Result<Config> load_file(const std::optional<std::string>& path) {
  const Environment env = [](const char* name) { return std::getenv(name); };
  // No file is an empty one: the defaults pass the same checks.
  if (!path) return load_text("", env);
  auto text = MESH_TRY(read_config_file(*path));
  auto config = load_text(text, env);
  if (!config) {
    Error error = config.error();
    error.message = *path + ":\n" + error.message;
    return fail(std::move(error));
  }
  std::error_code ignored;
  const auto whole = std::filesystem::absolute(*path, ignored);
  const std::string name = ignored ? *path : whole.lexically_normal().string();
  for (auto& [key, origin] : config->origins) origin.file = name;
  return config;
}

}  // namespace mesh::config
