#include "cli/commands/deploy/eks_steps.h"
#include "cli/commands/deploy/source.h"
#include "cli/commands/deploy/stack.h"
#include "cli/files.h"
#include "common/base/strings.h"

namespace mesh::cli::deploy {
namespace {

constexpr std::size_t kMostBytes = 1 << 20;

Result<Deployment> asked_for(const EksArgs& args) {
  Deployment d{.name = args.name,
               .kind = "eks",
               .name_space = args.name_space,
               .overlay = "eks",
               .region = args.region,
               .state_bucket = args.state_bucket};
  d.variables = MESH_TRY(pairs_of(args.variables, "--var"));
  d.environment = MESH_TRY(pairs_of(args.environment, "--env"));
  for (const auto& [name, option] : {std::pair{"cluster_name", "--name"},
                                     {"region", "--region"},
                                     {"namespace", "--namespace"}}) {
    if (d.variables.contains(name)) {
      return fail(ErrorKind::invalid, std::string("--var ") + name + "=…: give it by " + option);
    }
  }
  d.variables["cluster_name"] = d.name;
  d.variables["region"] = d.region;
  if (!d.name_space.empty()) d.variables["namespace"] = d.name_space;
  return d;
}

// Copies of the files: a later command needs them as they were.
Status keep_files(const EksArgs& args, const Draft& draft, Deployment& d) {
  for (std::size_t i = 0; i < args.variable_files.size(); ++i) {
    const std::string& given = args.variable_files[i];
    const std::string text = MESH_TRY(read_file(given, kMostBytes));
    const std::string copy =
        "variables/" + std::to_string(i) + (given.ends_with(".json") ? ".tfvars.json" : ".tfvars");
    MESH_TRY(write_private_file(draft.file(copy), text));
    d.variable_files.push_back(copy);
  }
  if (args.database_ca.empty()) return {};
  const std::string text = MESH_TRY(read_file(args.database_ca, kMostBytes));
  if (text.find("BEGIN CERTIFICATE") == text.npos)
    return fail(ErrorKind::invalid, "--database-ca " + args.database_ca + " has no certificate");
  return write_private_file(draft.file(kDatabaseCa), text);
}

// What was there before is the same stack.
Status check_before(const Workplace& place, Deployment& d) {
  const auto before = place.deployment();
  if (!before) return before.error().kind == ErrorKind::not_found ? Status() : fail(before.error());
  const auto differs = [&](const std::string& what, const std::string& was,
                           const std::string& now) {
    return fail(ErrorKind::conflict, "\"" + d.name + "\" has its " + what + " \"" + was +
                                         "\", not \"" + now + "\": give another --name");
  };
  if (before->kind != d.kind) return differs("kind", before->kind, d.kind);
  if (before->region != d.region) return differs("region", before->region, d.region);
  if (before->state_bucket != d.state_bucket)
    return differs("state in bucket", before->state_bucket, d.state_bucket);
  // What the steps that are done have found out.
  d.kubeconfig = before->kubeconfig;
  d.context = before->context;
  d.server = before->server;
  d.image = before->image;
  d.made = before->made;
  d.found_claims = before->found_claims;
  d.components = before->components;
  d.roles = before->roles;
  if (d.name_space.empty()) d.name_space = before->name_space;
  if (!before->name_space.empty() && before->name_space != d.name_space)
    return differs("namespace", before->name_space, d.name_space);
  // The stack's roles are for its accounts.
  if (!d.name_space.empty()) d.variables["namespace"] = d.name_space;
  return {};
}

Outcome deploy(Session& session, const EksArgs& args) {
  const Deployment asked = MESH_TRY(asked_for(args));
  Deployment deployment = asked;
  MESH_TRY(check_name(args.name));
  if (!args.dry_run) MESH_TRY(can_confirm(session));
  const std::string source = MESH_TRY(find_source(args.source));
  const auto place = MESH_TRY(Workplace::open(session, args.name));
  MESH_TRY(check_before(place, deployment));
  const auto draft = MESH_TRY(Draft::open(place));
  MESH_TRY(keep_files(args, draft, deployment));
  auto secrets = MESH_TRY(read_secret_files(args.secret_files));
  const EksRun run{session, args, place, draft, deployment, source, std::move(secrets)};
  Steps steps(session, place);
  Json inputs = {{"deployment", to_json(asked)},
                 {"image", args.image},
                 {"skip", args.skip},
                 {"database_ca", args.database_ca}};
  for (const char* part : {"terraform", "manifests"})
    inputs[part] = MESH_TRY(fingerprint(source + "/" + part));
  for (const auto& file : deployment.variable_files)
    inputs[file] = MESH_TRY(read_file(draft.file(file), kMostBytes));
  MESH_TRY(steps.begin("eks", inputs, args.restart));
  const std::string who = MESH_TRY(check_tools(run, args.image.empty() && !steps.is_done("image")));
  session.out.note("account " + who + ", region " + args.region);
  MESH_TRY(copy_part(source, "manifests", draft));
  MESH_TRY(check_settings(run));
  AgreedStack agreed;
  const bool asked_again = !steps.is_done("stack");
  if (args.dry_run || asked_again) {
    MESH_TRY(copy_part(source, "terraform", draft));
    agreed = MESH_TRY(agree_on_stack(run, who));
  }
  if (args.dry_run) {
    session.out.note("nothing was done (--dry-run); the manifests come after the stack");
    return Exit::ok;
  }
  {
    const PlanFile plan(place);
    MESH_TRY(draft.adopt());
    // Before anything costs money, so that a destroy finds it. What is gone on with is kept
    // already, with what its steps have found out.
    if (asked_again) MESH_TRY(place.keep(deployment));
    MESH_TRY(
        steps.run("stack", "stack", [&](Step& step) { return build_stack(run, agreed, step); }));
  }
  return fill_from_stack(run, steps);
}

}  // namespace

void add_eks(Commands& commands, CLI::App& group) {
  auto args = std::make_shared<EksArgs>();
  auto& verb = commands.verb(
      group,
      {.name = "eks",
       .summary = "Build an EKS cluster and fill it",
       .details =
           "Looks for terraform, aws, kubectl and credentials; plans the stack of terraform/ and "
           "says what it costs; builds it once that is agreed; then does what `mesh deploy "
           "kubernetes` does, with the addresses, passwords and roles of the stack. Stores that "
           "the "
           "variables do not ask for run in the cluster. Without --image one is built and pushed "
           "to "
           "the stack's registry. Where a step fails the same command goes on with it; Ctrl-C lets "
           "terraform end in order. State, kubeconfig and logs are in "
           "~/.local/state/mesh/deploy/NAME ($XDG_STATE_HOME); the state of terraform, too, "
           "without --state-bucket.",
       .examples =
           "mesh deploy eks --dry-run --var 'api_allowed_cidrs=[\"203.0.113.7/32\"]'\n"
           "mesh deploy eks --var-file production.tfvars --state-bucket example-terraform-state "
           "--image registry.example.org/mesh:0.2.0 --database-ca eu-central-1-bundle.pem\n",
       .tenant = TenantUse::none,
       .view = &deployed_view(),
       .run = guarded([args](Session& session) { return deploy(session, *args); }),
       .needs = Needs::nothing});
  verb.add_option("--name", args->name, "Name of the cluster and the deployment")
      ->type_name("NAME")
      ->capture_default_str();
  verb.add_option("--region", args->region, "Region of AWS")
      ->type_name("REGION")
      ->capture_default_str();
  verb.add_option("--var", args->variables, "A variable of terraform/; may be repeated")
      ->type_name("NAME=VALUE")
      ->take_all();
  verb.add_option("--var-file", args->variable_files, "A file of them; may be repeated")
      ->type_name("FILE")
      ->take_all();
  verb.add_option("--state-bucket", args->state_bucket,
                  "S3 bucket of the region for terraform's state (terraform/bootstrap makes one)")
      ->type_name("BUCKET");
  verb.add_option("--lock-timeout", args->lock_timeout,
                  "Wait so long for another's lock on the state (0s)")
      ->type_name("D");
  verb.add_option("--plan-out", args->plan_out, "Keep terraform's plan in a file, with its secrets")
      ->type_name("FILE");
  verb.add_option("--database-ca", args->database_ca,
                  "Certificates that RDS signs with, where postgres is asked for")
      ->type_name("FILE");
  verb.add_option("--namespace", args->name_space, "In place of the overlay's")->type_name("NAME");
  add_fill_options(verb, *args);
}

}  // namespace mesh::cli::deploy
