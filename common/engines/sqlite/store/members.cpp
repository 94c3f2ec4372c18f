#include "common/engines/sqlite/store/members.h"

namespace mesh::sqlite {

Status MemoryMembers::heartbeat(const Member& member, Duration ttl) {
  std::lock_guard lock(mutex_);
  present_.insert_or_assign(member.id, Present{{member, clock_.now()}, clock_.steady() + ttl});
  return {};
}

Status MemoryMembers::leave(const std::string& id) {
  std::lock_guard lock(mutex_);
  present_.erase(id);
  return {};
}

Result<std::vector<MemberInfo>> MemoryMembers::list() {
  std::lock_guard lock(mutex_);
  const SteadyTime now = clock_.steady();
  // Here and nowhere else: without a look nobody can see who is still listed.
  std::erase_if(present_, [&](const auto& entry) { return entry.second.until <= now; });
  std::vector<MemberInfo> all;
  for (const auto& [id, present] : present_) all.push_back(present.info);
  return all;
}

}  // namespace mesh::sqlite
