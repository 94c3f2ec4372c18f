// Reading and writing all that stores of record keep, for moving from one engine's to another's.
#pragma once

#include <span>
#include <vector>

#include "common/base/error.h"
#include "common/domain/stored_rows.h"

namespace mesh {

// Any thread; calls block. Nobody changes the stores meanwhile.
class StoreTransfer {
 public:
  virtual ~StoreTransfer() = default;
  // At most `limit` rows behind the one of these keys; `before_first`: from the first one on.
  // `unprocessable` for a row that is not kept whole.
  virtual Result<std::vector<StoredRow>> read(const StoredTable& table, const StoredRow& after,
                                              int limit) = 0;
  // Durable when it returns; after an error any of them may be. A row takes the place of the one
  // that has its keys; of activity an event that was recorded before changes nothing. The tenants
  // of other rows were written before.
  virtual Status write(const StoredTable& table, std::span<const StoredRow> rows) = 0;
};

}  // namespace mesh
