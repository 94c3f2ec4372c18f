// All rows of the stores, in the form that engines share.
#pragma once

#include "common/engines/postgres/pool.h"
#include "common/ports/projection_store.h"
#include "common/ports/store_transfer.h"

namespace mesh::postgres {

// Outbox entries keep their sequences, so the role needs UPDATE of outbox_sequence.
class Transfer final : public StoreTransfer {
 public:
  Transfer(Pool& pool, AnalyticsStore& analytics, ChemicalStore& chemical)
      : pool_(pool), analytics_(analytics), chemical_(chemical) {}
  Result<std::vector<StoredRow>> read(const StoredTable& table, const StoredRow& after,
                                      int limit) override;
  Status write(const StoredTable& table, std::span<const StoredRow> rows) override;

 private:
  Pool& pool_;
  AnalyticsStore& analytics_;
  ChemicalStore& chemical_;
};

}  // namespace mesh::postgres
