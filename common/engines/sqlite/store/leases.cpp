#include "common/engines/sqlite/store/leases.h"

namespace mesh::sqlite {
namespace {

Status lost(const Lease& lease) {
  return fail(ErrorKind::conflict, "the lease " + lease.name + " was lost: it was not renewed in " +
                                       "time, or another holds it");
}

}  // namespace

Result<std::optional<Lease>> MemoryLeases::acquire(const std::string& name,
                                                   const std::string& holder, Duration ttl) {
  std::lock_guard lock(mutex_);
  const SteadyTime now = clock_.steady();
  // Of names that nobody takes twice they would stay for ever.
  std::erase_if(held_, [now](const auto& one) { return now >= one.second.until; });
  if (held_.contains(name)) return std::optional<Lease>();
  held_.emplace(name, Held{++last_token_, holder, now + ttl});
  return std::optional(Lease{name, last_token_});
}

Status MemoryLeases::renew(const Lease& lease, Duration ttl) {
  std::lock_guard lock(mutex_);
  Held* held = find(lease);
  if (held == nullptr) return lost(lease);
  held->until = clock_.steady() + ttl;
  return {};
}

Status MemoryLeases::release(const Lease& lease) {
  std::lock_guard lock(mutex_);
  if (find(lease) != nullptr) held_.erase(lease.name);
  return {};
}

Result<std::vector<LeaseInfo>> MemoryLeases::list() {
  std::lock_guard lock(mutex_);
  const SteadyTime now = clock_.steady();
  std::vector<LeaseInfo> all;
  for (const auto& [name, held] : held_) {
    if (now >= held.until) continue;
    const auto left = std::chrono::duration_cast<Duration>(held.until - now);
    all.push_back({name, held.holder, clock_.now() + left});
  }
  return all;
}

Status MemoryLeases::check(const Lease& lease) {
  std::lock_guard lock(mutex_);
  return find(lease) != nullptr ? Status{} : lost(lease);
}

MemoryLeases::Held* MemoryLeases::find(const Lease& lease) {
  const auto at = held_.find(lease.name);
  const bool held =
      at != held_.end() && at->second.token == lease.token && clock_.steady() < at->second.until;
  return held ? &at->second : nullptr;
}

}  // namespace mesh::sqlite
