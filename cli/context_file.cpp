#include "cli/context_file.h"

#include "cli/files.h"
#include "common/base/json.h"
#include "common/base/strings.h"
#include "common/client/client.h"
#include "common/yaml/json.h"

namespace mesh::cli {
namespace {

tl::unexpected<Error> bad(const std::string& path, const std::string& what) {
  return fail(ErrorKind::invalid, path + ": " + what);
}

struct Text {
  std::string_view key;
  std::optional<std::string> NamedContext::*member;
};
constexpr Text kTexts[] = {
    {"server", &NamedContext::server},         {"data_dir", &NamedContext::data_dir},
    {"ca_file", &NamedContext::ca_file},       {"client_cert", &NamedContext::client_cert},
    {"client_key", &NamedContext::client_key}, {"token", &NamedContext::token},
    {"tenant", &NamedContext::tenant},         {"output", &NamedContext::output}};

std::string allowed_keys() {
  std::string names = "endpoints";
  for (const auto& text : kTexts) names += ", " + std::string(text.key);
  return names;
}

Result<NamedContext> read_context(const std::string& where, const Json& json) {
  if (!json.is_object()) return bad(where, "must be a mapping");
  NamedContext context;
  for (const auto& [key, value] : json.items()) {
    if (key == "endpoints") {
      if (!value.is_object()) return bad(where + ".endpoints", "must be a mapping of role: URL");
      for (const auto& [role, url] : value.items()) {
        if (!client::parse_role(role) || !url.is_string()) {
          return bad(where + ".endpoints." + role,
                     "allowed are users, gateway, publisher, subscriber, admin, each with a URL");
        }
        auto checked = normal_url(url.get<std::string>());
        if (!checked) return bad(where + ".endpoints." + role, checked.error().message);
        context.endpoints[role] = *checked;
      }
      continue;
    }
    const auto text = std::ranges::find(kTexts, key, &Text::key);
    if (text == std::end(kTexts)) {
      return bad(where + "." + key, "is not a key; allowed are " + allowed_keys());
    }
    auto* member = &(context.*text->member);
    // A token or a tenant of digits reads as a number in YAML.
    if (value.is_structured() || value.is_null()) return bad(where + "." + key, "must be a text");
    *member = value.is_string() ? value.get<std::string>() : dump(value);
  }
  if (context.server) {
    auto checked = normal_url(*context.server);
    if (!checked) return bad(where + ".server", checked.error().message);
    context.server = *checked;
  }
  return context;
}

Json to_json(const NamedContext& context) {
  Json json = Json::object();
  for (const auto& text : kTexts) {
    if (const auto& value = context.*text.member) json[text.key] = *value;
  }
  for (const auto& [role, url] : context.endpoints) json["endpoints"][role] = url;
  return json;
}

}  // namespace

std::string context_file_path(const std::function<const char*(const char*)>& env) {
  // The XDG base directory specification: a relative path is to be passed over.
  if (const char* config = env("XDG_CONFIG_HOME"); config != nullptr && config[0] == '/') {
    return std::string(config) + "/mesh/config.yaml";
  }
  if (const char* home = env("HOME"); home != nullptr && *home != '\0') {
    return std::string(home) + "/.config/mesh/config.yaml";
  }
  return {};
}

Result<ContextFile> load_contexts(const std::string& path) {
  if (path.empty()) return ContextFile{};
  const auto text = read_file(path, 1 << 20);
  if (!text) {
    // Before the first context is added there is no file.
    if (text.error().kind == ErrorKind::not_found) return ContextFile{};
    return fail(text.error());
  }
  const auto json = yaml::to_json(*text);
  if (!json) return bad(path, json.error().message);
  // As of a file whose lines are all commented out.
  if (json->is_null()) return ContextFile{};
  if (!json->is_object()) return bad(path, "must be a mapping with the keys current and contexts");
  ContextFile file;
  for (const auto& [key, value] : json->items()) {
    if (key == "current" && value.is_string()) {
      file.current = value.get<std::string>();
    } else if (key == "contexts" && value.is_object()) {
      for (const auto& [name, body] : value.items()) {
        auto context = read_context("contexts." + name, body);
        if (!context) return bad(path, context.error().message);
        file.contexts[name] = std::move(*context);
      }
    } else if (!value.is_null()) {
      return bad(path, "\"" + key + "\": allowed are current (a name) and contexts (a mapping)");
    }
  }
  return file;
}

Status save_contexts(const std::string& path, const ContextFile& file) {
  if (path.empty()) return fail(ErrorKind::invalid, "neither $XDG_CONFIG_HOME nor $HOME is set");
  Json json = Json::object();
  json["current"] = file.current.empty() ? Json(nullptr) : Json(file.current);
  json["contexts"] = Json::object();
  for (const auto& [name, context] : file.contexts) json["contexts"][name] = to_json(context);
  return write_private_file(path, yaml::from_json(json));
}

Result<std::string> normal_url(const std::string& text) {
  std::string url = text;
  if (url.find("://") == url.npos) url = "http://" + url;
  while (url.ends_with('/')) url.pop_back();
  const auto host = url.find("://") + 3;
  const bool http = url.starts_with("http://") || url.starts_with("https://");
  // "@": credentials belong into the token, and a URL is shown in messages. "?" and "#": paths are
  // hung onto it.
  if (!http || host >= url.size() || url.find_first_of("?# \t\r\n@", host) != url.npos ||
      !is_printable(url)) {
    return fail(ErrorKind::invalid,
                "\"" + text + "\" is not an address; give http://HOST:PORT or https://HOST");
  }
  return url;
}

}  // namespace mesh::cli
