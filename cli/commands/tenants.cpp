#include "cli/commands/tenants.h"

#include "cli/commands/purge.h"
#include "cli/commands/wait_options.h"
#include "cli/rate_text.h"
#include "cli/render/width.h"
#include "cli/tenant_files.h"
#include "common/base/strings.h"
#include "common/base/time.h"

namespace mesh::cli {
namespace {

std::string limits_text(const Json& limits) {
  std::string text;
  for (const auto& [scope, policy] : limits.items()) {
    text += (text.empty() ? "" : "; ") + scope + " " + policy_text(policy);
  }
  return text.empty() ? "-" : text;
}

std::string roles_text(const Json& roles) {
  std::string text;
  const auto add = [&](const std::string& user, const Json& role) {
    text += (text.empty() ? "" : "; ") + user + " " + plain_text(role);
  };
  for (const auto& [user, role] : at_path(roles, "users").items()) add(user, role);
  const Json others = at_path(roles, "default");
  if (!others.is_null()) add(text.empty() ? "all" : "others", others);
  return text.empty() ? "-" : text;
}

std::string types_text(const Json& types) {
  std::string text;
  for (const auto& [type, schema] : types.items()) text += (text.empty() ? "" : ",") + type;
  return text.empty() ? "-" : text;
}

const View& use_view() {
  static const View view{
      "quota",
      {{"quota", "QUOTA", "what is bounded"},
       {"used", "USED", "in the period so far", Field::Show::always, Field::Kind::count},
       {"limit", "LIMIT", "at most", Field::Show::always, Field::Kind::count},
       {"ends", "ENDS", "when it begins anew; - for a level", Field::Show::always,
        Field::Kind::time}},
      "QUOTA"};
  return view;
}

const View& tenant_view() {
  static const View view{
      "id",
      {{"id", "TENANT", "the tenant's id"},
       {"name", "NAME", "its name for people"},
       {"allow_unknown_types", "UNKNOWN TYPES", "may it publish event types outside the catalogue",
        Field::Show::wide},
       {"rate_limits", "LIMITS", "rate limits of its own, by scope", Field::Show::always,
        Field::Kind::text, limits_text},
       {"quotas", "QUOTAS", "bounds of what it uses in a day or a month, by quota",
        Field::Show::wide},
       {"roles", "ROLES", "what users may do with its credentials; - for all that a tenant may",
        Field::Show::wide, Field::Kind::text, roles_text},
       {"use", "USE", "of get: what it has used of each quota", Field::Show::never,
        Field::Kind::json},
       {"types", "TYPES", "its own event types with their JSON Schemas", Field::Show::wide,
        Field::Kind::text, types_text},
       {"search", "SEARCHABLE", "the types whose events are searched as the record says",
        Field::Show::wide, Field::Kind::text, types_text},
       {"retention", "RETENTION", "how old its activity may become; - for log.retention alone",
        Field::Show::wide},
       {"managed_by", "MANAGED BY", "the owner whose files say what the record is",
        Field::Show::wide},
       {"closed", "CLOSED", "its data are being purged, and its requests refused",
        Field::Show::wide},
       {"created_at", "CREATED", "when its record was made", Field::Show::always,
        Field::Kind::time},
       {"updated_at", "UPDATED", "when it was changed last", Field::Show::wide, Field::Kind::time},
       {"version", "VERSION", "rises with each change", Field::Show::wide}},
      "TENANT"};
  return view;
}

constexpr const char* kLogged = "the change is in the log";

struct TenantArgs {
  std::string id, name;
  std::vector<std::string> limits, quotas, roles;
  std::optional<bool> unknown_types;
  std::optional<std::string> default_role, retention, managed_by;
  int limit = 0;
  WaitOptions wait;
};

Result<Json> body_of(const TenantArgs& args) {
  Json body = Json::object();
  if (!args.name.empty()) body["name"] = args.name;
  if (args.unknown_types) body["allow_unknown_types"] = *args.unknown_types;
  for (const std::string& text : args.limits) {
    const auto equals = text.find('=');
    if (equals == text.npos || equals == 0) {
      return fail(ErrorKind::invalid,
                  "\"" + text + "\": write SCOPE=RATE/PER, such as search=30/1m, or SCOPE=none");
    }
    if (std::string_view(text).substr(equals + 1) == "none") {
      // The record is patched scope by scope: null takes one away, and the others stay.
      body["rate_limits"][text.substr(0, equals)] = nullptr;
      continue;
    }
    auto rate = parse_rate(std::string_view(text).substr(equals + 1));
    if (!rate) {
      return fail(ErrorKind::invalid, "--rate-limit " + text + ": " + rate.error().message +
                                          ", or " + text.substr(0, equals) +
                                          "=none for the configuration's default");
    }
    body["rate_limits"][text.substr(0, equals)] = to_policy(*rate);
  }
  for (const std::string& text : args.quotas) {
    const auto equals = std::min(text.find('='), text.size());
    const std::string name = text.substr(0, equals),
                      most = text.substr(std::min(equals + 1, text.size()));
    const auto number = parse_int(most);
    if (!quota_of(name) || (most != "none" && (!number || *number < 0))) {
      return fail(ErrorKind::invalid,
                  "--quota " + text +
                      ": write QUOTA=N or QUOTA=none; a quota is events_per_day, bytes_per_day, "
                      "stored_users, embedding_tokens_per_month or chat_tokens_per_day");
    }
    body["quotas"][name] = most == "none" ? Json() : Json(*number);
  }
  if (args.default_role) body["roles"]["default"] = *args.default_role;
  for (const std::string& text : args.roles) {
    // The last one: a user's name may have them.
    const auto equals = text.rfind('=');
    const std::string role = equals == text.npos ? "" : text.substr(equals + 1);
    if (equals == 0 || (role != "none" && !token_role_of(role))) {
      return fail(ErrorKind::invalid, "--role " + text +
                                          ": write USER=ROLE or USER=none; a role is reader, "
                                          "publisher or writer");
    }
    body["roles"]["users"][text.substr(0, equals)] = role == "none" ? Json() : Json(role);
  }
  if (args.retention) {
    const auto age = parse_duration(*args.retention);
    if (*args.retention != "none" && !age) {
      return fail(ErrorKind::invalid,
                  "--retention: " + age.error().message + ", or none for log.retention alone");
    }
    body["retention"] = age ? Json(*args.retention) : Json();
  }
  if (args.managed_by) body["managed_by"] = *args.managed_by;
  return body;
}

Outcome show_tenant(Session& session, const std::string& id) {
  auto tenant = MESH_TRY(session.mesh->tenant(id));
  if (session.out.format() == Format::yaml) {
    // What apply takes, and nothing else. With the version, so that it overwrites no change that
    // comes while the document is edited.
    const auto record = MESH_TRY(tenant_from_json(tenant));
    Json document = to_document(record);
    document["version"] = record.version;
    session.out.row(tenant_view(), document);
    return Exit::ok;
  }
  const bool bounded = !at_path(tenant, "quotas").empty();
  if (bounded) tenant["use"] = MESH_TRY(session.mesh->quotas(id));
  if (!bounded || !session.out.for_people()) {
    session.out.row(tenant_view(), tenant);
  } else {
    session.out.record(tenant_view(), tenant, {{"QUOTAS", "use", &use_view()}});
  }
  return Exit::ok;
}

Outcome print(Session& session, const Result<client::ChangedTenant>& changed) {
  if (!changed) return fail(changed.error());
  session.out.row(tenant_view(), changed->tenant);
  return seen(session, changed->written);
}

Outcome create(Session& session, const TenantArgs& args) {
  auto body = MESH_TRY(body_of(args));
  client::WriteOptions write;
  MESH_TRY(set_wait(write, args.wait));
  Json tenant{{"id", args.id}};
  tenant.update(body);
  // The API requires a name.
  if (!tenant.contains("name")) tenant["name"] = args.id;
  return print(session, session.mesh->create_tenant(tenant, write));
}

Outcome update(Session& session, const TenantArgs& args) {
  auto body = MESH_TRY(body_of(args));
  if (body.empty())
    return fail(ErrorKind::invalid,
                "nothing to change: give --name, --unknown-types, --rate-limit, --quota, --role, "
                "--default-role, --retention or --managed-by");
  client::WriteOptions write;
  MESH_TRY(set_wait(write, args.wait));
  return print(session, session.mesh->update_tenant(args.id, body, write));
}

Outcome list(Session& session, const TenantArgs& args) {
  auto tenants = MESH_TRY(session.mesh->tenants(args.limit, session.settings.tenant));
  session.out.items(tenant_view(), tenants);
  return Exit::ok;
}

Outcome remove(Session& session, const TenantArgs& args) {
  const std::string& id = args.id;
  client::WriteOptions write;
  MESH_TRY(set_wait(write, args.wait));
  // What the record says is for the question; without one it need not be asked for.
  if (!session.globals.yes) {
    const auto tenant = MESH_TRY(session.mesh->tenant(id));
    std::string question = "Delete the record of tenant " + id + ", whose rate limits are " +
                           printable(limits_text(at_path(tenant, "rate_limits"))) +
                           ", so that the configuration's defaults hold for it? This cannot be "
                           "undone; its users and events stay.";
    if (!at_path(tenant, "roles").empty()) {
      question += " Its roles go, too: every token of it may write then.";
    }
    MESH_TRY(confirm(session, question));
  }
  auto written = MESH_TRY(session.mesh->delete_tenant(id, write));
  session.out.note("tenant " + id + " is deleted");
  return seen(session, written);
}

// `id`: ID of a new tenant, TENANT of one that exists.
void add_change(Commands& commands, CLI::App& group, Verb described, const char* id,
                Outcome (*run)(Session&, const TenantArgs&)) {
  auto args = std::make_shared<TenantArgs>();
  described.view = &tenant_view();
  described.run = [args, run](Session& session) { return run(session, *args); };
  auto& verb = commands.verb(group, std::move(described));
  verb.add_option(id, args->id, "The tenant's id: lower-case letters, digits and dashes")
      ->required();
  verb.add_option("--name", args->name, "Its name for people")->type_name("NAME");
  // A value, not a switch: an update must be able to say false, and to say nothing.
  verb.add_option_function<bool>(
          "--unknown-types", [args](bool allow) { args->unknown_types = allow; },
          "May it publish event types outside the catalogue")
      ->check(true_or_false())
      ->type_name("true|false");
  verb.add_option("--rate-limit", args->limits,
                  "SCOPE=RATE/PER[+BURST], such as search=30/1m, or SCOPE=none for the "
                  "configuration's default; may be repeated")
      ->type_name("SCOPE=RATE/PER|SCOPE=none")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  verb.add_option("--quota", args->quotas,
                  "QUOTA=N, such as events_per_day=100000, or QUOTA=none; may be repeated")
      ->type_name("QUOTA=N|QUOTA=none")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  verb.add_option("--role", args->roles,
                  "USER=ROLE for what the holder of USER's token may do: reader, publisher or "
                  "writer, or USER=none for the default; may be repeated")
      ->type_name("USER=ROLE|USER=none")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  verb.add_option_function<std::string>(
          "--default-role", [args](const std::string& role) { args->default_role = role; },
          "What all other users' tokens may do (writer)")
      ->check(CLI::IsMember({"reader", "publisher", "writer"}))
      ->type_name("reader|publisher|writer");
  verb.add_option_function<std::string>(
          "--retention", [args](const std::string& age) { args->retention = age; },
          "How old its activity may become, such as 7d; none: as log.retention says alone")
      ->type_name("AGE|none");
  verb.add_option_function<std::string>(
          "--managed-by", [args](const std::string& owner) { args->managed_by = owner; },
          "Whose files say what the record is (`mesh apply --owner`); empty: nobody's")
      ->type_name("NAME");
  add_wait(verb, args->wait, kLogged, kTenantAcks);
}

}  // namespace

void add_tenants(Commands& commands) {
  auto& group =
      commands.group("tenants", "Tenants and what is special about them", purpose::kTenancy);
  add_change(
      commands, group,
      {.name = "create",
       .summary = "Make the record of a tenant",
       .details = "A tenant needs no record to be used; one that has none works with the "
                  "configuration's defaults.",
       .examples = "mesh tenants create acme --name \"Acme Corp\"\n"
                   "mesh tenants create beta --unknown-types true --rate-limit search=30/1m\n",
       .tenant = TenantUse::argument},
      "ID", create);
  auto listed = std::make_shared<TenantArgs>();
  commands
      .verb(group, {.name = "list",
                    .summary = "List the tenants that have a record",
                    .details = "With --tenant only that one's.",
                    .examples = "mesh tenants list\nmesh tenants list -o name\n",
                    .tenant = TenantUse::restricts,
                    .view = &tenant_view(),
                    .run = [listed](Session& session) { return list(session, *listed); }})
      .add_option("-n,--limit", listed->limit, "At most so many (all)")
      ->check(whole_number(1, 1'000'000))
      ->type_name("N");
  auto id = std::make_shared<std::string>();
  commands
      .verb(group, {.name = "get",
                    .summary = "Show a tenant",
                    .details = "With what it has used of its quotas. -o yaml prints the document "
                               "that `mesh apply` takes, of that version.",
                    .examples = "mesh tenants get acme\nmesh tenants get acme -o yaml\n",
                    .tenant = TenantUse::argument,
                    .view = &tenant_view(),
                    .run = [id](Session& session) { return show_tenant(session, *id); }})
      .add_option("TENANT", *id, "The tenant's id")
      ->required();
  add_change(commands, group,
             {.name = "update",
              .summary = "Change a tenant's record",
              .details = "What is not named stays; so do the limits of other scopes.",
              .examples = "mesh tenants update acme --name \"Acme Inc\"\n"
                          "mesh tenants update acme --unknown-types false\n"
                          "mesh tenants update acme --rate-limit search=30/1m\n"
                          "mesh tenants update acme --rate-limit search=none\n"
                          "mesh tenants update acme --quota events_per_day=100000\n"
                          "mesh tenants update acme --retention 30d\n"
                          "mesh tenants update acme --default-role reader --role bot=publisher\n",
              .tenant = TenantUse::argument},
             "TENANT", update);
  auto gone = std::make_shared<TenantArgs>();
  auto& deletion = commands.verb(
      group,
      {.name = "delete",
       .summary = "Delete a tenant's record",
       .details =
           "Its users and events stay; the configuration's defaults hold for it from then on. Its "
           "roles go: every token of it may write then.",
       .examples = "mesh tenants delete acme --yes\n",
       .tenant = TenantUse::argument,
       .run = [gone](Session& session) { return remove(session, *gone); }});
  deletion.add_option("TENANT", gone->id, "The tenant's id")->required();
  add_wait(deletion, gone->wait, kLogged, kTenantAcks);
  auto purged = std::make_shared<PurgeArgs>();
  auto& purging = commands.verb(
      group,
      {.name = "purge",
       .summary = "Erase all that is kept of a tenant, with a signed receipt",
       .details =
           "Shows first what there is, place by place, and asks for the tenant's name. Then "
           "requests "
           "of the tenant are refused, and users, events, projections, vectors, dead letters, "
           "retries and answers go; at the end it is counted again, and the receipt says what "
           "went, "
           "what remains and why. Backups are not reached. Ctrl-C leaves the work running.",
       .examples = "mesh tenants purge acme --dry-run\n"
                   "mesh tenants purge acme --confirm acme --receipt acme.receipt.json\n",
       .tenant = TenantUse::argument,
       .view = &place_view(),
       .run = [purged](Session& session) { return purge(session, *purged); }});
  purging.add_option("TENANT", purged->tenant, "The tenant's id")->required();
  add_purge_options(purging, *purged, "TENANT");
  add_tenants_top(commands, group);
}

}  // namespace mesh::cli
