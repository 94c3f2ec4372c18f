// What every StoreTransfer must do.
#pragma once

#include "tests/contract/store_harness.h"

namespace mesh::test {

class StoreTransferContract : public StoreContract {
 protected:
  // All rows of a table, read in pages of that many.
  static Result<std::vector<StoredRow>> rows(StoreHarness& store, std::string_view table,
                                             int page = 100);
  // Writes every table's rows of one store to another, each twice.
  static Status copy(StoreHarness& from, StoreHarness& to);

  std::unique_ptr<StoreHarness> other_ = GetParam().make(clock_);
};

}  // namespace mesh::test
