// Members as rows, by the server's clock.
#pragma once

#include "common/engines/postgres/pool.h"
#include "common/ports/member_store.h"

namespace mesh::postgres {

class Members final : public MemberStore {
 public:
  explicit Members(Pool& pool) : pool_(pool) {}

  Status heartbeat(const Member& member, Duration ttl) override;
  Status leave(const std::string& id) override;
  Result<std::vector<MemberInfo>> list() override;

 private:
  Pool& pool_;
};

}  // namespace mesh::postgres
