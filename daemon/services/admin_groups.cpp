#include <map>
#include <set>

#include "daemon/pipeline/lag.h"
#include "daemon/pipeline/replay/bounds.h"
#include "daemon/pipeline/scan.h"
#include "daemon/pipeline/seek/seek.h"
#include "daemon/services/admin_log.h"
#include "daemon/services/admin_work.h"
#include "daemon/services/api_parts.h"
#include "daemon/services/common.h"

namespace mesh::services {
namespace {

using http::Response;

// What is so of a group, whatever process asks: from the log and the store. Only what the process
// alone knows that runs its pipeline is told where it runs here: what holds it up, its last error.
struct GroupView {
  GroupInfo info;
  std::optional<pipeline::PipelineStatus> pipeline;  // where it runs here
  std::map<TopicPartition, Watermarks> ends;

  std::int64_t lag() const {
    std::int64_t sum = 0;
    for (const auto& [partition, marks] : ends) sum += marks.end - at(partition);
    return sum;
  }
  std::int64_t at(const TopicPartition& partition) const {
    const auto it = info.committed.find(partition);
    // A hard bound of retention may have passed the committed offset: lag is what can be read.
    const std::int64_t start = ends.at(partition).start;
    return it == info.committed.end() ? start : std::max(start, it->second);
  }
};

Result<std::vector<GroupView>> group_views(const LogAdminDeps& deps) {
  auto groups = MESH_TRY(deps.admin.groups());
  const auto running = deps.pipelines();
  std::vector<GroupView> views;
  for (auto& info : groups) {
    GroupView view{std::move(info), {}, {}};
    for (const auto& status : running) {
      using State = pipeline::PipelineStatus::State;
      // One that is stopped here says nothing of the group: another process may run it.
      if (status.name == view.info.name && status.state != State::stopped) view.pipeline = status;
    }
    for (const auto& [partition, offset] : view.info.committed) {
      auto marks = deps.log.watermarks(partition);
      if (marks) view.ends[partition] = *marks;  // a topic that is gone has no lag
    }
    views.push_back(std::move(view));
  }
  return views;
}

Json group_json(const GroupView& view) {
  std::set<std::string> topics;
  for (const auto& [partition, marks] : view.ends) topics.insert(partition.topic);
  Json json{{"group", view.info.name},
            {"active", view.info.active},
            {"state", view.pipeline ? pipeline::state_text(view.pipeline->state)
                                    : (view.info.active ? "running" : "inactive")},
            {"lag", view.lag()},
            {"holds", view.info.holds},
            {"passed_over", view.info.passed_over},
            {"topics", topics}};
  return json;
}

// The age of the oldest event that is not processed; the process that has it counts parked ones.
double lag_seconds(const LogAdminDeps& deps, const GroupView& view) {
  const auto oldest = pipeline::oldest_from(deps.log, view.info.committed);
  const std::chrono::duration<double> age =
      oldest && *oldest ? std::max(Duration{0}, deps.clock.now() - **oldest) : Duration{0};
  return std::max(age.count(), view.pipeline ? view.pipeline->lag_seconds : 0.0);
}

Result<Json> group_details(const LogAdminDeps& deps, const GroupView& view) {
  auto parked = MESH_TRY(deps.retries.parked_keys(view.info.name));
  Json json = group_json(view);
  json["members"] = view.info.members;
  json["lag_seconds"] = lag_seconds(deps, view);
  json["parked"] = parked.size();
  json["last_error"] = view.pipeline ? view.pipeline->last_error : "";
  json["partitions"] = Json::array();
  for (const auto& [partition, marks] : view.ends) {
    const auto at = view.at(partition);
    json["partitions"].push_back({{"topic", partition.topic},
                                  {"partition", partition.partition},
                                  {"committed", at},
                                  {"end", marks.end},
                                  {"lag", marks.end - at}});
  }
  return json;
}

Result<GroupView> find_group(const LogAdminDeps& deps, const std::string& name) {
  auto views = MESH_TRY(group_views(deps));
  for (auto& view : views) {
    if (view.info.name == name) return std::move(view);
  }
  return fail(ErrorKind::not_found, "no group \"" + name + "\"; `mesh groups list` shows them");
}

Result<Response> list_groups(const LogAdminDeps& deps, const http::Request&) {
  auto views = MESH_TRY(group_views(deps));
  Json items = Json::array();
  for (const auto& view : views) items.push_back(group_json(view));
  return page(std::move(items));
}

Result<Response> seek_group(const LogAdminDeps& deps, const http::Request& request) {
  auto body = MESH_TRY(object_body(request));
  MESH_TRY(only_members(body, {"to", "topic", "partition", "dry_run"}));
  auto to = string_member(body, "to");
  auto topic = string_member(body, "topic");
  auto partition = int_member(body, "partition");
  auto dry_run = bool_member(body, "dry_run");
  for (const auto* error :
       {to ? nullptr : &to.error(), topic ? nullptr : &topic.error(),
        partition ? nullptr : &partition.error(), dry_run ? nullptr : &dry_run.error()}) {
    if (error != nullptr) return fail(*error);
  }
  if (!*to)
    return fail({ErrorKind::unprocessable, "say where to", {}, {{"/to", "is missing"}}, {}});
  auto view = MESH_TRY(find_group(deps, request.path_params.at("group")));
  if (*topic) {
    // A topic that does not exist is told as that, and not as one that the group does not read.
    (void)MESH_TRY(pipeline::find_topic(deps.admin, **topic));
  }
  Offsets target;
  Json moves = Json::array();
  for (const auto& [where, marks] : view.ends) {
    if (*topic && where.topic != **topic) continue;
    if (*partition && where.partition != **partition) continue;
    auto offset = pipeline::resolve_bound(deps.log, where, **to, deps.clock.now());
    if (!offset) return in_member("to", offset.error());
    // All bounds are resolved before anything moves, so that a wrong one moves nothing.
    target[where] = *offset;
    moves.push_back({{"topic", where.topic},
                     {"partition", where.partition},
                     {"from", view.at(where)},
                     {"to", *offset}});
  }
  if (target.empty()) {
    return fail(ErrorKind::not_found,
                "group " + view.info.name + " reads no such topic or partition");
  }
  if (!*dry_run) {
    const Status moved = deps.admin.seek_group(view.info.name, target);
    // The log refuses while the group has members: the task makes them let go of it first.
    if (!moved && moved.error().kind == ErrorKind::conflict && !deps.admin.seeks_active_groups()) {
      return task_answer(deps.runner.submit("seek",
                                            pipeline::seek_spec(view.info.name, std::move(moves)),
                                            std::ssize(target), started_by(request)));
    }
    if (!moved) return fail(moved.error());
  }
  return Response::json(200, {{"group", view.info.name}, {"partitions", std::move(moves)}});
}

}  // namespace

http::RouteTable group_routes(const std::shared_ptr<const LogAdminDeps>& deps) {
  using http::Body;
  using Plain = Result<Response> (*)(const LogAdminDeps&, const http::Request&);
  const auto plain = [deps](Plain work) { return answering(deps, work); };
  const http::Parameter group = api::path("group", "The consumer group.");
  return api::for_operators(
      "groups",
      {{.method = "GET",
        .pattern = "/admin/v1/groups",
        .pool = http::Pool::quick,
        .operation = "listGroups",
        .summary = "Lists the consumer groups",
        .answers = {api::gives("GroupPage", "All groups.")},
        .handler = plain(list_groups)},
       {.method = "GET",
        .pattern = "/admin/v1/groups/{group}",
        .pool = http::Pool::quick,
        .operation = "getGroup",
        .summary = "A group's position and lag per partition",
        .parameters = {group},
        .answers = {api::gives("GroupDetails", "The group.")},
        .problems = {404},
        .handler =
            plain([](const LogAdminDeps& d, const http::Request& request) -> Result<Response> {
              auto view = MESH_TRY(find_group(d, request.path_params.at("group")));
              auto details = MESH_TRY(group_details(d, view));
              return Response::json(200, details);
            })},
       {.method = "POST",
        .pattern = "/admin/v1/groups/{group}/seek",
        .body = Body::json,
        .pool = http::Pool::slow,
        .operation = "seekGroup",
        .summary = "Moves a group's committed offsets",
        .details = "At once, but where the log moves no group that something reads with: there a "
                   "task asks the members to let go of it first.",
        .parameters = {group},
        .request = api::json("Seek"),
        .answers = {api::gives("SeekResult", "What was moved, or with `dry_run` would be."),
                    api::starts_task("The task that moves it.")},
        .problems = {404, 409, 422},
        .handler = plain(seek_group)},
       {.method = "DELETE",
        .pattern = "/admin/v1/groups/{group}",
        .pool = http::Pool::quick,
        .operation = "deleteGroup",
        .summary = "Deletes a group that nothing reads with",
        .details = "Nothing is kept for it any more.",
        .parameters = {group},
        .answers = {api::nothing("The group is gone.")},
        .problems = {404, 409},
        .handler =
            plain([](const LogAdminDeps& d, const http::Request& request) -> Result<Response> {
              auto view = MESH_TRY(find_group(d, request.path_params.at("group")));
              MESH_TRY(d.admin.delete_group(view.info.name));
              return Response::no_content();
            })}});
}

}  // namespace mesh::services
