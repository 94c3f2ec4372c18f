// The embedded store for the contract suites and its own tests.
#pragma once

#include "common/engines/sqlite/store/sqlite_store.h"
#include "tests/contract/store_harness.h"
#include "tests/support/temp_dir.h"

namespace mesh::test {

class SqliteHarness final : public StoreHarness {
 public:
  explicit SqliteHarness(Clock& clock) : clock_(clock) { reopen(); }
  Stores& stores() override { return *store_; }
  void reopen() override {
    store_.reset();
    store_ = sqlite::SqliteStore::open(dir_.path(), {}, clock_).value();
  }
  void close() { store_.reset(); }
  sqlite::SqliteStore& store() { return *store_; }
  const TempDir& dir() const { return dir_; }

 private:
  Clock& clock_;
  TempDir dir_;
  std::unique_ptr<sqlite::SqliteStore> store_;
};

}  // namespace mesh::test
