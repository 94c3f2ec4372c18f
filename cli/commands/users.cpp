#include "cli/commands/users.h"

#include <limits>

#include "cli/commands/purge.h"
#include "cli/commands/verb.h"
#include "cli/commands/wait_options.h"
#include "cli/render/width.h"

namespace mesh::cli {

const View& user_view() {
  static const View view{
      "id",
      {{"id", "ID", "the user's number, unique within the tenant"},
       {"email", "EMAIL", "e-mail address, unique within the tenant (case does not count)"},
       {"name", "NAME", "the name people see and search"},
       {"tenantId", "TENANT", "the tenant the user belongs to", Field::Show::wide}}};
  return view;
}

namespace {

const View& changed_view() {
  static const View view = [] {
    View changed = user_view();
    changed.fields.push_back(position_field());
    return changed;
  }();
  return view;
}

const View& deleted_view() {
  static const View view{"id", {{"id", "ID", "the user's number"}, position_field()}};
  return view;
}

struct CreateArgs {
  std::string email, name;
  client::WriteOptions write;
  WaitOptions wait;
};

Outcome create(Session& session, CreateArgs args) {
  MESH_TRY(need_tenant(session));
  MESH_TRY(set_wait(args.write, args.wait));
  auto created = MESH_TRY(session.mesh->create_user({args.email, args.name}, args.write));
  session.out.row(changed_view(), with_position(to_json(created.user), created.written));
  return seen(session, created.written);
}

struct ListArgs {
  int limit = 100;
  bool all = false;
  std::string email;
};

Outcome list(Session& session, const ListArgs& args) {
  MESH_TRY(need_tenant(session));
  // The server's most. Pages are gathered before anything is printed: the widest cell makes a
  // column's width, and JSON is one array.
  constexpr int kPage = 1000;
  const auto most =
      args.all ? std::numeric_limits<std::size_t>::max() : static_cast<std::size_t>(args.limit);
  client::UserQuery query{args.all ? kPage : std::min(args.limit, kPage), args.email, {}};
  std::vector<Json> rows;
  bool more = false;
  do {
    auto page = MESH_TRY(session.mesh->list_users(query));
    // The last page may have more than is asked for: all pages have the size of the first.
    const std::size_t shown = std::min(most - rows.size(), page.users.size());
    for (std::size_t i = 0; i < shown; ++i) rows.push_back(to_json(page.users[i]));
    more = shown < page.users.size() || !page.next.empty();
    query.page = page.next;
  } while (more && rows.size() < most);
  session.out.items(user_view(), rows);
  if (more) session.out.note("there are more: --all shows them");
  return Exit::ok;
}

Outcome get(Session& session, std::int64_t id) {
  MESH_TRY(need_tenant(session));
  auto user = MESH_TRY(session.mesh->get_user(id));
  session.out.row(user_view(), to_json(user));
  return Exit::ok;
}

struct UpdateArgs {
  std::int64_t id = 0;
  std::string email, name;
  WaitOptions wait;
};

Outcome update(Session& session, const UpdateArgs& args) {
  MESH_TRY(need_tenant(session));
  UserPatch patch;
  // An empty value is as none: neither member can be made empty.
  if (!args.email.empty()) patch.email = args.email;
  if (!args.name.empty()) patch.name = args.name;
  if (!patch.email && !patch.name) {
    return fail(ErrorKind::invalid, "nothing to change: give --email or --name");
  }
  client::WriteOptions write;
  MESH_TRY(set_wait(write, args.wait));
  auto updated = MESH_TRY(session.mesh->update_user(args.id, patch, write));
  session.out.row(changed_view(), with_position(to_json(updated.user), updated.written));
  return seen(session, updated.written);
}

struct DeleteArgs {
  std::int64_t id = 0;
  WaitOptions wait;
};

Outcome remove(Session& session, const DeleteArgs& args) {
  const std::int64_t id = args.id;
  client::WriteOptions write;
  MESH_TRY(set_wait(write, args.wait));
  MESH_TRY(need_tenant(session));
  if (!session.globals.yes) {
    const auto user = MESH_TRY(session.mesh->get_user(id));
    MESH_TRY(confirm(session, "Delete user " + std::to_string(id) + ", " + printable(user.name) +
                                  " <" + printable(user.email) + ">, of tenant " +
                                  user.tenant.str() + "? This cannot be undone."));
  }
  auto written = MESH_TRY(session.mesh->delete_user(id, write));
  session.out.note("user " + std::to_string(id) + " is deleted");
  // People have the note; a script needs the id and the position of the write.
  if (!session.out.for_people()) {
    session.out.row(deleted_view(), with_position({{"id", id}}, written));
  }
  return seen(session, written);
}

void add_create(Commands& commands, CLI::App& users) {
  auto args = std::make_shared<CreateArgs>();
  auto& verb = commands.verb(
      users,
      {.name = "create",
       .summary = "Create a user",
       .examples = "mesh users create --tenant acme --email alice@acme.dev --name \"Alice\"\n"
                   "mesh users create --tenant acme --email bob@acme.dev --name Bob\n"
                   "mesh users create -t acme --email eve@acme.dev --name Eve --idempotency-key "
                   "order-4711 -o json\n"
                   "mesh users create -t acme --email ann@acme.dev --name Ann --wait\n",
       .tenant = TenantUse::acts,
       .view = &changed_view(),
       .run = [args](Session& session) { return create(session, *args); }});
  verb.add_option("--email", args->email, "E-mail address, unique within the tenant")
      ->type_name("ADDRESS")
      ->required();
  verb.add_option("--name", args->name, "Name that people see and search")
      ->type_name("NAME")
      ->required();
  verb.add_option("--idempotency-key", args->write.idempotency_key,
                  "Repeating the command with the same key creates nothing twice")
      ->type_name("KEY");
  add_wait(verb, args->wait, "searches see it", kUserAcks);
}

void add_list(Commands& commands, CLI::App& users) {
  auto args = std::make_shared<ListArgs>();
  auto& verb = commands.verb(
      users, {.name = "list",
              .summary = "List the users of a tenant by id",
              .examples = "mesh users list --tenant acme\n"
                          "mesh users list --tenant acme --all -o json\n"
                          "mesh users list --tenant acme --all -o csv > users.csv\n"
                          "mesh users list --tenant acme --email alice@acme.dev -o name\n",
              .tenant = TenantUse::acts,
              .view = &user_view(),
              .run = [args](Session& session) { return list(session, *args); }});
  verb.add_option("-n,--limit", args->limit, "At most so many")
      ->type_name("N")
      ->check(whole_number(1, 1'000'000))
      ->type_name("N")
      ->capture_default_str();
  verb.add_flag("--all", args->all, "All of them, page by page");
  verb.add_option("--email", args->email, "Only the user with this e-mail address")
      ->type_name("ADDRESS");
}

CLI::Validator user_number() { return whole_number(1, std::numeric_limits<std::int64_t>::max()); }

}  // namespace

void add_users(Commands& commands) {
  auto& users = commands.group("users", "Users of a tenant", purpose::kData);
  add_create(commands, users);
  add_list(commands, users);
  {
    auto id = std::make_shared<std::int64_t>(0);
    commands
        .verb(
            users,
            {.name = "get",
             .summary = "Show a user",
             .examples = "mesh users get 1 --tenant acme\nmesh users get 1 --tenant acme -o yaml\n",
             .tenant = TenantUse::acts,
             .view = &user_view(),
             .run = [id](Session& session) { return get(session, *id); }})
        .add_option("ID", *id, "The user's number")
        ->check(user_number())
        ->required();
  }
  {
    auto args = std::make_shared<UpdateArgs>();
    auto& verb = commands.verb(
        users, {.name = "update",
                .summary = "Change a user's e-mail address or name",
                .examples = "mesh users update 1 --tenant acme --name \"Alice B\"\n"
                            "mesh users update 1 --tenant acme --email alice.b@acme.dev\n",
                .tenant = TenantUse::acts,
                .view = &changed_view(),
                .run = [args](Session& session) { return update(session, *args); }});
    verb.add_option("ID", args->id, "The user's number")->check(user_number())->required();
    verb.add_option("--email", args->email, "New e-mail address")->type_name("ADDRESS");
    verb.add_option("--name", args->name, "New name")->type_name("NAME");
    add_wait(verb, args->wait, "searches see it", kUserAcks);
  }
  {
    auto args = std::make_shared<DeleteArgs>();
    auto& verb = commands.verb(
        users, {.name = "delete",
                .summary = "Delete a user",
                .details = "This cannot be undone, and the number is never given out again.",
                .examples = "mesh users delete 1 --tenant acme\n"
                            "mesh users delete 1 --tenant acme --yes\n",
                .tenant = TenantUse::acts,
                .view = &deleted_view(),
                .run = [args](Session& session) { return remove(session, *args); }});
    verb.add_option("ID", args->id, "The user's number")->check(user_number())->required();
    add_wait(verb, args->wait, "searches see it", kUserAcks);
  }
  {
    auto args = std::make_shared<PurgeArgs>();
    auto& verb = commands.verb(
        users,
        {.name = "purge",
         .summary = "Erase all that is kept of a user, with a signed receipt",
         .details =
             "As `mesh tenants purge`, of one user: the record, its events and dead letters, "
             "what was counted of it, its vectors. That it is gone is told by its last "
             "event, which names the number alone and remains until compaction.",
         .examples = "mesh users purge acme 7 --dry-run\n"
                     "mesh users purge acme 7 --confirm acme/7\n",
         .tenant = TenantUse::argument,
         .view = &place_view(),
         .run = [args](Session& session) { return purge(session, *args); }});
    verb.add_option("TENANT", args->tenant, "The tenant's id")->required();
    verb.add_option("ID", args->user, "The user's number")->check(user_number())->required();
    add_purge_options(verb, *args, "TENANT/ID");
  }
  add_users_import(commands, users);
}

}  // namespace mesh::cli
