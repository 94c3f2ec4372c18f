#include <algorithm>

#include "cli/commands/verb.h"
#include "cli/render/width.h"
#include "cli/tenant_files.h"

namespace mesh::cli {
namespace {

constexpr const char* kOwner = "apply";

// "/quotas/events_per_day: 10 → 20", a line each.
std::string changes_text(const Json& changes) {
  const auto shown = [](const Json& value) { return value.is_null() ? "-" : dump(value); };
  std::string text;
  for (const auto& change : changes) {
    text += (text.empty() ? "" : "; ") + plain_text(at_path(change, "path")) + ": " +
            shown(at_path(change, "before")) + " → " + shown(at_path(change, "after"));
  }
  return text.empty() ? "-" : text;
}

const View& plan_view() {
  static const View view{
      "tenant",
      {{"tenant", "TENANT", "the tenant's id"},
       {"action", "ACTION",
        "create, change, delete or none; of a run without --dry-run what was "
        "done: created, changed, deleted, unchanged"},
       {"changes", "CHANGES", "each place with what stands there, and what is to",
        Field::Show::always, Field::Kind::text, changes_text},
       {"place", "FROM", "the file and the document", Field::Show::wide}},
      "CHANGES"};
  return view;
}

struct ApplyArgs {
  std::string file, owner = kOwner;
  bool prune = false, dry_run = false;
};

// What one document, or its lack, asks for.
struct Step {
  const TenantDocument* document = nullptr;  // null: the record goes
  std::string id;
  std::optional<Tenant> before;
  Json changes = Json::array();

  bool needed() const { return document == nullptr || !before || !changes.empty(); }
  const char* action(bool done) const {
    if (!needed()) return done ? "unchanged" : "none";
    if (document == nullptr) return done ? "deleted" : "delete";
    if (!before) return done ? "created" : "create";
    return done ? "changed" : "change";
  }
  Json row(bool done) const {
    return {{"tenant", id},
            {"action", action(done)},
            {"changes", changes},
            {"place", document != nullptr ? Json(document->place) : Json()}};
  }
};

tl::unexpected<Error> refused(const TenantDocument& document, Error error) {
  error.message = document.place + ": " + error.message;
  return fail(std::move(error));
}

// The document was made from a record that is another by now.
tl::unexpected<Error> outdated(const TenantDocument& document, const Step& step) {
  const std::string made = "; the document is of version " + std::to_string(*document.version) +
                           ": read it again with `mesh tenants get " + step.id +
                           " -o yaml`, or leave the version out to apply it whatever is there";
  if (!step.before) {
    return fail(ErrorKind::conflict,
                document.place + ": tenant " + step.id + " has no record any more" + made);
  }
  return fail(ErrorKind::conflict, document.place + ": tenant " + step.id +
                                       " was changed, and is at version " +
                                       std::to_string(step.before->version) + made);
}

// Compares the record with the document; what the document may not make of it is an error.
Result<Step> step_of(Session& session, const TenantDocument& document, const std::string& owner) {
  Step step{&document, document.tenant.id.str(), {}, Json::array()};
  const auto current = session.mesh->tenant(step.id);
  if (!current && current.error().kind != ErrorKind::not_found) return fail(current.error());
  if (current) step.before = MESH_TRY(tenant_from_json(*current));
  if (document.version && !step.before) return outdated(document, step);
  if (!step.before) {
    step.changes = differences(Json::object(), to_document(document.tenant));
    return step;
  }
  const std::string& holder = step.before->managed_by;
  if (!holder.empty() && holder != owner) {
    return fail(ErrorKind::conflict, document.place + ": tenant " + step.id + " is managed by " +
                                         holder + "; apply with --owner " + holder +
                                         ", or hand it over with `mesh tenants "
                                         "update " +
                                         step.id + " --managed-by " + owner + "`");
  }
  if (auto good = check_types(document.tenant.types, step.before->types); !good) {
    return refused(document, good.error());
  }
  step.changes = differences(to_document(*step.before), to_document(document.tenant));
  if (holder != owner) {
    step.changes.push_back({{"path", "/managed_by"},
                            {"before", holder.empty() ? Json() : Json(holder)},
                            {"after", owner}});
  }
  // One that changes nothing overwrites nobody's change: it may be applied twice.
  const bool other = document.version && step.before->version != *document.version;
  if (other && step.needed()) return outdated(document, step);
  return step;
}

Result<std::vector<Step>> plan(Session& session, const std::vector<TenantDocument>& documents,
                               const ApplyArgs& args) {
  if (args.prune) MESH_TRY(nothing_below(args.file));
  std::vector<Step> steps;
  for (const auto& document : documents) {
    steps.push_back(MESH_TRY(step_of(session, document, args.owner)));
  }
  if (!args.prune) return steps;
  const auto records = MESH_TRY(session.mesh->tenants());
  for (const auto& record : records) {
    // Nothing but what apply itself made or took over, for this owner.
    if (at_path(record, "managed_by") != args.owner) continue;
    const std::string id = plain_text(at_path(record, "id"));
    if (std::ranges::find(steps, id, &Step::id) != steps.end()) continue;
    Step step{nullptr, id, {}, Json::array()};
    step.before = MESH_TRY(tenant_from_json(record));
    step.changes = differences(to_document(*step.before), Json::object());
    steps.push_back(std::move(step));
  }
  return steps;
}

void show(Session& session, const std::vector<Step>& steps, bool done) {
  std::vector<Json> rows;
  for (const auto& step : steps) rows.push_back(step.row(done));
  session.out.items(plan_view(), rows);
}

Status put(Session& session, const Step& step, const std::string& owner) {
  Json body = to_document(step.document->tenant);
  body.erase("kind");
  body["managed_by"] = owner;
  if (!step.before) {
    (void)MESH_TRY(session.mesh->create_tenant(body));
    return {};
  }
  body.erase("id");
  (void)MESH_TRY(session.mesh->replace_tenant(step.id, body, step.before->version));
  return {};
}

Status carry_out(Session& session, Step& step, const std::string& owner) {
  if (!step.needed()) return {};
  if (step.document == nullptr) {
    client::WriteOptions write;
    (void)MESH_TRY(session.mesh->delete_tenant(step.id, write, step.before->version));
    return {};
  }
  auto done = put(session, step, owner);
  if (done || done.error().kind != ErrorKind::conflict) return done;
  // Somebody changed it since it was read. What the file says still holds, unless that forbids it.
  session.out.note("tenant " + step.id + " was changed meanwhile; it is read again");
  step = MESH_TRY(step_of(session, *step.document, owner));
  return step.needed() ? put(session, step, owner) : Status();
}

Outcome apply(Session& session, const ApplyArgs& args) {
  const auto documents = MESH_TRY(read_tenants(args.file, session.in));
  auto steps = MESH_TRY(plan(session, documents, args));
  if (args.dry_run) {
    show(session, steps, false);
    return Exit::ok;
  }
  std::string pruned, with_roles;
  for (const auto& step : steps) {
    if (step.document != nullptr) continue;
    pruned += (pruned.empty() ? "" : ", ") + step.id;
    if (!step.before->roles.empty()) with_roles += (with_roles.empty() ? "" : ", ") + step.id;
  }
  if (!pruned.empty()) {
    std::string question = "Delete the records of tenants that are in no file (" +
                           printable(pruned) +
                           ")? Their users and events stay; the configuration's defaults hold for "
                           "them from then on.";
    if (!with_roles.empty()) {
      question += " The roles of " + printable(with_roles) +
                  " go, too: every token of theirs may write then.";
    }
    MESH_TRY(confirm(session, question));
  }
  std::vector<Step> done;
  for (auto& step : steps) {
    auto carried = carry_out(session, step, args.owner);
    if (carried) {
      done.push_back(step);
      continue;
    }
    if (std::ranges::none_of(done, &Step::needed)) return fail(carried.error());
    // What was done before is shown, and stays.
    show(session, done, true);
    session.out.flush();
    session.out.notes() << error_text(carried.error(), session.globals.verbose);
    return Exit::partly;
  }
  show(session, done, true);
  return Exit::ok;
}

// As kubectl's: 0 without a difference, 1 with some, 2 for trouble of any kind.
Outcome diff(Session& session, const ApplyArgs& args) {
  const auto documents = read_tenants(args.file, session.in);
  auto steps = documents ? plan(session, *documents, args)
                         : Result<std::vector<Step>>(fail(documents.error()));
  if (!steps) {
    session.out.notes() << error_text(steps.error(), false);
    return static_cast<Exit>(2);
  }
  std::erase_if(*steps, [](const Step& step) { return !step.needed(); });
  if (steps->empty() && session.out.for_people()) return Exit::ok;
  show(session, *steps, false);
  return steps->empty() ? Exit::ok : static_cast<Exit>(1);
}

CLI::App& add(Commands& commands, Verb verb, Outcome (*run)(Session&, const ApplyArgs&),
              std::shared_ptr<ApplyArgs> args) {
  verb.view = &plan_view();
  verb.tenant = TenantUse::none;
  verb.run = [args, run](Session& session) { return run(session, *args); };
  auto& app = commands.verb(commands.root(), std::move(verb), purpose::kTenancy);
  app.add_option("-f,--file", args->file, "A file, a folder of files, or - for stdin")
      ->required()
      ->type_name("FILE|DIR");
  app.add_option("--owner", args->owner, "In whose name; records of other owners are left alone")
      ->type_name("NAME");
  app.add_flag("--prune", args->prune,
               "Also the records of this owner that are in no file: they go");
  return app;
}

}  // namespace

void add_apply(Commands& commands) {
  auto args = std::make_shared<ApplyArgs>();
  add(commands,
      {.name = "apply",
       .summary = "Make tenants what files say",
       .details =
           "A file has YAML documents such as `mesh tenants get TENANT -o yaml` prints. A "
           "document is all that is said of its tenant: what it leaves out goes back to the "
           "default, and with a version it changes that version alone. Nothing is changed "
           "before all documents are found good. A new `search` of a type that is searched "
           "already holds for what comes; `mesh index rebuild-events TYPE` takes in what the "
           "log has. "
           "Exits with 6 where the mesh refused one when others were done.",
       .examples = "mesh apply -f tenants/\n"
                   "mesh apply -f acme.yaml --dry-run\n"
                   "mesh apply -f tenants/ --prune --yes\n"
                   "mesh tenants get acme -o yaml | mesh apply -f -\n"},
      apply, args)
      .add_flag("--dry-run", args->dry_run, "Show what would be done, and change nothing");
  add(commands,
      {.name = "diff",
       .summary = "Compare tenants with what files say",
       .details = "Exits with 0 where there is no difference, 1 where there is one, 2 in trouble.",
       .examples = "mesh diff -f tenants/\nmesh diff -f tenants/ --prune -o json\n"},
      diff, std::make_shared<ApplyArgs>());
}

}  // namespace mesh::cli
