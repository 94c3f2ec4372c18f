#include "cli/commands/deploy/options.h"
#include "cli/commands/deploy/source.h"
#include "cli/commands/deploy/tools.h"

namespace mesh::cli::deploy {
namespace {

struct KubernetesArgs : FillArgs {
  std::string name, kubeconfig, context, overlay;
};

Outcome deploy(Session& session, const KubernetesArgs& args) {
  if (!args.dry_run) MESH_TRY(can_confirm(session));
  const auto environment = MESH_TRY(pairs_of(args.environment, "--env"));
  const auto secrets = MESH_TRY(read_secret_files(args.secret_files));
  const std::string source = MESH_TRY(find_source(args.source));
  MESH_TRY(found_all(missing_of({kubectl_tool()})));
  const std::string name = args.name.empty() ? name_from(args.context) : args.name;
  const auto place = MESH_TRY(Workplace::open(session, name));
  Deployment deployment{
      .name = name,
      .kind = "kubernetes",
      .kubeconfig = args.kubeconfig.empty() ? default_kubeconfig(session) : args.kubeconfig,
      .context = args.context,
      .name_space = args.name_space,
      .overlay = args.overlay,
      .image = args.image,
      .environment = environment};
  // A later command is called from anywhere.
  deployment.kubeconfig = absolute_files(deployment.kubeconfig);
  const auto before = place.deployment();
  if (!before && before.error().kind != ErrorKind::not_found) return fail(before.error());
  if (before && before->kind != deployment.kind) {
    return fail(ErrorKind::conflict, "\"" + name + "\" is a deployment of kind " + before->kind +
                                         ": give another --name");
  }
  if (before && before->overlay != deployment.overlay) {
    return fail(ErrorKind::conflict, "\"" + name + "\" has the overlay " + before->overlay +
                                         ", not " + deployment.overlay + ": give another --name");
  }
  const Cluster whole(deployment.kubeconfig, args.context);
  deployment.server = MESH_TRY(server_of(whole, args.context));
  if (before && before->server != deployment.server) {
    return fail(ErrorKind::conflict, "\"" + name + "\" was deployed to " + before->server +
                                         ", but the context " + args.context + " is now " +
                                         deployment.server + ": give another --name");
  }
  // The cluster answers, before anything is asked of a person.
  (void)MESH_TRY(whole.ask({"version", "-o", "json"}));
  const auto draft = MESH_TRY(Draft::open(place));
  MESH_TRY(copy_part(source, "manifests", draft));
  auto objects = MESH_TRY(render(rendering_of(deployment, draft), draft));
  Filling filling{.objects = std::move(objects),
                  .secrets = secrets,
                  .smoke = args.skip.empty(),
                  .patience = patience(session)};
  MESH_TRY(check_objects(filling.objects, args.image));
  deployment.name_space = name_space_of(filling.objects);
  if (before && before->name_space != deployment.name_space) {
    return fail(ErrorKind::conflict, "\"" + name + "\" is in namespace " + before->name_space +
                                         ", not " + deployment.name_space +
                                         ": give another --name");
  }
  if (before) {
    deployment.made = before->made;
    deployment.found_claims = before->found_claims;
  }
  const Cluster cluster(deployment.kubeconfig, args.context, deployment.name_space);
  if (args.dry_run) return show_planned(session, cluster, filling.objects);
  MESH_TRY(confirm(session, "Apply " + std::to_string(filling.objects.size()) + " objects to " +
                                deployment.server + ", namespace " + deployment.name_space + "?"));
  MESH_TRY(draft.adopt());
  MESH_TRY(place.keep(deployment));
  Steps steps(session, place);
  const Json inputs = {{"objects", documents_of(filling.objects)},
                       {"server", deployment.server},
                       {"smoke", filling.smoke}};
  MESH_TRY(steps.begin("kubernetes", inputs, args.restart));
  return fill_and_tell(session, steps, place, deployment, cluster, filling);
}

}  // namespace

void add_kubernetes(Commands& commands, CLI::App& group) {
  auto args = std::make_shared<KubernetesArgs>();
  auto& verb = commands.verb(
      group,
      {.name = "kubernetes",
       .summary = "Fill any Kubernetes cluster with an overlay",
       .details =
           "Makes the namespace and, once, the Secret mesh-secrets; applies the overlay "
           "server-side, waits for its jobs and rollouts, then creates a user, finds and deletes "
           "it. Where a step fails it says why, and the same command goes on with it. State and "
           "logs are in ~/.local/state/mesh/deploy/NAME ($XDG_STATE_HOME). Needs kubectl. "
           "--timeout bounds the wait for a job and for the rollouts (10m).",
       .examples =
           "mesh deploy kubernetes --context kind-mesh --overlay local --dry-run\n"
           "mesh deploy kubernetes --context kind-mesh --overlay local --yes\n"
           "mesh deploy kubernetes --context prod --overlay gke --image "
           "registry.example.org/mesh:0.2.0 --env MESH_JWT_ISSUER=https://login.example.org\n",
       .tenant = TenantUse::none,
       .view = &deployed_view(),
       .run = guarded([args](Session& session) { return deploy(session, *args); }),
       .needs = Needs::nothing});
  // Before the global one, which names a place of `mesh context`.
  verb.add_option("--context", args->context, "Context of the kubeconfig, always named")
      ->required()
      ->type_name("NAME");
  verb.add_option("--overlay", args->overlay,
                  "Which of the overlays: minimal, local, eks, gke, aks")
      ->required()
      ->type_name("minimal|local|eks|gke|aks");
  verb.add_option("--kubeconfig", args->kubeconfig,
                  "File with the context; without it $KUBECONFIG, then ~/.kube/config")
      ->type_name("FILE");
  verb.add_option("--namespace", args->name_space, "In place of the overlay's")->type_name("NAME");
  verb.add_option("--name", args->name, "Name of the deployment (the context's)")
      ->type_name("NAME");
  add_fill_options(verb, *args);
}

}  // namespace mesh::cli::deploy
