// What store.db keeps of a tenant.
#pragma once

#include "common/engines/sqlite/core/committer.h"
#include "common/engines/sqlite/core/reader_pool.h"
#include "common/engines/sqlite/store/outbox.h"
#include "common/ports/tenant_data.h"

namespace mesh::sqlite {

// What it removes is overwritten in the file (secure_delete); with the last of a part the
// write-ahead log is emptied, whose frames show what was there.
class SqliteTenantData final : public TenantData {
 public:
  SqliteTenantData(Committer& committer, ReaderPool& readers, SqliteOutbox& outbox)
      : committer_(committer), readers_(readers), outbox_(outbox) {}

  Result<std::vector<KeptPart>> count(const ErasureTarget& target) override;
  Result<std::int64_t> erase(const ErasureTarget& target, std::string_view place,
                             int limit) override;

 private:
  Result<std::int64_t> erase_outbox(const ErasureTarget& target, int limit);
  Result<std::int64_t> erase_retries(const ErasureTarget& target, int limit);
  // Within one transaction.
  using Removal = Result<std::int64_t> (*)(Database&, const ErasureTarget&, int limit);
  Result<std::int64_t> run(Removal removal, const ErasureTarget& target, int limit);

  Committer& committer_;
  ReaderPool& readers_;
  SqliteOutbox& outbox_;
};

}  // namespace mesh::sqlite
