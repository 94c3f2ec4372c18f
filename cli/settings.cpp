#include "cli/settings.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "cli/files.h"
#include "common/base/json.h"
#include "common/base/strings.h"
#include "common/base/time.h"
#include "common/domain/tenant.h"

namespace mesh::cli {
namespace {

using Given = std::optional<std::string>;

struct Found {
  std::string value;
  Origin from;
};

// What one level says of the server.
struct Place {
  Given server, data_dir;
  std::map<std::string, std::string> endpoints;
  Level level;
  std::string server_name, data_dir_name;
};

Given variable(const Surroundings& surroundings, const char* name) {
  const char* value = surroundings.env(name);
  // An empty variable is as none, which is what `MESH_TENANT= mesh …` means.
  return value == nullptr || *value == '\0' ? Given{} : Given{value};
}

std::optional<Found> first(const Given& flag, const char* flag_name, const Surroundings& around,
                           const char* env_name, const Given& context,
                           const std::string& context_name) {
  if (flag) return Found{*flag, {Level::flag, flag_name}};
  if (const auto env = variable(around, env_name)) {
    return Found{*env, {Level::environment, std::string("$") + env_name}};
  }
  if (context) return Found{*context, {Level::context, "context " + context_name}};
  return std::nullopt;
}

std::string reachable(const std::string& address) {
  const auto scheme = address.find("://");
  const std::string before = scheme == address.npos ? "" : address.substr(0, scheme + 3);
  const std::string place = address.substr(before.size());
  // Where a meshd listens on all addresses it is asked on this machine's own.
  if (place.starts_with("0.0.0.0:")) return before + "127.0.0.1" + place.substr(7);
  if (place.starts_with("[::]:")) return before + "[::1]" + place.substr(4);
  return address;
}

std::string run_file(const std::string& data_dir) { return data_dir + "/run.json"; }

struct Running {
  client::Endpoints endpoints;
  std::string public_key;  // of its TLS; empty: it has none
};

Result<Running> running(const std::string& data_dir) {
  const std::string path = run_file(data_dir);
  const auto text = read_file(path, 1 << 16);
  if (!text) {
    // A file that may not be read is told as that: "no meshd runs" would mislead.
    if (text.error().kind != ErrorKind::not_found) return fail(text.error());
    return fail(ErrorKind::unavailable, "no meshd runs on " + data_dir + ": there is no " + path);
  }
  const auto json = parse_json(*text);
  const auto addresses =
      json && json->is_object() ? json->find("addresses") : Json::const_iterator{};
  if (!json || !json->is_object() || addresses == json->end() || !addresses->is_object()) {
    return fail(ErrorKind::invalid, path + " is not the run.json of a meshd");
  }
  Running found{client::Endpoints::none(), {}};
  if (const auto key = json->find("public_key"); key != json->end() && key->is_string()) {
    found.public_key = key->get<std::string>();
  }
  for (const auto& [name, address] : addresses->items()) {
    const auto role = client::parse_role(name);
    if (role && address.is_string()) {
      auto url = normal_url(reachable(address.get<std::string>()));
      if (!url) return fail(ErrorKind::invalid, path + ": " + url.error().message);
      found.endpoints.of(*role) = *url;
    }
  }
  return found;
}

Status use_place(const Place& place, Settings& settings) {
  if (place.server) {
    auto url = MESH_TRY(normal_url(*place.server));
    settings.endpoints = client::Endpoints::all(url);
    settings.endpoints_from = {place.level, place.server_name};
  } else if (!place.endpoints.empty()) {
    // A context that names some roles means no others: their default addresses may be another
    // meshd's.
    settings.endpoints = client::Endpoints::none();
    for (const auto& [role, url] : place.endpoints) {
      settings.endpoints.of(*client::parse_role(role)) = url;
    }
    settings.endpoints_from = {place.level, place.server_name};
  } else {
    auto found = MESH_TRY(running(*place.data_dir));
    settings.endpoints = std::move(found.endpoints);
    settings.tls.pinned_key = std::move(found.public_key);
    settings.endpoints_from = {place.level,
                               place.data_dir_name + " (" + run_file(*place.data_dir) + ")"};
  }
  return {};
}

// The token of a folder may be unreadable for this user; tenants' tokens work all the same.
std::string folder_token(const std::string& data_dir) {
  const auto text = read_file(data_dir + "/operator.token", 4096);
  return text ? std::string(trim(*text)) : std::string{};
}

bool names_a_place(const NamedContext& context) {
  return context.server || context.data_dir || !context.endpoints.empty();
}

// Folder and file: who owns the folder could put another file there.
bool is_trusted(const std::string& folder, uid_t user) {
  if (folder == kSystemDataDir) return true;
  return std::ranges::all_of(std::array{folder, run_file(folder)}, [&](const std::string& path) {
    struct stat info {};
    return ::stat(path.c_str(), &info) == 0 && (info.st_uid == user || info.st_uid == 0);
  });
}

Status find_server(const Globals& globals, const NamedContext& context, const Surroundings& around,
                   Settings& settings) {
  const std::string in_context = "context " + settings.context;
  const Place places[] = {
      {globals.server, globals.data_dir, {}, Level::flag, "--server", "--data-dir"},
      {variable(around, "MESH_SERVER"),
       variable(around, "MESH_DATA_DIR"),
       {},
       Level::environment,
       "$MESH_SERVER",
       "$MESH_DATA_DIR"},
      {context.server, context.data_dir, context.endpoints, Level::context, in_context, in_context},
  };
  // The first level that names a place decides alone. A folder that a later one names stays out of
  // it, and with it its token.
  for (const Place& place : places) {
    if (place.data_dir) {
      settings.data_dir = *place.data_dir;
      settings.operator_token = folder_token(*place.data_dir);
    }
    if (place.server || place.data_dir || !place.endpoints.empty())
      return use_place(place, settings);
  }
  for (const std::string& folder : around.local_data_dirs) {
    std::error_code ignored;
    // Only where a meshd runs: a folder that is not named by anybody is no reason for an error.
    if (!std::filesystem::exists(run_file(folder), ignored)) continue;
    if (!is_trusted(folder, around.user)) continue;
    settings.data_dir = folder;
    settings.operator_token = folder_token(folder);
    return use_place({{}, folder, {}, Level::found, "", "a meshd found on this machine"}, settings);
  }
  return {};
}

// Whom to believe, and the client's certificate, once it is known who is asked.
Status find_tls(const Globals& globals, const NamedContext& context, const Surroundings& around,
                Settings& settings) {
  const bool elsewhere = names_a_place(context) && settings.endpoints_from.level != Level::context;
  const auto pick = [&](const Given& flag, const char* flag_name, const char* env_name,
                        const Given& in_context) {
    return first(flag, flag_name, around, env_name, elsewhere ? Given{} : in_context,
                 settings.context);
  };
  http::ClientTls& tls = settings.tls;
  tls.ca_setting = "--ca FILE";
  tls.skip_verify = globals.skip_tls_verify;
  if (auto ca = pick(globals.ca_file, "--ca", "MESH_CA_FILE", context.ca_file)) {
    tls.ca_file = std::move(ca->value);
    tls.pinned_key.clear();
  }
  auto cert = pick(globals.client_cert, "--client-cert", "MESH_CLIENT_CERT", context.client_cert);
  auto key = pick(globals.client_key, "--client-key", "MESH_CLIENT_KEY", context.client_key);
  if (cert.has_value() != key.has_value()) {
    return fail(ErrorKind::invalid, (cert ? cert : key)->from.name +
                                        " is given alone: a client certificate is both "
                                        "--client-cert and --client-key");
  }
  if (cert) {
    tls.cert_file = std::move(cert->value);
    tls.key_file = std::move(key->value);
  }
  return {};
}

}  // namespace

const std::vector<std::string>& format_names() {
  static const std::vector<std::string> names{"table", "wide", "json", "yaml",
                                              "csv",   "name", "help"};
  return names;
}

std::optional<Format> parse_format(std::string_view name) {
  const auto& names = format_names();
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Format>(found - names.begin());
}

Result<Settings> resolve(const Globals& globals, const ContextFile& file,
                         const Surroundings& around) {
  Settings settings;
  if (const auto name = first(globals.context, "--context", around, "MESH_CONTEXT", {}, "")) {
    if (!file.contexts.contains(name->value)) {
      return fail(ErrorKind::not_found, "there is no context \"" + name->value + "\" (named by " +
                                            name->from.name + "); `mesh context list` shows them");
    }
    settings.context = name->value;
  } else if (file.contexts.contains(file.current)) {
    settings.context = file.current;
  }
  static const NamedContext kNone;
  const NamedContext& context =
      settings.context.empty() ? kNone : file.contexts.at(settings.context);
  const auto pick = [&](const Given& flag, const char* flag_name, const char* env_name,
                        const Given& in_context) {
    return first(flag, flag_name, around, env_name, in_context, settings.context);
  };

  if (const auto output = pick(globals.output, "--output", "MESH_OUTPUT", context.output)) {
    const auto format = parse_format(output->value);
    if (!format) {
      return fail(ErrorKind::invalid, output->from.name + ": \"" + output->value +
                                          "\" is not an output; allowed are " +
                                          join(format_names(), ", "));
    }
    settings.format = *format;
  }
  if (const auto timeout = pick(globals.timeout, "--timeout", "MESH_TIMEOUT", {})) {
    const auto duration = parse_duration(timeout->value);
    if (!duration || duration->count() == 0) {
      return fail(ErrorKind::invalid, timeout->from.name + ": \"" + timeout->value +
                                          "\" is not a duration such as 30s or 5m");
    }
    settings.timeout = *duration;
  }
  if (const auto tenant = pick(globals.tenant, "--tenant", "MESH_TENANT", context.tenant)) {
    if (!tenant->value.empty()) (void)MESH_TRY(TenantId::parse(tenant->value));
    settings.tenant = tenant->value;
    settings.tenant_from = tenant->from;
  }
  if (const auto token = pick(globals.token, "--token", "MESH_TOKEN", context.token)) {
    const std::string text(trim(token->value));
    if (text.find_first_of(" \t\r\n") != text.npos || !is_printable(text)) {
      return fail(ErrorKind::invalid,
                  token->from.name + " has white space or control characters in it");
    }
    settings.token = text;
    settings.token_from = token->from;
  }
  MESH_TRY(find_server(globals, context, around, settings));
  MESH_TRY(find_tls(globals, context, around, settings));
  // A context's token is for the context's server. One of a context that names no server is for
  // whatever is asked.
  if (settings.token_from.level == Level::context && names_a_place(context) &&
      settings.endpoints_from.level != Level::context) {
    settings.token.clear();
    settings.token_from = {};
  }
  return settings;
}

bool is_tenant_token(std::string_view token) { return token_owner(token).has_value(); }

std::optional<TokenOwner> token_owner(std::string_view token) {
  // One colon is a dev token, three parts with readable claims are a JWT; any other text may be an
  // operator's.
  const auto colon = token.find(':');
  if (colon != token.npos && token.find(':', colon + 1) == token.npos) {
    return TokenOwner{std::string(token.substr(0, colon)), std::string(token.substr(colon + 1))};
  }
  const auto parts = split(token, '.');
  if (parts.size() != 3) return std::nullopt;
  const auto payload = base64url_decode(parts[1]);
  const auto claims = payload ? parse_json(*payload) : Result<Json>(fail(ErrorKind::invalid, ""));
  if (!claims || !claims->is_object()) return std::nullopt;
  TokenOwner owner;
  if (const auto it = claims->find("tenant_id"); it != claims->end() && it->is_string())
    owner.tenant = *it;
  if (const auto it = claims->find("sub"); it != claims->end() && it->is_string()) owner.user = *it;
  return owner;
}

client::Options client_options(const Settings& settings) {
  client::Options options;
  options.endpoints = settings.endpoints;
  options.token = settings.token;
  // A token given for this run, or an operator's of a context, opens the admin API or is refused
  // there; the folder's never stands in for it.
  const Level level = settings.token_from.level;
  const bool for_this_run = level == Level::flag || level == Level::environment;
  const bool by_hand =
      !settings.token.empty() && (for_this_run || !is_tenant_token(settings.token));
  options.operator_token = by_hand ? settings.token : settings.operator_token;
  options.tenant = settings.tenant;
  options.tls = settings.tls;
  if (settings.timeout) options.timeout = *settings.timeout;
  return options;
}

}  // namespace mesh::cli
