#include "cli/commands/deploy/options.h"
#include "cli/commands/deploy/source.h"
#include "cli/commands/deploy/target.h"

namespace mesh::cli::deploy {
namespace {

struct UpgradeArgs : FillArgs {
  std::string name;
};

Outcome upgrade(Session& session, const UpgradeArgs& args) {
  if (!args.dry_run) MESH_TRY(can_confirm(session));
  auto target = MESH_TRY(open_target(session, args.name));
  Deployment& deployment = target.deployment;
  if (deployment.kind == "local") {
    return fail(
        ErrorKind::invalid,
        "\"" + deployment.name + "\" is local: `mesh deploy local` builds and starts it anew");
  }
  const auto given = MESH_TRY(pairs_of(args.environment, "--env"));
  const auto secrets = MESH_TRY(read_secret_files(args.secret_files));
  const std::string source = MESH_TRY(find_source(args.source));
  MESH_TRY(check_cluster(target));
  const auto draft = MESH_TRY(Draft::open(target.place));
  MESH_TRY(copy_part(source, "manifests", draft));
  for (const auto& [name, value] : given) deployment.environment[name] = value;
  const std::string before = deployment.image;
  deployment.image = args.image;
  auto objects = MESH_TRY(render(rendering_of(deployment, draft), draft));
  Filling filling{.objects = std::move(objects),
                  .secrets = secrets,
                  .smoke = args.skip.empty(),
                  .patience = patience(session)};
  MESH_TRY(check_objects(filling.objects, args.image));
  const Cluster cluster = target.cluster();
  if (args.dry_run) return show_planned(session, cluster, filling.objects);
  MESH_TRY(confirm(session, "Replace the image " + (before.empty() ? "of the overlay" : before) +
                                " by " + args.image + " in " + deployment.server + ", namespace " +
                                deployment.name_space + "?"));
  MESH_TRY(draft.adopt());
  Steps steps(session, target.place);
  const Json inputs = {{"objects", documents_of(filling.objects)}, {"smoke", filling.smoke}};
  MESH_TRY(steps.begin("upgrade", inputs, args.restart));
  return fill_and_tell(session, steps, target.place, deployment, cluster, filling);
}

}  // namespace

void add_upgrade(Commands& commands, CLI::App& group) {
  auto args = std::make_shared<UpgradeArgs>();
  auto& verb = commands.verb(
      group,
      {.name = "upgrade",
       .summary = "Bring a deployment to another image",
       .details =
           "Applies the manifests of this `mesh` with the image: the jobs that bring schemas up to "
           "date first, then the rollout, one pod after another. Where a step fails the same "
           "command goes on with it; with the image before, it goes back.",
       .examples = "mesh deploy upgrade --image registry.example.org/mesh:0.2.0\n"
                   "mesh deploy upgrade distributedai-eks --image registry.example.org/mesh:0.2.0 "
                   "--yes\n",
       .tenant = TenantUse::none,
       .view = &deployed_view(),
       .run = guarded([args](Session& session) { return upgrade(session, *args); }),
       .needs = Needs::nothing});
  verb.add_option("DEPLOYMENT", args->name, "the deployment, where there are several");
  add_fill_options(verb, *args);
  verb.get_option("--image")->required();
}

}  // namespace mesh::cli::deploy
