// Records of tenants. Changes write tenant.* events through the outbox.
#pragma once

#include <optional>
#include <vector>

#include "common/base/error.h"
#include "common/domain/tenant.h"

namespace mesh {

// Any thread; changes block until durable (they are rare).
class TenantStore {
 public:
  virtual ~TenantStore() = default;
  virtual Result<Tenant> create(Tenant tenant) = 0;  // `conflict` where it exists
  // Replaces the record; version and updated_at are set by the store. `not_found`; `conflict` when
  // tenant.version is not the stored one: read it again and retry.
  virtual Result<Tenant> update(Tenant tenant) = 0;
  virtual Status remove(const TenantId& id) = 0;  // the record only, no data; `not_found`
  virtual Result<Tenant> get(const TenantId& id) = 0;
  virtual Result<std::vector<Tenant>> list(std::string_view after, int limit) = 0;  // by id
};

}  // namespace mesh
