#include "cli/commands/deploy/fill.h"

#include <algorithm>

#include "cli/commands/deploy/rollout.h"
#include "cli/commands/deploy/smoke.h"
#include "common/base/strings.h"

namespace mesh::cli::deploy {
namespace {

Result<bool> is_there(const Cluster& cluster, const std::string& kind, const std::string& name) {
  const auto found = MESH_TRY(cluster.ask({"get", kind, name, "--ignore-not-found", "-o", "name"}));
  return !trim(found).empty();
}

Status apply(Session& session, const Cluster& cluster, const std::vector<Object>& objects,
             Step& step) {
  std::int64_t applied = 0;
  // kubectl takes it for an error.
  if (objects.empty()) return {};
  Progress progress = session.progress("objects");
  const auto told = [&](const std::string& line) {
    if (line.find("serverside-applied") != line.npos) {
      progress.update(++applied, static_cast<std::int64_t>(objects.size()));
    } else if (line.starts_with("Warning:")) {
      progress.clear();
      session.out.note("  " + line);
    }
  };
  MESH_TRY(cluster.run(
      {"apply", "--server-side", std::string("--field-manager=") + kFieldManager, "-f", "-"},
      documents_of(objects), {.log = step.log, .on_line = told}));
  step.done = std::to_string(applied) + " objects applied";
  return {};
}

std::vector<Object> jobs_of(const std::vector<Object>& objects) {
  std::vector<Object> jobs;
  std::ranges::copy_if(objects, std::back_inserter(jobs),
                       [](const Object& object) { return object.kind == "Job"; });
  return jobs;
}

// Notes what is not there yet, and the claims that are: a new set takes those that an older one of
// its name has left.
Status note_made(Deployment& deployment, const Cluster& cluster,
                 const std::vector<Object>& objects) {
  const auto there = MESH_TRY(titles_there(cluster, objects));
  std::vector<Object> fresh;
  for (const Object& object : objects) {
    if (!there.contains(object.title()) && deployment.made.insert(object.title()).second)
      fresh.push_back(object);
  }
  std::erase_if(fresh, [](const Object& object) { return object.kind != "StatefulSet"; });
  if (fresh.empty()) return {};
  const Json claims = MESH_TRY(cluster.get({"persistentvolumeclaims"}));
  for (const Json& claim : at_path(claims, "items")) {
    auto name = plain_text(at_path(claim, "metadata.name"));
    if (is_claim_of(fresh, name)) deployment.found_claims.insert(std::move(name));
  }
  return {};
}

Status make_name_space(const Workplace& place, Deployment& deployment, const Cluster& cluster,
                       const std::vector<Object>& objects, Step& step) {
  const std::string& name = cluster.name_space();
  const bool there = MESH_TRY(is_there(cluster, "namespace", name));
  if (!there) deployment.made.insert("namespace/" + name);
  MESH_TRY(note_made(deployment, cluster, objects));
  // Kept before it is made: a run that is cut off must not take its own for somebody else's.
  MESH_TRY(place.keep(deployment));
  const auto object = std::ranges::find(objects, "Namespace", &Object::kind);
  if (object != objects.end()) {
    MESH_TRY(cluster.run(
        {"apply", "--server-side", std::string("--field-manager=") + kFieldManager, "-f", "-"},
        object->text, {.log = step.log}));
  } else if (!there) {
    MESH_TRY(cluster.run({"create", "namespace", name}, {}, {.log = step.log}));
  }
  step.done = name + (there ? " was there" : " is made");
  return {};
}

// It has begun, has not ended, and nobody takes it away.
Result<bool> is_at_work(const Cluster& cluster, const Object& job) {
  const auto found = cluster.get({"job", job.name});
  if (!found && found.error().kind == ErrorKind::not_found) return false;
  const Json now = MESH_TRY(found);
  return !has_ended(now) && at_path(now, "metadata.deletionTimestamp").is_null();
}

// A job cannot be changed or run again: one that has ended or does something else is replaced. One
// that is at work with the same template, as after a run that waited too short, goes on.
Status start_job(Session& session, const Cluster& cluster, const Object& job, Step& step) {
  if (MESH_TRY(is_at_work(cluster, job))) {
    // The server takes the same template, and refuses another one.
    const Status same = apply(session, cluster, {job}, step);
    if (same) session.out.note("  it runs already, and is waited for");
    if (same || same.error().kind != ErrorKind::conflict) return same;
  }
  MESH_TRY(cluster.run({"delete", "job", job.name, "--ignore-not-found", "--cascade=foreground"},
                       {}, {.log = step.log}));
  return apply(session, cluster, {job}, step);
}

Status fill_secrets(const Workplace& place, Deployment& deployment, const Cluster& cluster,
                    const Filling& filling, Step& step) {
  const auto tried = make_secrets(cluster, filling.secrets, filling.leading, [&] {
    // Kept before it is made, as the namespace is.
    deployment.made.insert(kSecretTitle);
    return place.keep(deployment);
  });
  if (!tried && tried.error().message.find("AlreadyExists") != std::string::npos) {
    // Somebody else's, made meanwhile.
    deployment.made.erase(kSecretTitle);
    MESH_TRY(place.keep(deployment));
  }
  const auto made = MESH_TRY(tried);
  std::vector<std::string> parts;
  if (!made.replaced.empty())
    parts.push_back("replaced by their stores' passwords: " + join(made.replaced, ", "));
  if (!made.kept.empty()) parts.push_back("kept: " + join(made.kept, ", "));
  if (!made.given.empty()) parts.push_back("given: " + join(made.given, ", "));
  if (!made.made.empty()) parts.push_back("made at random: " + join(made.made, ", "));
  step.done = join(parts, "; ");
  return {};
}

std::string address_of(const Json& service, const std::string& name_space) {
  const std::string name = plain_text(at_path(service, "metadata.name"));
  const std::string port =
      plain_text(at_path(service, "spec.ports").is_array()
                     ? at_path(service, "spec.ports").at(0).value("port", Json())
                     : Json());
  const Json& doors = at_path(service, "status.loadBalancer.ingress");
  if (doors.is_array() && !doors.empty()) {
    const Json& door = doors.at(0);
    const Json& host = at_path(door, door.contains("hostname") ? "hostname" : "ip");
    return plain_text(host) + ":" + port;
  }
  return name + "." + name_space + ":" + port;
}

}  // namespace

Status fill(Session& session, Steps& steps, const Workplace& place, Deployment& deployment,
            const Cluster& cluster, const Filling& filling) {
  const auto& objects = filling.objects;
  MESH_TRY(steps.run("namespace", "namespace", [&](Step& step) {
    return make_name_space(place, deployment, cluster, objects, step);
  }));
  if (need_secrets(objects)) {
    MESH_TRY(steps.run("secrets", "secrets", [&](Step& step) {
      return fill_secrets(place, deployment, cluster, filling, step);
    }));
  }
  const auto jobs = jobs_of(objects);
  if (!jobs.empty()) {
    auto before = before_rollout(objects);
    std::erase_if(before, [](const Object& object) { return object.kind == "Job"; });
    MESH_TRY(steps.run("prepare", "what the rollout needs",
                       [&](Step& step) { return apply(session, cluster, before, step); }));
    for (const Object& job : jobs) {
      MESH_TRY(steps.run("job-" + job.name, "job " + job.name, [&](Step& step) -> Status {
        MESH_TRY(start_job(session, cluster, job, step));
        return await_job(session, cluster, job, filling.patience, step);
      }));
    }
  }
  MESH_TRY(steps.run("apply", "manifests",
                     [&](Step& step) { return apply(session, cluster, objects, step); }));
  MESH_TRY(steps.run("rollout", "rollouts", [&](Step& step) {
    return await_rollouts(session, cluster, objects, filling.patience, step);
  }));
  if (!filling.smoke) {
    session.out.note("trial: left out (--skip smoke)");
    return {};
  }
  return steps.run("smoke", "trial",
                   [&](Step& step) { return smoke_test(cluster, objects, step); });
}

namespace {

const View& planned_view() {
  static const View view{"object",
                         {{"object", "OBJECT", "kind and name"},
                          {"state", "STATE", "new, or there: it is brought up to date"}},
                         "OBJECT"};
  return view;
}

Result<std::vector<Json>> planned(const Cluster& cluster, const std::vector<Object>& objects) {
  std::vector<Json> all;
  const auto there = MESH_TRY(titles_there(cluster, objects));
  for (const Object& object : objects) {
    const bool known = there.contains(object.title());
    all.push_back({{"object", object.title()}, {"state", known ? "there" : "new"}});
  }
  return all;
}

}  // namespace

Outcome show_planned(Session& session, const Cluster& cluster, const std::vector<Object>& objects) {
  const auto rows = MESH_TRY(planned(cluster, objects));
  session.out.items(planned_view(), rows);
  session.out.note("nothing was done (--dry-run)");
  return Exit::ok;
}

const View& deployed_view() {
  using Show = Field::Show;
  static const View view{
      "name",
      {{"name", "NAME", "the deployment, as other `mesh deploy` commands name it"},
       {"kind", "KIND", "eks, kubernetes or local"},
       {"namespace", "NAMESPACE", "where it is in the cluster"},
       {"image", "IMAGE", "of meshd; empty: the overlay's own"},
       {"server", "CLUSTER", "the API server's address", Show::wide},
       {"context", "CONTEXT", "of kubectl", Show::wide},
       {"kubeconfig", "KUBECONFIG", "the file that the context is in", Show::wide},
       {"logs", "LOGS", "the folder of the steps' logs", Show::wide}}};
  return view;
}

namespace {

const View& service_view() {
  static const View view{"name",
                         {{"name", "SERVICE", "its name"},
                          {"address", "ADDRESS", "within the cluster, or of its load balancer"}},
                         "ADDRESS"};
  return view;
}

Result<Json> deployed(const Deployment& deployment, const Cluster& cluster,
                      const Workplace& place) {
  Json report = {{"name", deployment.name},
                 {"kind", deployment.kind},
                 {"namespace", cluster.name_space()},
                 {"image", deployment.image},
                 {"server", deployment.server},
                 {"context", deployment.context},
                 {"kubeconfig", deployment.kubeconfig},
                 {"logs", place.file("logs")}};
  report["services"] = Json::array();
  const Json services = MESH_TRY(cluster.get({"services"}));
  for (const Json& service : at_path(services, "items")) {
    report["services"].push_back({{"name", plain_text(at_path(service, "metadata.name"))},
                                  {"address", address_of(service, cluster.name_space())}});
  }
  return report;
}

}  // namespace

void show_deployed(Session& session, const Json& report) {
  session.out.record(deployed_view(), report, {{"Services:", "services", &service_view()}});
}

Outcome fill_and_tell(Session& session, Steps& steps, const Workplace& place,
                      Deployment& deployment, const Cluster& cluster, const Filling& filling) {
  MESH_TRY(fill(session, steps, place, deployment, cluster, filling));
  MESH_TRY(steps.end());
  const Json report = MESH_TRY(deployed(deployment, cluster, place));
  show_deployed(session, report);
  return Exit::ok;
}

}  // namespace mesh::cli::deploy
