#include "daemon/pipeline/generations/keeper.h"

#include <algorithm>

#include "common/base/strings.h"
#include "common/telemetry/log.h"
#include "daemon/pipeline/scan.h"

namespace mesh::pipeline {
namespace {

constexpr const char* kLease = "generations";
// Longer than any pause between two renewals of a rebuild: a look at its pipelines, a change of the
// index, and the wait for an engine that is down.
constexpr Duration kLeaseTtl{90'000};

}  // namespace

Result<std::unique_ptr<Keeper>> Keeper::acquire(Deps deps) {
  auto lease = MESH_TRY(deps.leases.acquire(kLease, deps.process, kLeaseTtl));
  if (!lease) return nullptr;
  return std::unique_ptr<Keeper>(new Keeper(std::move(deps), std::move(*lease)));
}

Keeper::~Keeper() {
  if (auto released = deps_.leases.release(lease_); !released) {
    log::warn("the lease of generations was not given up, and ends by itself",
              {{"error", released.error().to_string()}});
  }
}

Status Keeper::renew() { return deps_.leases.renew(lease_, kLeaseTtl); }

Result<GenerationInfo> Keeper::make(const GenerationSpec& spec) {
  MESH_TRY(renew());
  return deps_.index.create_generation(spec);
}

Status Keeper::serve(int number) {
  MESH_TRY(renew());
  MESH_TRY(deps_.index.serve(number));
  log::info("the index serves another generation", {{"generation", number}});
  return {};
}

Status Keeper::drop(int number) {
  MESH_TRY(renew());
  auto dropped = deps_.index.drop_generation(number);
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
  auto parked = MESH_TRY(deps_.retries.load(group, partitions));
  std::vector<Position> positions;
  for (const ParkedEvent& event : parked) positions.push_back(event.record.position);
  return positions.empty() ? Status{} : deps_.retries.remove(group, positions);
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
