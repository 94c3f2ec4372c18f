#include "cli/commands/deploy/eks_steps.h"

#include <sys/stat.h>

#include <filesystem>

#include "cli/commands/deploy/image.h"
#include "cli/commands/deploy/prices.h"
#include "cli/commands/deploy/stack.h"
#include "cli/commands/deploy/tools.h"
#include "cli/commands/deploy/wiring.h"
#include "cli/files.h"
#include "common/base/strings.h"

namespace mesh::cli::deploy {
namespace {

Result<std::string> account() {
  const auto ended =
      MESH_TRY(run_program({.words = {"aws", "sts", "get-caller-identity", "--output", "json"}}));
  const auto json = parse_json(ended.out);
  if (ended.code == 0 && json && at_path(*json, "Arn").is_string())
    return plain_text(at_path(*json, "Account")) + " as " + plain_text(at_path(*json, "Arn"));
  return fail(ErrorKind::unauthenticated,
              "credentials of AWS: `aws sts get-caller-identity` says: " +
                  last_lines(ended.err, 2) + "; `aws configure sso` or $AWS_PROFILE names them");
}

Status check_database_ca(const EksRun& run, const Workplace& place, bool has_database) {
  std::error_code none;
  if (!has_database || std::filesystem::exists(place.file(kDatabaseCa), none) ||
      run.deployment.environment.contains("MESH_POSTGRES_DSN")) {
    return {};
  }
  return fail(ErrorKind::invalid,
              "RDS signs with authorities of its own: give --database-ca FILE, which is "
              "https://truststore.pki.rds.amazonaws.com/" +
                  run.deployment.region + "/" + run.deployment.region + "-bundle.pem");
}

// Shows the plan; keeps it where it is asked for.
Status show_plan(const EksRun& run, const StackPlan& plan) {
  Output& out = run.session.out;
  out.note("plan: " + std::to_string(plan.create) + " to create, " + std::to_string(plan.update) +
           " to change, " + std::to_string(plan.remove) + " to remove");
  const auto prices = read_prices(run.draft.file("terraform/prices.yaml"));
  if (!prices) {
    out.note("costs: not known: " + prices.error().message);
  } else {
    out.note(cost_text(cost_of(plan, *prices), *prices, run.deployment.region));
  }
  if (run.args.plan_out.empty()) return {};
  const std::string text =
      MESH_TRY(read_file(run.draft.file("stack.plan"), std::size_t{256} << 20));
  MESH_TRY(write_private_file(run.args.plan_out, text));
  out.note("the plan is in " + run.args.plan_out +
           "; it holds secrets in plain text; `terraform show` reads it where `terraform init` was "
           "called in a copy of " +
           run.source + "/terraform");
  return {};
}

Status make_kubeconfig(const EksRun& run, Step& step) {
  Deployment& d = run.deployment;
  const std::string file = run.place.file("kubeconfig");
  std::string said;
  const auto ended = MESH_TRY(run_logged(
      {.words = {"aws", "eks", "update-kubeconfig", "--name", d.name, "--region", d.region,
                 "--kubeconfig", file, "--alias", d.name}},
      {.log = step.log, .on_line = [&](const std::string& line) { said += line + "\n"; }}));
  if (ended.code != 0)
    return fail(ErrorKind::conflict, "aws eks update-kubeconfig: " + last_lines(said, 2));
  ::chmod(file.c_str(), 0600);
  d.kubeconfig = file;
  d.context = d.name;
  d.server = MESH_TRY(server_of(Cluster(file, d.name), d.name));
  step.done = file;
  return run.place.keep(d);
}

// The passwords that AWS keeps: their stores know no others.
Status fetch_secrets(const EksRun& run, const Wiring& wiring, Filling& filling) {
  SecretValues& values = filling.secrets;
  for (const auto& [member, arn] : wiring.secrets) {
    if (values.contains(member) || arn.empty()) continue;
    const auto ended = MESH_TRY(run_program(
        {.words = {"aws", "secretsmanager", "get-secret-value", "--secret-id", arn, "--query",
                   "SecretString", "--output", "text", "--region", run.deployment.region}}));
    const auto secret = parse_json(ended.out);
    const Json& password = secret ? at_path(*secret, "password") : at_path(Json(), "password");
    if (ended.code != 0 || !password.is_string()) {
      // What it printed may be the secret; only its errors are told.
      return fail(ErrorKind::conflict,
                  "no password in the secret " + arn + ": " + last_lines(ended.err, 2));
    }
    values[member] = password.get<std::string>();
    filling.leading.insert(member);
  }
  return {};
}

void wire(const EksRun& run, const Wiring& wiring) {
  Deployment& d = run.deployment;
  // What a person said goes before what the stack says.
  for (const auto& [name, value] : wiring.environment) d.environment.emplace(name, value);
  d.components = wiring.components;
  d.roles = wiring.roles;
}

}  // namespace

Result<std::string> check_tools(const EksRun& run, bool needs_image) {
  auto missing = missing_of({terraform_tool(), aws_tool(), kubectl_tool()});
  Result<std::string> who = std::string();
  if (has_program("aws")) {
    who = account();
    if (!who) missing.push_back(who.error().message);
  }
  if (needs_image) {
    if (const auto lack = no_builder(run.source)) missing.push_back(*lack);
  }
  // Credentials alone are a matter of who one is.
  if (missing.size() == 1 && !who) return fail(who.error());
  MESH_TRY(found_all(missing));
  return who;
}

Status check_settings(const EksRun& run) {
  const auto objects = MESH_TRY(render(rendering_of(run.deployment, run.draft), run.draft));
  auto missing = empty_variables(objects);
  std::erase_if(missing, [](const auto& name) { return !name.starts_with("MESH_JWT_"); });
  if (missing.empty()) return {};
  const std::string text = join(missing, ", ") +
                           ": who issues the tokens of tenants is yours to "
                           "say; give each by --env NAME=VALUE";
  if (!run.args.dry_run) return fail(ErrorKind::invalid, text);
  run.session.out.note("still missing: " + text);
  return {};
}

namespace {

Result<AgreedStack> plan_and_ask(const EksRun& run, const std::string& who) {
  const Step step{.log = run.draft.log("stack")};
  MESH_TRY(init_stack(run.session, run.draft, run.deployment, step));
  AgreedStack agreed;
  // A run from here was cut off before the stack was whole once: nobody uses what is in it.
  if (run.place.deployment() && run.deployment.server.empty())
    agreed.begun = MESH_TRY(stack_begun(run.draft));
  agreed.plan =
      MESH_TRY(plan_stack(run.session, run.draft, run.deployment, run.args.lock_timeout, step));
  if (!agreed.plan) {
    run.session.out.note("plan: nothing to change");
    agreed.begun.clear();
    if (!run.args.dry_run)
      MESH_TRY(confirm(run.session, "Apply the manifests to " + run.deployment.name + "?"));
    return agreed;
  }
  MESH_TRY(check_database_ca(run, run.draft, has_type(*agreed.plan, "aws_db_instance")));
  MESH_TRY(show_plan(run, *agreed.plan));
  if (!agreed.begun.empty()) {
    run.session.out.note("half made by a run that was cut off, and taken away first: " +
                         join(agreed.begun, ", "));
  }
  if (!run.args.dry_run) {
    MESH_TRY(confirm(run.session,
                     "Build this in account " + who + ", region " + run.deployment.region + "?"));
  }
  return agreed;
}

}  // namespace

Result<AgreedStack> agree_on_stack(const EksRun& run, const std::string& who) {
  auto agreed = plan_and_ask(run, who);
  if (agreed || run.args.dry_run || agreed.error().kind == ErrorKind::cancelled) return agreed;
  // Why it failed is to be read later, too.
  MESH_TRY(run.draft.keep_logs());
  // The error may name them in what a person is to call.
  MESH_TRY(run.draft.keep_missing({"terraform", "terraform-data", "variables"}));
  Error error = agreed.error();
  error.message = "stack: " + error.message + "\n  log: " + run.place.log("stack");
  return fail(std::move(error));
}

Status build_stack(const EksRun& run, const AgreedStack& agreed, Step& step) {
  auto plan = agreed.plan;
  if (!agreed.begun.empty()) {
    MESH_TRY(remove_begun(run.session, run.place, run.deployment, agreed.begun,
                          run.args.lock_timeout, step));
    // What it took away makes the agreed plan stale; the new one makes the same things.
    plan =
        MESH_TRY(plan_stack(run.session, run.place, run.deployment, run.args.lock_timeout, step));
  }
  if (plan)
    return apply_stack(run.session, run.place, run.deployment, *plan, run.args.lock_timeout, step);
  step.done = "the stack is as it should be";
  return {};
}

Outcome fill_from_stack(const EksRun& run, Steps& steps) {
  Deployment& d = run.deployment;
  const Json outputs = MESH_TRY(stack_outputs(run.session, run.place, d));
  MESH_TRY(steps.run("kubeconfig", "kubeconfig",
                     [&](Step& step) { return make_kubeconfig(run, step); }));
  MESH_TRY(steps.run("image", "image", [&](Step& step) -> Status {
    d.image = run.args.image;
    if (d.image.empty()) {
      d.image = MESH_TRY(build_image(run.session, run.place, run.source, d.region,
                                     plain_text(output_of(outputs, "repository_url")), step));
    } else {
      step.done = d.image;
    }
    return run.place.keep(d);
  }));
  const Wiring wiring = wiring_of(outputs);
  // Before the wiring says the database's address: a person's own needs no certificates.
  MESH_TRY(check_database_ca(run, run.place, wiring.secrets.contains("postgres_password")));
  wire(run, wiring);
  auto objects = MESH_TRY(render(rendering_of(d, run.place), run.place));
  Filling filling{.objects = std::move(objects),
                  .secrets = run.secrets,
                  .smoke = run.args.skip.empty(),
                  .patience = patience(run.session)};
  if (!steps.is_done("secrets")) MESH_TRY(fetch_secrets(run, wiring, filling));
  MESH_TRY(check_objects(filling.objects, d.image));
  d.name_space = name_space_of(filling.objects);
  const Cluster cluster(d.kubeconfig, d.context, d.name_space);
  return fill_and_tell(run.session, steps, run.place, d, cluster, filling);
}

}  // namespace mesh::cli::deploy
