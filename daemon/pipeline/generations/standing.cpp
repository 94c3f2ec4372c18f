#include "daemon/pipeline/generations/standing.h"

#include <algorithm>

namespace mesh::pipeline {

using Offsets = std::map<TopicPartition, std::int64_t>;

Result<Offsets> committed_by(LogAdmin& admin, const std::string& group) {
  auto groups = admin.groups();
  if (!groups) return fail(std::move(groups.error()));
  const auto found = std::ranges::find(*groups, group, &GroupInfo::name);
  return found == groups->end() ? Offsets{} : std::move(found->committed);
}

bool reached(const Offsets& committed, const Offsets& target) {
  return std::ranges::all_of(target, [&](const auto& entry) {
    const auto at = committed.find(entry.first);
    return entry.second == 0 || (at != committed.end() && at->second >= entry.second);
  });
}

Result<bool> is_through(LogAdmin& admin, RetryStore& retries, const std::string& group,
                        const Offsets& target) {
  const auto committed = committed_by(admin, group);
  if (!committed) return fail(committed.error());
  if (!reached(*committed, target)) return false;
  const auto parked = retries.parked_keys(group);
  if (!parked) return fail(parked.error());
  return parked->empty();
}

}  // namespace mesh::pipeline
