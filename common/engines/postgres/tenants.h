// Records of tenants as rows.
#pragma once

#include "common/base/clock.h"
#include "common/engines/postgres/outbox.h"
#include "common/engines/postgres/pool.h"
#include "common/engines/postgres/workers.h"
#include "common/ports/tenant_store.h"

namespace mesh::postgres {

// Changes are transactions of their own: they are rare, and lock one tenant's row, as a group of
// users' changes does.
class Tenants final : public TenantStore {
 public:
  Tenants(Pool& pool, Workers& workers, PostgresOutbox& outbox, Clock& clock)
      : pool_(pool), workers_(workers), outbox_(outbox), clock_(clock) {}

  Result<ChangedTenant> create(Tenant tenant) override;
  Result<ChangedTenant> update(Tenant tenant) override;
  Result<ChangedTenant> remove(const TenantId& id,
                               const std::optional<std::vector<std::int64_t>>& only_at) override;
  Result<Tenant> get(const TenantId& id) override;
  Result<std::vector<Tenant>> list(std::string_view after, int limit) override;
  Result<bool> known(const TenantId& id) override;
  void note_use(const TenantId& id) override;

 private:
  template <typename Decide>
  Result<ChangedTenant> change(const TenantId& id, std::string_view type, Decide decide);

  Pool& pool_;
  Workers& workers_;
  PostgresOutbox& outbox_;
  Clock& clock_;
};

}  // namespace mesh::postgres
