// Records of tenants in SQLite.
#pragma once

#include "common/base/clock.h"
#include "common/domain/entity_events.h"
#include "common/engines/sqlite/core/reader_pool.h"
#include "common/engines/sqlite/store/outbox.h"
#include "common/ports/tenant_store.h"

namespace mesh::sqlite {

// Writes the tenant's row as that event leaves it.
Status write_tenant(Database& db, const Event& event);
// `corrupt` where the text is not a tenant.
Result<Tenant> stored_tenant(std::string_view record);

class SqliteTenants final : public TenantStore {
 public:
  SqliteTenants(SqliteOutbox& outbox, ReaderPool& readers, Clock& clock)
      : outbox_(outbox), readers_(readers), clock_(clock) {}

  Result<ChangedTenant> create(Tenant tenant) override;
  Result<ChangedTenant> update(Tenant tenant) override;
  Result<ChangedTenant> remove(const TenantId& id,
                               const std::optional<std::vector<std::int64_t>>& only_at) override;
  Result<Tenant> get(const TenantId& id) override;
  Result<std::vector<Tenant>> list(std::string_view after, int limit) override;
  Result<bool> known(const TenantId& id) override;
  void note_use(const TenantId& id) override;

 private:
  template <typename Work>
  Result<ChangedTenant> change(Work work);
  Result<Change<ChangedTenant>> written(Database& db, std::string_view type, Tenant tenant);

  SqliteOutbox& outbox_;
  ReaderPool& readers_;
  Clock& clock_;
};

}  // namespace mesh::sqlite
