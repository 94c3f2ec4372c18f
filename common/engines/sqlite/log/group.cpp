#include "common/engines/sqlite/log/group.h"

#include <algorithm>

#include "common/engines/sqlite/log/log_impl.h"

namespace mesh::sqlite {

bool ById::operator()(const Partition* a, const Partition* b) const { return a->id < b->id; }

std::optional<std::int64_t> Group::stands_at(const Partition& partition) const {
  std::optional<std::int64_t> at;
  for (const auto& [p, offset] : offsets) {
    if (!offset.committed || p->name.topic != partition.name.topic) continue;
    if (p == &partition) return offset.committed;
    at = 0;
  }
  return at;
}

bool Group::attend(Member& member, SteadyTime now) {
  bool changed = !member.joined;
  member.joined = true;
  member.expires = SteadyTime::max();
  for (Member* other : members) {
    if (!other->joined || other->expires > now) continue;
    other->joined = false;
    changed = true;
  }
  return changed && share_out();
}

bool Group::open(Member& member, SteadyTime now) {
  members.push_back(&member);
  return attend(member, now);
}

bool Group::leave(Member& member) {
  std::erase(members, &member);
  member.joined = false;
  return share_out();
}

SteadyTime Group::next_expiry(const Member& member) const {
  SteadyTime next = SteadyTime::max();
  for (const Member* other : members) {
    if (other != &member && other->joined) next = std::min(next, other->expires);
  }
  return next;
}

// Evenly, and with as few moves as that takes: what nobody reads goes to who has least, and then
// single partitions from who has most.
bool Group::share_out() {
  std::map<Member*, int> shares;
  for (Member* member : members) {
    if (member->joined) shares[member] = 0;
  }
  for (const auto& [partition, offset] : offsets) {
    if (offset.owner != nullptr && shares.contains(offset.owner)) ++shares[offset.owner];
  }
  // Who of those that read the partition has least; the one that opened first, of several.
  const auto least = [&](Partition* partition) {
    Member* found = nullptr;
    for (Member* member : members) {
      if (!member->joined || !member->reads.contains(partition)) continue;
      if (found == nullptr || shares[member] < shares[found]) found = member;
    }
    return found;
  };
  bool changed = false;
  const auto give = [&](GroupOffset& offset, Member* to) {
    offset.owner = to;
    ++offset.term;
    if (to != nullptr) ++shares[to];
    changed = true;
  };
  for (auto& [partition, offset] : offsets) {
    if (offset.owner != nullptr && shares.contains(offset.owner)) continue;
    Member* to = least(partition);
    if (to != offset.owner) give(offset, to);
  }
  for (bool more = true; more;) {
    more = false;
    for (auto& [partition, offset] : offsets) {
      Member* to = offset.owner == nullptr ? nullptr : least(partition);
      if (to == nullptr || shares[offset.owner] < shares[to] + 2) continue;
      --shares[offset.owner];
      give(offset, to);
      more = true;
    }
  }
  if (changed) ++version;
  return changed;
}

}  // namespace mesh::sqlite
