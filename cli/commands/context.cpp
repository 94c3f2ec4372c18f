#include "cli/commands/verb.h"

#include "cli/context_file.h"

namespace mesh::cli {
namespace {

const View& context_view() {
  static const View view{
      "name",
      {{"current", "CURRENT", "is it the one in use"},
       {"name", "NAME", "the context's name"},
       {"server", "SERVER", "one address for every role"},
       {"data_dir", "DATA DIR", "data folder of a meshd on this machine"},
       {"tenant", "TENANT", "the tenant to act for"},
       {"token", "TOKEN", "set or not; never shown"},
       {"endpoints", "ENDPOINTS", "an address per role", Field::Show::wide},
       {"output", "OUTPUT", "how to print", Field::Show::wide},
       {"ca_file", "CA", "who signs the server's certificate", Field::Show::wide},
       {"client_cert", "CLIENT CERT", "the client's certificate", Field::Show::wide},
       {"client_key", "CLIENT KEY", "the file of its key", Field::Show::wide}},
      "SERVER"};
  return view;
}

struct ContextArgs {
  std::string name;
  std::vector<std::string> endpoints;
};

Json to_json(const std::string& name, const NamedContext& context, bool current) {
  const auto text = [](const std::optional<std::string>& value) {
    return value ? Json(*value) : Json(nullptr);
  };
  // The token itself never leaves the file through this tool.
  Json endpoints = Json::object();
  for (const auto& [role, url] : context.endpoints) endpoints[role] = url;
  return {{"name", name},
          {"current", current},
          {"server", text(context.server)},
          {"data_dir", text(context.data_dir)},
          {"endpoints", endpoints},
          {"tenant", text(context.tenant)},
          {"token", context.token ? "set" : "none"},
          {"ca_file", text(context.ca_file)},
          {"client_cert", text(context.client_cert)},
          {"client_key", text(context.client_key)},
          {"output", text(context.output)}};
}

std::string path_of(const Session& session) { return context_file_path(session.surroundings.env); }

// A context is used from any folder, so a relative path would mean another one each time.
std::optional<std::string> absolute(const std::optional<std::string>& path) {
  if (!path) return path;
  std::error_code ignored;
  const auto whole = std::filesystem::absolute(*path, ignored);
  return ignored ? *path : whole.lexically_normal().string();
}

Outcome add(Session& session, const ContextArgs& args) {
  auto file = MESH_TRY(load_contexts(path_of(session)));
  NamedContext context;
  // Flags alone: what the environment says holds for one shell, and would be kept by accident.
  const Globals& given = session.globals;
  if (given.server) {
    context.server = MESH_TRY(normal_url(*given.server));
  }
  context.data_dir = absolute(given.data_dir);
  context.ca_file = absolute(given.ca_file);
  context.client_cert = absolute(given.client_cert);
  context.client_key = absolute(given.client_key);
  for (const std::string& text : args.endpoints) {
    const auto equals = text.find('=');
    const std::string role = text.substr(0, equals);
    if (equals == text.npos || !client::parse_role(role)) {
      return fail(ErrorKind::invalid,
                  "\"" + text +
                      "\": write ROLE=URL; roles are users, gateway, publisher, subscriber, admin");
    }
    context.endpoints[role] = MESH_TRY(normal_url(text.substr(equals + 1)));
  }
  // resolve_locally has checked tenant and output before this verb ran; a token is checked when it
  // is used.
  context.token = given.token;
  context.tenant = given.tenant;
  context.output = given.output;
  if (!context.server && !context.data_dir && context.endpoints.empty() && !context.token &&
      !context.tenant && !context.output && !context.ca_file && !context.client_cert) {
    return fail(ErrorKind::invalid,
                "an empty context: give at least one of --server, --endpoint, --data-dir, --ca, "
                "--client-cert, --token, --tenant, --output");
  }
  // The context is replaced as a whole: nothing of an earlier one of this name stays.
  file.contexts[args.name] = context;
  if (file.current.empty()) file.current = args.name;
  MESH_TRY(save_contexts(path_of(session), file));
  session.out.note("context " + args.name + " is saved in " + path_of(session) +
                   (file.current == args.name
                        ? " and in use"
                        : "; `mesh context use " + args.name + "` takes it in use"));
  return Exit::ok;
}

Outcome use(Session& session, const std::string& name) {
  auto file = MESH_TRY(load_contexts(path_of(session)));
  if (!file.contexts.contains(name)) {
    return fail(ErrorKind::not_found,
                "there is no context \"" + name + "\"; `mesh context list` shows them");
  }
  file.current = name;
  MESH_TRY(save_contexts(path_of(session), file));
  session.out.note("context " + name + " is in use");
  return Exit::ok;
}

Outcome list_contexts(Session& session) {
  auto file = MESH_TRY(load_contexts(path_of(session)));
  std::vector<Json> rows;
  for (const auto& [name, context] : file.contexts)
    rows.push_back(to_json(name, context, name == file.current));
  session.out.items(context_view(), rows);
  return Exit::ok;
}

Outcome show_context(Session& session, std::string name) {
  auto file = MESH_TRY(load_contexts(path_of(session)));
  if (name.empty()) name = file.current;
  if (name.empty()) return fail(ErrorKind::not_found, "no context is in use");
  const auto found = file.contexts.find(name);
  if (found == file.contexts.end())
    return fail(ErrorKind::not_found, "there is no context \"" + name + "\"");
  session.out.record(context_view(), to_json(name, found->second, name == file.current));
  return Exit::ok;
}

Outcome remove_context(Session& session, const std::string& name) {
  auto file = MESH_TRY(load_contexts(path_of(session)));
  if (file.contexts.erase(name) == 0)
    return fail(ErrorKind::not_found, "there is no context \"" + name + "\"");
  // A current context that is not there would be a finding of `mesh doctor`.
  if (file.current == name) file.current.clear();
  MESH_TRY(save_contexts(path_of(session), file));
  session.out.note("context " + name + " is removed");
  return Exit::ok;
}

using RunNamed = Outcome (*)(Session&, const std::string&);

}  // namespace

void add_context(Commands& commands) {
  auto& group = commands.group("context", "Named places and identities", purpose::kSetup);
  auto args = std::make_shared<ContextArgs>();
  auto& verb = commands.verb(
      group,
      {.name = "add",
       .summary = "Save a context, or replace one",
       .details =
           "It keeps the --server, --data-dir, --token, --tenant and --output given with it, in "
           "~/.config/mesh/config.yaml (readable by you alone). The first one is taken in use.",
       .examples = "mesh context add local --data-dir ./mesh-data --tenant acme\n"
                   "mesh context add prod --server https://mesh.example.org --token acme:alice\n"
                   "mesh context add split --endpoint admin=http://10.0.0.5:9090 --endpoint "
                   "users=http://10.0.0.6:8081\n",
       .tenant = TenantUse::acts,
       .run = [args](Session& session) { return add(session, *args); },
       .needs = Needs::nothing,
       .keeps_output = true});
  verb.add_option("NAME", args->name, "The context's name")->required();
  verb.add_option("--endpoint", args->endpoints, "Address of one role; may be repeated")
      ->type_name("ROLE=URL")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  commands.verb(group, {.name = "list",
                        .summary = "List the contexts",
                        .examples = "mesh context list\n",
                        .tenant = TenantUse::none,
                        .view = &context_view(),
                        .run = list_contexts,
                        .needs = Needs::nothing});
  const auto add_named = [&](Verb described, RunNamed run, bool required) {
    auto name = std::make_shared<std::string>();
    described.run = [name, run](Session& session) { return run(session, *name); };
    described.needs = Needs::nothing;
    auto* option = commands.verb(group, std::move(described))
                       .add_option("CONTEXT", *name, "The context's name");
    if (required) option->required();
  };
  add_named({.name = "use",
             .summary = "Take a context in use",
             .examples = "mesh context use local\n",
             .tenant = TenantUse::none},
            use, true);
  add_named(
      {.name = "show",
       .summary = "Show a context, without its token",
       .examples = "mesh context show\nmesh context show local -o yaml\n",
       .tenant = TenantUse::none,
       .view = &context_view()},
      [](Session& session, const std::string& name) { return show_context(session, name); }, false);
  add_named({.name = "remove",
             .summary = "Remove a context",
             .examples = "mesh context remove local\n",
             .tenant = TenantUse::none},
            remove_context, true);
}

}  // namespace mesh::cli
