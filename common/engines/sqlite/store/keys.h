// Keys of tenants, a row each.
#pragma once

#include "common/engines/sqlite/core/committer.h"
#include "common/engines/sqlite/core/reader_pool.h"
#include "common/ports/key_store.h"

namespace mesh::sqlite {

class SqliteKeys final : public KeyStore {
 public:
  SqliteKeys(Committer& committer, ReaderPool& readers)
      : committer_(committer), readers_(readers) {}
  Result<TenantKey> get_or_insert(const TenantKey& made) override;
  Result<std::optional<TenantKey>> find(const TenantId& tenant) override;
  Result<std::optional<TenantKey>> find_by_id(std::string_view id) override;
  Result<std::optional<TenantKey>> any() override;
  Result<std::vector<TenantKey>> list(std::string_view after, int limit) override;
  Result<std::int64_t> rewrap(const std::vector<Rewrapping>& all) override;
  Result<std::int64_t> drop(const TenantId& tenant) override;

 private:
  Committer& committer_;
  ReaderPool& readers_;
};

// Of a file that is not open as a store.
Result<std::optional<TenantKey>> key_by_id(Database& db, std::string_view id);

}  // namespace mesh::sqlite
