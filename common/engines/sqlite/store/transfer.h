// All rows of the store, in the form that engines share.
#pragma once

#include "common/engines/sqlite/core/committer.h"
#include "common/engines/sqlite/core/reader_pool.h"
#include "common/ports/projection_store.h"
#include "common/ports/store_transfer.h"

namespace mesh::sqlite {

class SqliteTransfer final : public StoreTransfer {
 public:
  SqliteTransfer(Committer& committer, ReaderPool& readers, AnalyticsStore& analytics,
                 ChemicalStore& chemical)
      : committer_(committer), readers_(readers), analytics_(analytics), chemical_(chemical) {}
  Result<std::vector<StoredRow>> read(const StoredTable& table, const StoredRow& after,
                                      int limit) override;
  Status write(const StoredTable& table, std::span<const StoredRow> rows) override;

 private:
  Committer& committer_;
  ReaderPool& readers_;
  AnalyticsStore& analytics_;
  ChemicalStore& chemical_;
};

}  // namespace mesh::sqlite
