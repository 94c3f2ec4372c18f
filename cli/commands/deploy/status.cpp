#include "cli/commands/deploy/options.h"
#include "cli/commands/deploy/stack.h"
#include "cli/commands/deploy/target.h"
#include "cli/commands/deploy/tunnel.h"
#include "common/base/strings.h"

namespace mesh::cli::deploy {
namespace {

constexpr int kAdminPort = 9090;

const View& status_view() {
  using Show = Field::Show;
  static const View view{
      "name",
      {{"name", "NAME", "the deployment"},
       {"kind", "KIND", "eks, kubernetes or local"},
       {"state", "STATE", "up, or what is missing"},
       {"namespace", "NAMESPACE", "where it is in the cluster"},
       {"image", "IMAGE", "of meshd; empty: the overlay's own"},
       {"server", "CLUSTER", "the API server's address", Show::wide},
       {"region", "REGION", "of AWS", Show::wide},
       {"lag_unknown", "LAG UNKNOWN", "why the lag could not be asked for", Show::never},
       {"logs", "LOGS", "the folder of the steps' logs", Show::wide}},
      "STATE"};
  return view;
}

const View& output_view() {
  static const View view{
      "name", {{"name", "OUTPUT", "of terraform"}, {"value", "VALUE", "as it is now"}}, "VALUE"};
  return view;
}

const View& node_view() {
  static const View view{"name",
                         {{"name", "NODE", "its name"},
                          {"ready", "READY", "does it take pods"},
                          {"version", "VERSION", "of its kubelet"},
                          {"type", "TYPE", "of the machine"},
                          {"zone", "ZONE", "where it stands"}}};
  return view;
}

const View& workload_view() {
  static const View view{"name",
                         {{"name", "WORKLOAD", "kind and name"},
                          {"ready", "READY", "pods that serve"},
                          {"wanted", "WANTED", "pods that there should be"},
                          {"updated", "UPDATED", "pods of the newest version"},
                          {"image", "IMAGE", "of its first container"}},
                         "IMAGE"};
  return view;
}

const View& lag_view() {
  static const View view{"group",
                         {{"group", "GROUP", "the consumer group"},
                          {"topics", "TOPICS", "what it reads"},
                          {"lag", "LAG", "events that it has not done"},
                          {"state", "STATE", "as `mesh groups list` has it"}}};
  return view;
}

std::string label(const Json& object, const std::string& name) {
  const Json& labels = at_path(object, "metadata.labels");
  return labels.is_object() && labels.contains(name) ? plain_text(labels.at(name)) : "";
}

Json node_of(const Json& node) {
  bool ready = false;
  const Json& conditions = at_path(node, "status.conditions");
  for (const Json& one : conditions.is_array() ? conditions : Json::array()) {
    ready =
        ready || (at_path(one, "type") == Json("Ready") && at_path(one, "status") == Json("True"));
  }
  return {{"name", at_path(node, "metadata.name")},
          {"ready", ready},
          {"version", at_path(node, "status.nodeInfo.kubeletVersion")},
          {"type", label(node, "node.kubernetes.io/instance-type")},
          {"zone", label(node, "topology.kubernetes.io/zone")}};
}

std::int64_t count_at(const Json& object, std::string_view path) {
  const Json& value = at_path(object, path);
  return value.is_number_integer() ? value.get<std::int64_t>() : 0;
}

Json workload_of(const Json& object) {
  const Json& containers = at_path(object, "spec.template.spec.containers");
  const std::string kind = to_lower(plain_text(at_path(object, "kind")));
  // What it says of a version before tells nothing of the newest one.
  const bool seen =
      count_at(object, "status.observedGeneration") >= count_at(object, "metadata.generation");
  return {{"name", kind + "/" + plain_text(at_path(object, "metadata.name"))},
          {"ready", count_at(object, "status.readyReplicas")},
          {"wanted", count_at(object, "spec.replicas")},
          {"updated", seen ? count_at(object, "status.updatedReplicas") : 0},
          {"image", containers.is_array() && !containers.empty()
                        ? plain_text(at_path(containers.at(0), "image"))
                        : ""}};
}

Result<Json> lag(const Cluster& cluster) {
  const Json services = MESH_TRY(cluster.get({"services"}));
  std::vector<Object> objects;
  for (const Json& service : at_path(services, "items"))
    objects.push_back({.kind = "Service",
                       .name = plain_text(at_path(service, "metadata.name")),
                       .json = service});
  const auto admin = service_with_port(objects, kAdminPort);
  if (!admin) return fail(ErrorKind::not_found, "no service has the admin's port");
  const auto tunnel = MESH_TRY(Tunnel::open(cluster, *admin, kAdminPort));
  client::Options options;
  options.endpoints = client::Endpoints::none();
  options.endpoints.admin = tunnel.url();
  options.operator_token = MESH_TRY(operator_token(cluster, *admin));
  client::Client mesh(std::move(options));
  const auto groups = MESH_TRY(mesh.groups());
  return Json(groups);
}

// "up", or what is not.
std::string state_of(const Json& report) {
  std::vector<std::string> missing;
  for (const Json& node : report.at("nodes")) {
    if (node.at("ready") != Json(true)) missing.push_back("node " + plain_text(node.at("name")));
  }
  for (const Json& workload : report.at("workloads")) {
    // In a rollout that is stuck the pods of the version before serve.
    if (workload.at("ready") < workload.at("wanted") ||
        workload.at("updated") < workload.at("wanted"))
      missing.push_back(plain_text(workload.at("name")));
  }
  if (report.at("workloads").empty()) return "nothing runs";
  return missing.empty() ? "up" : "not ready: " + join(missing, ", ");
}

Outcome status(Session& session, const std::string& name) {
  const auto target = MESH_TRY(open_target(session, name));
  const Deployment& d = target.deployment;
  if (d.kind == "local") {
    return fail(ErrorKind::invalid,
                "\"" + d.name +
                    "\" is local: `docker compose -p mesh-deploy ps` or `scripts/stack status` "
                    "tells of it");
  }
  Json report = {{"name", d.name},
                 {"kind", d.kind},
                 {"state", ""},
                 {"namespace", d.name_space},
                 {"image", d.image},
                 {"server", d.server},
                 {"region", d.region},
                 {"lag_unknown", nullptr},
                 {"logs", target.place.file("logs")},
                 {"stack", Json::array()},
                 {"nodes", Json::array()},
                 {"workloads", Json::array()},
                 {"lag", Json::array()}};
  if (d.kind == "eks") report["stack"] = MESH_TRY(stack_outputs(session, target.place, d));
  MESH_TRY(check_cluster(target));
  const Cluster cluster = target.cluster();
  const Json nodes = MESH_TRY(cluster.get({"nodes"}));
  for (const Json& node : at_path(nodes, "items")) report["nodes"].push_back(node_of(node));
  const Json workloads = MESH_TRY(cluster.get({"deployments,statefulsets"}));
  for (const Json& one : at_path(workloads, "items"))
    report["workloads"].push_back(workload_of(one));
  report["state"] = state_of(report);
  if (auto groups = lag(cluster); groups) {
    report["lag"] = std::move(*groups);
  } else {
    report["lag_unknown"] = groups.error().message;
    session.out.note("lag: not known: " + groups.error().message);
  }
  session.out.record(status_view(), report,
                     {{"Stack:", "stack", &output_view()},
                      {"Nodes:", "nodes", &node_view()},
                      {"Workloads:", "workloads", &workload_view()},
                      {"Lag:", "lag", &lag_view()}});
  return report.at("state") == Json("up") ? Exit::ok : Exit::failure;
}

}  // namespace

void add_status(Commands& commands, CLI::App& group) {
  auto name = std::make_shared<std::string>();
  auto& verb = commands.verb(
      group,
      {.name = "status",
       .summary = "Show a deployment: stack, nodes, rollouts, lag",
       .details = "Exit code 1 where something is not ready. The lag is asked for through a "
                  "port-forward with the operator's token; where that cannot be, it says why.",
       .examples = "mesh deploy status\n"
                   "mesh deploy status distributedai-eks -o json\n",
       .tenant = TenantUse::none,
       .view = &status_view(),
       .run = guarded([name](Session& session) { return status(session, *name); }),
       .needs = Needs::nothing});
  verb.add_option("DEPLOYMENT", *name, "the deployment, where there are several");
}

}  // namespace mesh::cli::deploy
