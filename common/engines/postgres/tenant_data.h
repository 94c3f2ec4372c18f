// What the tables keep of a tenant.
#pragma once

#include "common/engines/postgres/pool.h"
#include "common/ports/tenant_data.h"

namespace mesh::postgres {

// What it removes nobody reads any more; its bytes leave the server's files at the next VACUUM of
// the table, its write-ahead log and backups in their own time.
class Data final : public TenantData {
 public:
  explicit Data(Pool& pool) : pool_(pool) {}
  Result<std::vector<KeptPart>> count(const ErasureTarget& target) override;
  Result<std::int64_t> erase(const ErasureTarget& target, std::string_view place,
                             int limit) override;

 private:
  Result<std::int64_t> erase_activity(const ErasureTarget& target, int limit);
  Result<std::int64_t> erase_retries(const ErasureTarget& target, int limit);

  Pool& pool_;
};

}  // namespace mesh::postgres
