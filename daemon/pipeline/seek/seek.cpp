#include "daemon/pipeline/seek/seek.h"

#include <algorithm>
#include <map>
#include <vector>

#include "common/base/strings.h"
#include "common/telemetry/log.h"
#include "daemon/pipeline/seek/yielding_log.h"
#include "daemon/pipeline/tasks/task_support.h"

namespace mesh::pipeline {
namespace {

constexpr Duration kSeekTtl{15'000};  // of the lease: shorter than a task's claim
constexpr Duration kTry{500};         // between two attempts, each of which renews the lease
// How long members may take: longer than a session, within which a dead one stays.
constexpr Duration kPatience{10 * 60'000};

std::map<TopicPartition, std::int64_t> offsets_of(const Json& spec) {
  std::map<TopicPartition, std::int64_t> offsets;
  for (const Json& move : spec.at("partitions")) {
    offsets[{move.at("topic").get<std::string>(), move.at("partition").get<std::int32_t>()}] =
        move.at("to").get<std::int64_t>();
  }
  return offsets;
}

}  // namespace

Json seek_spec(const std::string& group, Json moves) {
  return {{"group", group}, {"partitions", std::move(moves)}};
}

Status Seeker::run(TaskContext& context) {
  if (context.task().checkpoint.value("moved", false)) return {};
  std::optional<Lease> lease;
  const Status moved = run_with(lease, context);
  if (!lease) return moved;
  if (const Status released = leases_.release(*lease); !released) {
    log::warn("members come back to their group when its lease has passed",
              {{"lease", lease->name}, {"error", released.error().to_string()}});
  }
  return moved;
}

Status Seeker::hold(std::optional<Lease>& lease, const std::string& group) {
  if (lease) {
    const Status renewed = leases_.renew(*lease, kSeekTtl);
    if (renewed || renewed.error().kind != ErrorKind::conflict) return renewed;
    lease.reset();  // members may have come back meanwhile
  }
  lease = MESH_TRY(leases_.acquire(seek_lease(group), process_, kSeekTtl));
  return {};
}

// The engine itself says whether all are gone: it refuses the seek while one is there, so that
// nothing is decided on what was true a moment ago, nor by one who held the lease once.
Status Seeker::attempt(std::optional<Lease>& lease, const Move& move, Names& members) {
  MESH_TRY(hold(lease, move.group));
  const auto groups = MESH_TRY(admin_.groups());
  const auto found = std::ranges::find(groups, move.group, &GroupInfo::name);
  if (found == groups.end()) {  // the seek would make it anew
    return fail(ErrorKind::not_found, "there is no group " + move.group + " any more");
  }
  members = found->members;
  if (!lease) {
    return fail(ErrorKind::conflict, "group " + move.group + " is being moved by another task");
  }
  const Status moved = admin_.seek_group(move.group, move.offsets);
  if (moved || moved.error().kind != ErrorKind::conflict) return moved;
  return fail(ErrorKind::conflict,
              "group " + move.group + " still has the members " + join(members, ", ") +
                  "; stop what reads with it beside the pipelines, and ask again");
}

Status Seeker::run_with(std::optional<Lease>& lease, TaskContext& context) {
  const Json spec = context.task().spec;
  const Move move{spec.at("group").get<std::string>(), offsets_of(spec)};
  const auto total = std::ssize(move.offsets);
  const SteadyTime give_up = clock_.steady() + kPatience;
  Names waits_for;
  while (!context.stopping()) {
    Names members;
    Status tried = attempt(lease, move, members);
    if (tried) {
      Json result = spec;
      result["moved"] = total;
      report(context, total, total, {{"moved", true}}, std::move(result));
      return {};
    }
    // A conflict may pass: members that are still there, or the lease of another task.
    const bool hopeless = tried.error().kind != ErrorKind::conflict && !tried.error().retryable();
    if (hopeless || clock_.steady() >= give_up) return tried;
    // Stored when it changes only: each report is a write.
    if (members != waits_for) {
      waits_for = members;
      report(context, 0, total, Json::object(), {{"waits_for", waits_for}});
    }
    context.pause(kTry);
  }
  return stopped_early();
}

}  // namespace mesh::pipeline
