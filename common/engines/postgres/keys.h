// Keys of tenants as rows.
#pragma once

#include "common/engines/postgres/pool.h"
#include "common/ports/key_store.h"

namespace mesh::postgres {

class Keys final : public KeyStore {
 public:
  explicit Keys(Pool& pool) : pool_(pool) {}

  Result<TenantKey> get_or_insert(const TenantKey& made) override;
  Result<std::optional<TenantKey>> find(const TenantId& tenant) override;
  Result<std::optional<TenantKey>> find_by_id(std::string_view id) override;
  Result<std::optional<TenantKey>> any() override;
  Result<std::vector<TenantKey>> list(std::string_view after, int limit) override;
  Result<std::int64_t> rewrap(const std::vector<Rewrapping>& all) override;
  Result<std::int64_t> drop(const TenantId& tenant) override;

 private:
  Pool& pool_;
};

}  // namespace mesh::postgres
