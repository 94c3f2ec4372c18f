#include "cli/commands/deploy/rollout.h"

#include <algorithm>

#include "cli/commands/deploy/troubles.h"
#include "cli/render/width.h"
#include "cli/retry.h"
#include "common/base/strings.h"
#include "common/base/time.h"

namespace mesh::cli::deploy {
namespace {

constexpr Duration kBetweenLooks{1'000};
constexpr std::size_t kMostPods = 3;  // of one workload: the others mostly have the same reason

// Of the pods that the object makes.
std::string selector_of(const Object& object) {
  const Json& labels = object.kind == "Job" ? at_path(object.json, "spec.template.metadata.labels")
                                            : at_path(object.json, "spec.selector.matchLabels");
  std::vector<std::string> terms;
  if (labels.is_object()) {
    for (const auto& [name, value] : labels.items())
      terms.push_back(name + "=" + plain_text(value));
  }
  return join(terms, ",");
}

std::string indented(const std::string& text) { return "\n    " + text; }

std::vector<std::string> warnings_about(const Cluster& cluster, const std::string& name) {
  const auto events = cluster.get({"events", "--field-selector=involvedObject.name=" + name});
  // What cannot be had is no more than missing here: the failure itself is told already.
  return events ? warnings_of(*events, 2) : std::vector<std::string>();
}

std::vector<std::string> last_words(const Cluster& cluster, const Trouble& trouble) {
  if (trouble.container.empty()) return {};
  std::vector<std::string> words{"logs", trouble.pod, "--container=" + trouble.container,
                                 "--tail=5"};
  if (trouble.restarted) words.emplace_back("--previous");
  const auto log = cluster.ask(words);
  std::vector<std::string> lines;
  for (const auto& line : split(log ? *log : "", '\n')) {
    if (!trim(line).empty()) lines.push_back(printable(line));
  }
  return lines;
}

std::string condition(const Json& object, const std::string& type) {
  const Json& conditions = at_path(object, "status.conditions");
  if (!conditions.is_array()) return {};
  for (const Json& one : conditions) {
    if (at_path(one, "type") == Json(type) && at_path(one, "status") == Json("True")) {
      const std::string message = plain_text(at_path(one, "message"));
      return message == "-" || message.empty() ? type : message;
    }
  }
  return {};
}

}  // namespace

std::string reasons(const Cluster& cluster, const Object& object) {
  std::string text;
  const auto pods = cluster.get({"pods", "--selector=" + selector_of(object)});
  auto troubles = pods ? troubles_of(*pods) : std::vector<Trouble>();
  if (troubles.empty()) {
    // No pod was made: a quota, a rule of the namespace, a missing service account.
    for (const auto& warning : warnings_about(cluster, object.name)) text += indented(warning);
    const auto sets = cluster.get({"replicasets", "--selector=" + selector_of(object)});
    for (const Json& set : sets ? at_path(*sets, "items") : Json::array()) {
      for (const auto& warning : warnings_about(cluster, plain_text(at_path(set, "metadata.name"))))
        text += indented(warning);
    }
  }
  if (troubles.size() > kMostPods) troubles.resize(kMostPods);
  for (const Trouble& trouble : troubles) {
    text += indented("pod " + trouble.pod + ": " + trouble.reason);
    for (const auto& warning : warnings_about(cluster, trouble.pod))
      text += indented("  " + warning);
    for (const auto& line : last_words(cluster, trouble)) text += indented("  | " + line);
  }
  return text;
}

bool has_ended(const Json& job) {
  return !condition(job, "Complete").empty() || !condition(job, "Failed").empty();
}

Status await_job(Session& session, const Cluster& cluster, const Object& job, Duration patience,
                 Step& step) {
  const auto give_up = session.clock.steady() + patience;
  for (;;) {
    const Json now = MESH_TRY(cluster.get({"job", job.name}));
    if (!condition(now, "Complete").empty()) {
      step.done = "the job " + job.name + " is complete";
      return {};
    }
    if (const auto failed = condition(now, "Failed"); !failed.empty()) {
      return fail(ErrorKind::conflict,
                  "the job " + job.name + " failed: " + failed + reasons(cluster, job));
    }
    if (session.clock.steady() > give_up) {
      return fail(ErrorKind::timeout, "the job " + job.name + " did not end within " +
                                          format_duration(patience) + reasons(cluster, job));
    }
    if (!nap(kBetweenLooks)) return fail(ErrorKind::cancelled, "interrupted");
  }
}

Status await_rollouts(Session& session, const Cluster& cluster, const std::vector<Object>& objects,
                      Duration patience, Step& step) {
  const auto give_up = session.clock.steady() + patience;
  const auto all = std::ranges::count_if(objects, is_workload);
  std::int64_t done = 0;
  Progress progress = session.progress("rollouts");
  for (const Object& object : objects) {
    if (!is_workload(object)) continue;
    progress.update(done, all);
    const auto left = std::chrono::ceil<std::chrono::seconds>(give_up - session.clock.steady());
    const auto seconds = std::max<std::int64_t>(1, left.count());
    const Status through = cluster.run(
        {"rollout", "status", object.title(), "--timeout=" + std::to_string(seconds) + "s"}, {},
        {.log = step.log});
    if (!through) {
      progress.clear();
      if (through.error().kind == ErrorKind::cancelled) return through;
      const bool late = session.clock.steady() >= give_up ||
                        through.error().message.find("timed out") != std::string::npos;
      return fail(late ? ErrorKind::timeout : through.error().kind,
                  object.title() + " does not come up: " + through.error().message +
                      reasons(cluster, object));
    }
    ++done;
    progress.clear();
    session.out.note("  " + object.title() + " is up");
  }
  step.done = std::to_string(done) + " workloads are up";
  return {};
}

}  // namespace mesh::cli::deploy
