#include <iterator>

#include "cli/commands/verb.h"
#include "cli/files.h"
#include "common/yaml/json.h"

namespace mesh::cli {
namespace {

constexpr std::size_t kMaxFile = 1 << 20;

std::string schema_text(const Json& schema) {
  const Json& required = at_path(schema, "required");
  std::string text = schema.empty() ? "anything" : plain_text(at_path(schema, "type"));
  if (required.is_array() && !required.empty()) text += " of " + plain_text(required);
  return text;
}

const View& type_view() {
  static const View view{
      "type",
      {{"type", "TYPE", "the event type"},
       {"topic", "TOPIC", "where its events go"},
       {"schema", "SCHEMA", "the JSON Schema of its data; tables show type and required members",
        Field::Show::always, Field::Kind::text, schema_text},
       {"outcome", "OUTCOME", "of register and check: registered, changed or unchanged",
        Field::Show::wide}},
      "TYPE"};
  return view;
}

struct TypeArgs {
  std::string tenant, type, file;
};

Outcome list(Session& session, const TypeArgs& args) {
  if (!args.type.empty()) {
    const auto type = MESH_TRY(session.mesh->type(args.tenant, args.type));
    session.out.row(type_view(), type);
    return Exit::ok;
  }
  const auto types = MESH_TRY(session.mesh->types(args.tenant));
  session.out.items(type_view(), types);
  return Exit::ok;
}

// JSON is YAML.
Result<Json> read_schema(const std::string& path, std::istream& in) {
  std::string text;
  if (path == "-") {
    text.assign(std::istreambuf_iterator<char>(in), {});
  } else {
    text = MESH_TRY(read_file(path, kMaxFile));
  }
  auto schema = yaml::to_json(text);
  if (schema) return schema;
  return fail(ErrorKind::invalid, path + ": " + schema.error().message);
}

Outcome send(Session& session, const TypeArgs& args, bool dry_run) {
  const auto schema = MESH_TRY(read_schema(args.file, session.in));
  const auto type = MESH_TRY(session.mesh->register_type(args.tenant, args.type, schema, dry_run));
  const std::string outcome = plain_text(at_path(type, "outcome"));
  session.out.note("type " + args.type + (dry_run ? " would be " : " is ") + outcome);
  session.out.row(type_view(), type);
  return Exit::ok;
}

Outcome remove(Session& session, const TypeArgs& args) {
  MESH_TRY(confirm(session, "Take the type " + args.type + " from tenant " + args.tenant +
                                "? Events of it are refused from then on; those that were taken "
                                "stay."));
  MESH_TRY(session.mesh->delete_type(args.tenant, args.type));
  session.out.note("type " + args.type + " is deleted");
  return Exit::ok;
}

CLI::App& add(Commands& commands, CLI::App& group, Verb verb, std::shared_ptr<TypeArgs> args) {
  verb.tenant = TenantUse::argument;
  auto& app = commands.verb(group, std::move(verb));
  app.add_option("TENANT", args->tenant, "The tenant")->required();
  return app;
}

}  // namespace

void add_types(Commands& commands) {
  auto& group = commands.group("types", "Tenants' own event types", purpose::kTenancy);
  auto listed = std::make_shared<TypeArgs>();
  add(commands, group,
      {.name = "list",
       .summary = "List the event types of a tenant, or show one",
       .examples = "mesh types list acme\nmesh types list acme order.placed -o json\n",
       .view = &type_view(),
       .run = [listed](Session& session) { return list(session, *listed); }},
      listed)
      .add_option("TYPE", listed->type, "Only this one");
  for (const bool check : {false, true}) {
    auto args = std::make_shared<TypeArgs>();
    Verb verb{.name = "register",
              .summary = "Give an event type its JSON Schema",
              .details =
                  "In place of an older schema it must take all that the older one took; "
                  "what does not needs another name, such as order.placed.v2.",
              .examples = "mesh types register acme order.placed -f order.json\n"};
    if (check) {
      verb.name = "check";
      verb.summary = "Tell whether an event type may have a JSON Schema";
      verb.details = "As register does, and changes nothing.";
      verb.examples = "mesh types check acme order.placed -f order.json\n";
    }
    verb.view = &type_view();
    verb.run = [args, check](Session& session) { return send(session, *args, check); };
    auto& app = add(commands, group, std::move(verb), args);
    app.add_option("TYPE", args->type, "The type, <entity>.<action>")->required();
    app.add_option("-f,--file", args->file, "The schema as JSON or YAML, or - for stdin")
        ->required()
        ->type_name("FILE");
  }
  auto gone = std::make_shared<TypeArgs>();
  add(commands, group,
      {.name = "delete",
       .summary = "Take an event type from a tenant",
       .examples = "mesh types delete acme order.placed --yes\n",
       .run = [gone](Session& session) { return remove(session, *gone); }},
      gone)
      .add_option("TYPE", gone->type, "The type")
      ->required();
}

}  // namespace mesh::cli
