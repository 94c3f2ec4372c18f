// The embedded store for the contract suites and its own tests.
#pragma once

#include "common/engines/sqlite/store/sqlite_store.h"
#include "tests/contract/store_harness.h"
#include "tests/support/temp_dir.h"

namespace mesh::test {

class SqliteHarness final : public StoreHarness {
 public:
  explicit SqliteHarness(Clock& clock) : clock_(clock) { reopen(); }
  UserStore& users() override { return store_->users(); }
  LeaseStore& leases() override { return store_->leases(); }
  MemberStore& members() override { return store_->members(); }
  Outbox& outbox() override { return store_->outbox(); }
  TenantStore& tenants() override { return store_->tenants(); }
  IdempotencyStore& idempotency() override { return store_->idempotency(); }
  TaskStore& tasks() override { return store_->tasks(); }
  AnalyticsStore& analytics() override { return store_->analytics(); }
  ChemicalStore& chemical() override { return store_->chemical(); }
  RetryStore& retries() override { return store_->retries(); }
  EpochStore& epochs() override { return store_->epochs(); }
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
