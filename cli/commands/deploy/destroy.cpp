#include "cli/commands/deploy/leftovers.h"
#include "cli/commands/deploy/options.h"
#include "cli/commands/deploy/secrets.h"
#include "cli/commands/deploy/stack.h"
#include "cli/commands/deploy/target.h"
#include "cli/commands/deploy/tools.h"
#include "common/base/strings.h"

namespace mesh::cli::deploy {
namespace {

struct DestroyArgs {
  std::string name, confirm, lock_timeout;
  bool restart = false, dry_run = false, skip_cluster = false;
};

// The name typed back. A yes is given too easily for what cannot be undone.
Status confirm_name(Session& session, const std::string& name, const std::string& given) {
  if (given == name) return {};
  if (!given.empty()) {
    return fail(ErrorKind::invalid,
                "--confirm " + given + " is not the deployment's name, \"" + name + "\"");
  }
  const Terminal& terminal = session.out.terminal();
  if (!terminal.in || !terminal.err) {
    return fail(ErrorKind::invalid,
                "this cannot be undone, and there is no terminal to type the "
                "name on: give --confirm " +
                    name + " (--yes is not enough)");
  }
  session.out.notes() << "This cannot be undone. Type \"" << name << "\" to go on: " << std::flush;
  std::string answer;
  std::getline(session.in, answer);
  if (trim(answer) == name) return {};
  return fail(ErrorKind::cancelled, "nothing was done");
}

// What make_secrets makes: in no overlay, but an object like those.
Object secret_of(const Deployment& d) {
  return {"Secret", kSecret, d.name_space, Json(),
          std::string("apiVersion: v1\nkind: Secret\nmetadata:\n  name: ") + kSecret + "\n"};
}

// Its cluster is the deployment's own, and all that was applied there, also from a second machine,
// which found it there.
void own_all(Deployment& d, const std::vector<Object>& objects) {
  d.made.insert("namespace/" + d.name_space);
  for (const Object& object : objects) d.made.insert(object.title());
}

// Takes out those that the deployment has not made, and says which there are.
Status leave_the_others(Session& session, const Target& target, std::vector<Object>& objects) {
  const auto& made = target.deployment.made;
  std::vector<Object> others;
  for (const Object& object : objects) {
    if (!made.contains(object.title())) others.push_back(object);
  }
  std::erase_if(objects, [&](const Object& object) { return !made.contains(object.title()); });
  for (const auto& title : MESH_TRY(titles_there(target.cluster(), others)))
    session.out.note("stays, since it was there before: " + title);
  return {};
}

void tell_what_goes(Session& session, const Deployment& d, const Leftovers& left) {
  session.out.note("goes: " + std::to_string(d.made.size()) + " objects of " + d.server +
                   ", namespace " + d.name_space +
                   (d.made_name_space() ? " and all that is in it"
                                        : " (the namespace itself was there before, and stays)"));
  for (const auto& claim : left.claims)
    session.out.note("goes with its data: volume claim " + claim);
  for (const auto& volume : left.kept) {
    session.out.note(d.kind == "eks"
                         ? "goes with the cluster, though its class keeps it: volume " + volume
                         : "stays, since its class says so: volume " + volume);
  }
  for (const auto& service : left.balancers)
    session.out.note("goes: load balancer of service " + service);
}

Outcome destroy(Session& session, const DestroyArgs& args) {
  auto target = MESH_TRY(open_target(session, args.name));
  const Deployment& d = target.deployment;
  if (d.kind == "local") {
    return fail(ErrorKind::invalid,
                "\"" + d.name + "\" is local: `mesh deploy local --down` stops it");
  }
  const bool eks = d.kind == "eks";
  if (eks) MESH_TRY(found_all(missing_of({terraform_tool(), aws_tool(), kubectl_tool()})));
  Steps steps(session, target.place);
  MESH_TRY(steps.begin("destroy", {{"name", d.name}, {"server", d.server}}, args.restart));
  // A cluster that was never made, or was emptied and may be gone, has nothing in it.
  const bool cluster_too = !d.server.empty() && !args.skip_cluster && !steps.is_done("empty");
  Leftovers left;
  if (cluster_too) {
    MESH_TRY(check_cluster(target));
    auto objects = MESH_TRY(rendered(target.place));
    // One that was cut off before it made the namespace has not noted it.
    if (d.name_space.empty()) target.deployment.name_space = name_space_of(objects);
    if (need_secrets(objects)) objects.push_back(secret_of(d));
    if (eks) own_all(target.deployment, objects);
    MESH_TRY(leave_the_others(session, target, objects));
    left = MESH_TRY(leftovers_of(target.cluster(), d, objects));
    tell_what_goes(session, d, left);
  }
  if (eks) {
    MESH_TRY(tell_stack_goes(session, target.place, d));
    MESH_TRY(tell_volumes(session, d));
  }
  if (args.dry_run) {
    session.out.note("nothing was done (--dry-run)");
    return Exit::ok;
  }
  MESH_TRY(confirm_name(session, d.name, args.confirm));
  if (cluster_too) {
    MESH_TRY(steps.run("empty", "empty the cluster", [&](Step& step) {
      return empty_cluster(session, target, left, patience(session), step);
    }));
  }
  if (eks) {
    MESH_TRY(steps.run("destroy-stack", "destroy the stack", [&](Step& step) {
      return destroy_stack(session, target.place, d, args.lock_timeout, step);
    }));
    MESH_TRY(steps.run("volumes", "volumes left behind",
                       [&](Step& step) { return remove_volumes(session, d, step); }));
  }
  MESH_TRY(steps.end());
  MESH_TRY(target.place.forget());
  session.out.note("gone; the logs stay in " + target.place.file("logs"));
  return Exit::ok;
}

}  // namespace

void add_destroy(Commands& commands, CLI::App& group) {
  auto args = std::make_shared<DestroyArgs>();
  auto& verb = commands.verb(
      group,
      {.name = "destroy",
       .summary = "Take a deployment down, with its data",
       .details =
           "Deletes what was applied, the volume claims and load balancers that came of it, the "
           "Secret and the namespace where `mesh deploy` made them; of an EKS deployment then the "
           "stack, and the volumes that still bear the cluster's tag. Asks for the deployment's "
           "name, which --confirm gives, too. Where a step fails the same command goes on with it.",
       .examples = "mesh deploy destroy --dry-run\n"
                   "mesh deploy destroy distributedai-eks --confirm distributedai-eks\n",
       .tenant = TenantUse::none,
       .run = guarded([args](Session& session) { return destroy(session, *args); }),
       .needs = Needs::nothing});
  verb.add_option("DEPLOYMENT", args->name, "the deployment, where there are several");
  verb.add_option("--confirm", args->confirm, "Its name, in place of the question")
      ->type_name("NAME");
  verb.add_option("--lock-timeout", args->lock_timeout,
                  "Wait so long for another's lock on terraform's state (0s)")
      ->type_name("D");
  verb.add_flag("--skip-cluster", args->skip_cluster,
                "Only the stack, where the cluster answers no more; its volumes may stay");
  verb.add_flag("--restart", args->restart, "Do every step, also those that the last run did");
  verb.add_flag("--dry-run", args->dry_run, "Show what would go");
}

}  // namespace mesh::cli::deploy
