#include "daemon/pipeline/generations/keeper.h"

#include <algorithm>

#include "common/base/strings.h"
#include "common/telemetry/log.h"
#include "daemon/pipeline/scan.h"

namespace mesh::pipeline {
namespace {

constexpr const char* kLease = "generations";
// Longer than what a rebuild does between two renewals: a look at its pipelines, a change of the
// index, a pause of the wait for an engine that is down.
constexpr Duration kLeaseTtl{90'000};

}  // namespace

Result<std::unique_ptr<Keeper>> Keeper::acquire(Deps deps) {
  auto lease = MESH_TRY(deps.leases.acquire(kLease, deps.process, kLeaseTtl));
  if (!lease) return nullptr;
  std::unique_ptr<Keeper> keeper(new Keeper(std::move(deps), std::move(*lease)));
  const auto epoch = MESH_TRY(keeper->deps_.index.take_over());
  keeper->epoch_ = epoch;
  // Who slept since it got the lease may have taken over from the next holder: it sees so here and
  // uses its epoch for nothing, and the other one's next change is a `conflict`.
  auto held = keeper->renew();
  if (held) return keeper;
  if (held.error().kind == ErrorKind::conflict) return nullptr;
  return fail(std::move(held.error()));
}

Keeper::~Keeper() {
  if (auto released = deps_.leases.release(lease_); !released) {
    log::warn("the lease of generations was not given up, and ends by itself",
              {{"error", released.error().to_string()}});
  }
}

Status Keeper::renew() { return note(deps_.leases.renew(lease_, kLeaseTtl)); }

Result<GenerationInfo> Keeper::make(const GenerationSpec& spec) {
  MESH_TRY(renew());
  return note(deps_.index.create_generation(spec, epoch_));
}

Status Keeper::serve(int number) {
  MESH_TRY(renew());
  MESH_TRY(note(deps_.index.serve(number, epoch_)));
  log::info("the index serves another generation", {{"generation", number}});
  return {};
}

Status Keeper::drop(int number) {
  MESH_TRY(renew());
  auto dropped = note(deps_.index.drop_generation(number, epoch_));
  if (!dropped && dropped.error().kind != ErrorKind::not_found) return dropped;
  log::info("a generation of the index was dropped", {{"generation", number}});
  return {};
}

// The group first: while it has members, these may park.
Status Keeper::drop_group(const std::string& group) {
  auto deleted = deps_.admin.delete_group(group);
  if (!deleted && deleted.error().kind == ErrorKind::conflict) return {};
  if (!deleted && deleted.error().kind != ErrorKind::not_found) return deleted;
  auto partitions = MESH_TRY(partitions_of(deps_.admin, deps_.topics));
  // Taken, so that one that has not noticed yet parks no more.
  const Parker parker{group, "drop"};
  auto parked = MESH_TRY(deps_.retries.take(parker, partitions));
  std::vector<Position> positions;
  for (const ParkedEvent& event : parked) positions.push_back(event.record.position);
  return positions.empty() ? Status{} : deps_.retries.remove(parker, positions);
}

Status Keeper::drop_groups(const std::vector<GenerationInfo>& all) {
  const auto groups = MESH_TRY(deps_.admin.groups());
  for (const auto& group : groups_left(groups, deps_.prefix, all)) {
    MESH_TRY(renew());
    MESH_TRY(drop_group(group));
  }
  return {};
}

std::vector<std::string> groups_left(const std::vector<GroupInfo>& groups,
                                     const std::string& prefix,
                                     const std::vector<GenerationInfo>& all) {
  std::vector<std::string> left;
  for (const GroupInfo& group : groups) {
    if (!group.name.starts_with(prefix + "-")) continue;
    const auto number = parse_int(std::string_view(group.name).substr(prefix.size() + 1));
    if (number && std::ranges::find(all, *number, &GenerationInfo::number) == all.end()) {
      left.push_back(group.name);
    }
  }
  return left;
}

}  // namespace mesh::pipeline
