// A consumer group: where it stands, who its members are, and which of them reads which partition.
// All of it is guarded by SqliteLogImpl::groups_mutex_ unless it says otherwise.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/engines/sqlite/log/wait_room.h"

namespace mesh::sqlite {

struct Partition;

// The group's side of a consumer, from its opening to its end.
struct Member {
  std::string name;
  std::set<Partition*> reads;  // constant
  Waiter waiter;               // the WaitRoom's
  bool joined = false;         // else it is taken for gone
  SteadyTime expires{};        // when others may take it for gone; never while it polls
};

struct GroupOffset {
  std::optional<std::int64_t> committed;
  // Rises with every seek_group. `epoch` once the seek is durable; `staged_epoch`, the committer's
  // thread only, once its job has run: a commit that was submitted before the seek and runs behind
  // it finds itself out of date.
  std::int64_t epoch = 0, staged_epoch = 0;
  Member* owner = nullptr;  // a joined one, or nobody
  std::int64_t term = 0;    // rises with every change of the owner
};

struct ById {
  bool operator()(const Partition* a, const Partition* b) const;
};

struct Group {
  std::map<Partition*, GroupOffset, ById> offsets;  // nodes are stable
  std::vector<Member*> members;                     // in the order of their opening
  std::uint64_t passed_over = 0;
  // Rises whenever members have to look at the offsets again. Written under the mutex.
  std::atomic<std::int64_t> version{0};

  // Where it stands in a partition of a topic that it reads: at 0 where it has committed nothing.
  // Nothing where it does not read the topic.
  std::optional<std::int64_t> stands_at(const Partition& partition) const;

  // These three tell whether partitions changed hands.
  // `member` polls: it joins where it has not, and those whose session has passed are gone.
  bool attend(Member& member, SteadyTime now);
  bool open(Member& member, SteadyTime now);
  bool leave(Member& member);
  // When the next one but `member` may be taken for gone.
  SteadyTime next_expiry(const Member& member) const;

 private:
  bool share_out();
};

}  // namespace mesh::sqlite
