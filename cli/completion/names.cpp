#include "cli/completion/names.h"

#include <algorithm>

#include "cli/commands/deploy/workplace.h"
#include "cli/context_file.h"
#include "common/base/time.h"

namespace mesh::cli {
namespace {

constexpr int kMostTenants = 1000;  // a page of the server's
constexpr int kMostTasks = 50;

std::vector<Candidate> contexts(Session& session) {
  const auto file = load_contexts(context_file_path(session.surroundings.env));
  std::vector<Candidate> all;
  // TAB says nothing of a broken file; any other command does.
  if (!file) return all;
  for (const auto& [name, context] : file->contexts) {
    all.push_back({name, context.server ? *context.server : context.data_dir.value_or("")});
  }
  return all;
}

std::vector<Candidate> deployments(Session& session) {
  const auto found = deploy::all_deployments(session);
  std::vector<Candidate> all;
  if (!found) return all;
  for (const auto& one : *found) all.push_back({one.name, one.kind});
  return all;
}

using Describe = std::string (*)(const Json&);

std::vector<Candidate> candidates(const Result<std::vector<Json>>& items, std::string_view name,
                                  Describe describe) {
  std::vector<Candidate> all;
  if (!items) return all;
  for (const Json& item : *items) all.push_back({text_at(item, name), describe(item)});
  return all;
}

Duration patience(const Session& session) {
  const char* given = session.surroundings.env("MESH_COMPLETION_TIMEOUT");
  const auto duration = parse_duration(given == nullptr ? "" : given);
  return duration && duration->count() > 0 ? *duration : kCompletionTimeout;
}

// Tasks are those of the tenant that is acted for; the other lists are the same for every tenant.
std::vector<Candidate> of_server(Session& session, std::string_view value_name) {
  static constexpr std::string_view kKnown[] = {"TASK", "TENANT", "TOPIC", "GROUP", "SETTING"};
  if (std::ranges::find(kKnown, value_name) == std::end(kKnown)) return {};
  const bool tasks = value_name == "TASK";
  // Set empty, not reset: a tenant of the environment or of the context is lifted as well.
  if (!tasks) session.globals.tenant = "";
  // One deadline for all pages of the list: a key was pressed, and who pressed it waits.
  if (!session.connect(session.clock.steady() + patience(session))) return {};
  auto& mesh = *session.mesh;
  if (value_name == "TENANT") {
    return candidates(mesh.tenants(kMostTenants), "id",
                      [](const Json& tenant) { return text_at(tenant, "name"); });
  }
  if (value_name == "TOPIC") {
    return candidates(mesh.topics(), "name",
                      [](const Json& topic) { return text_at(topic, "kind"); });
  }
  if (value_name == "GROUP") {
    return candidates(mesh.groups(), "group",
                      [](const Json& group) { return text_at(group, "state"); });
  }
  if (value_name == "SETTING") {
    return candidates(mesh.settings(), "key",
                      [](const Json& setting) { return plain_text(at_path(setting, "value")); });
  }
  return candidates(mesh.tasks(kMostTasks), "id", [](const Json& task) {
    return text_at(task, "kind") + " " + text_at(task, "state") + " " +
           time_text(at_path(task, "created_at"));
  });
}

}  // namespace

Names names_of(Session& session) {
  return [&session](std::string_view value_name) {
    if (value_name == "CONTEXT") return contexts(session);
    if (value_name == "DEPLOYMENT") return deployments(session);
    return of_server(session, value_name);
  };
}

}  // namespace mesh::cli
