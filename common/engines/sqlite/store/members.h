// Members in memory: the data folder has one process, so what ends with it need not be kept.
#pragma once

#include <map>
#include <mutex>

#include "common/ports/member_store.h"

namespace mesh::sqlite {

class MemoryMembers final : public MemberStore {
 public:
  explicit MemoryMembers(Clock& clock) : clock_(clock) {}

  Status heartbeat(const Member& member, Duration ttl) override;
  Status leave(const std::string& id) override;
  Result<std::vector<MemberInfo>> list() override;

 private:
  struct Present {
    MemberInfo info;
    SteadyTime until;  // the steady clock's, which nobody sets
  };

  Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, Present> present_;  // by id; guarded by mutex_
};

}  // namespace mesh::sqlite
