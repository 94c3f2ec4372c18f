#include "daemon/pipeline/generations/standing.h"

#include <algorithm>

namespace mesh::pipeline {

Result<Offsets> committed_by(LogAdmin& admin, const std::string& group) {
  auto groups = MESH_TRY(admin.groups());
  const auto found = std::ranges::find(groups, group, &GroupInfo::name);
  return found == groups.end() ? Offsets{} : std::move(found->committed);
}

bool reached(const Offsets& committed, const Offsets& target) {
  return std::ranges::all_of(target, [&](const auto& entry) {
    const auto at = committed.find(entry.first);
    // Nothing was ever in such a partition, and the group may not have committed it.
    return entry.second == 0 || (at != committed.end() && at->second >= entry.second);
  });
}

Result<bool> is_through(LogAdmin& admin, RetryStore& retries, const std::string& group,
                        const Offsets& target) {
  const auto committed = MESH_TRY(committed_by(admin, group));
  if (!reached(committed, target)) return false;
  // After the offsets: what a group parks it parks before it commits past it.
  const auto parked = MESH_TRY(retries.parked_keys(group));
  return parked.empty();
}

}  // namespace mesh::pipeline
