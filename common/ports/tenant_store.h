// Records of tenants. Changes write tenant.* events through the outbox.
#pragma once

#include <optional>
#include <vector>

#include "common/base/error.h"
#include "common/domain/tenant.h"

namespace mesh {

// A tenant as a change left it.
struct ChangedTenant : Tenant {
  std::int64_t event = 0;  // the sequence of the change's event in the outbox
};

// Any thread; changes block until durable (they are rare).
class TenantStore {
 public:
  virtual ~TenantStore() = default;
  virtual Result<ChangedTenant> create(Tenant tenant) = 0;  // `conflict` where it exists
  // Replaces the record; version and updated_at are set by the store. `not_found`; `conflict` with
  // the pointer /version when tenant.version is not the stored one: read it again and retry.
  virtual Result<ChangedTenant> update(Tenant tenant) = 0;
  // The record only, no data; answers it as it was last. `not_found`; the same `conflict` where
  // `only_at` is set and does not hold the stored version.
  virtual Result<ChangedTenant> remove(
      const TenantId& id, const std::optional<std::vector<std::int64_t>>& only_at = {}) = 0;
  // `not_found` for a tenant without a record, which may be in use all the same (known).
  virtual Result<Tenant> get(const TenantId& id) = 0;
  // By id, those behind `after`, at most `limit`.
  virtual Result<std::vector<Tenant>> list(std::string_view after, int limit) = 0;
  // Whether the tenant has or had a record, or anything was stored of it: users, events that were
  // counted, idempotency keys, a use that was noted. Of a name that nobody ever used: false.
  virtual Result<bool> known(const TenantId& id) = 0;
  // Notes that the tenant is used, so that it is known. Does not wait; a crash may forget it.
  virtual void note_use(const TenantId& id) = 0;
};

}  // namespace mesh
