#include "common/engines/sqlite/store/sqlite_store.h"

#include "common/engines/sqlite/core/committer.h"
#include "common/engines/sqlite/core/plain_copy.h"
#include "common/engines/sqlite/core/query.h"
#include "common/engines/sqlite/core/reader_pool.h"
#include "common/engines/sqlite/core/wal_check.h"
#include "common/engines/sqlite/store/epochs.h"
#include "common/engines/sqlite/store/idempotency.h"
#include "common/engines/sqlite/store/keys.h"
#include "common/engines/sqlite/store/leases.h"
#include "common/engines/sqlite/store/members.h"
#include "common/engines/sqlite/store/outbox.h"
#include "common/engines/sqlite/store/projections.h"
#include "common/engines/sqlite/store/retries.h"
#include "common/engines/sqlite/store/schema.h"
#include "common/engines/sqlite/store/tasks.h"
#include "common/engines/sqlite/store/tenant_data.h"
#include "common/engines/sqlite/store/tenants.h"
#include "common/engines/sqlite/store/transfer.h"
#include "common/engines/sqlite/store/usage.h"
#include "common/engines/sqlite/store/users.h"
#include "common/telemetry/log.h"

namespace mesh::sqlite {
namespace {

constexpr int kReaders = 16;

class Store final : public SqliteStore {
 public:
  Store(std::unique_ptr<Database> writer, const std::string& path, StoreOptions options,
        std::int64_t waiting, Clock& clock)
      : committer_(std::move(writer), path,
                   {.max_pending_bytes = options.max_pending_bytes,
                    .on_fatal = std::move(options.on_fatal),
                    .on_commit = std::move(options.on_commit)}),
        readers_(path, kReaders),
        leases_(clock),
        members_(clock),
        outbox_(committer_, readers_, leases_, waiting, clock),
        idempotency_(committer_, readers_, clock),
        users_(committer_, outbox_, idempotency_, readers_, clock),
        tenants_(outbox_, readers_, clock),
        tasks_(committer_, readers_, clock),
        analytics_(committer_, readers_),
        chemical_(committer_, readers_),
        usage_(committer_, readers_),
        retries_(committer_, readers_),
        epochs_(committer_, readers_),
        keys_(committer_, readers_),
        transfer_(committer_, readers_, analytics_, chemical_),
        tenant_data_(committer_, readers_, outbox_) {}
  // What is still submitted refers to the stores, which go before the committer does.
  ~Store() override { close(); }

  UserStore& users() override { return users_; }
  LeaseStore& leases() override { return leases_; }
  MemberStore& members() override { return members_; }
  Outbox& outbox() override { return outbox_; }
  TenantStore& tenants() override { return tenants_; }
  IdempotencyStore& idempotency() override { return idempotency_; }
  TaskStore& tasks() override { return tasks_; }
  AnalyticsStore& analytics() override { return analytics_; }
  ChemicalStore& chemical() override { return chemical_; }
  UsageStore& usage() override { return usage_; }
  RetryStore& retries() override { return retries_; }
  EpochStore& epochs() override { return epochs_; }
  KeyStore& keys() override { return keys_; }
  StoreTransfer& transfer() override { return transfer_; }
  TenantData& tenant_data() override { return tenant_data_; }
  Result<std::vector<AlikeUsers>> alike(int limit) override {
    return read_from(readers_, [&](Database& db) { return alike_users(db, limit); });
  }
  void close() override { committer_.stop(); }

 private:
  Committer committer_;  // goes last: only a writer that closes last leaves no WAL behind
  ReaderPool readers_;
  MemoryLeases leases_;
  MemoryMembers members_;
  SqliteOutbox outbox_;
  SqliteIdempotency idempotency_;
  SqliteUsers users_;
  SqliteTenants tenants_;
  SqliteTasks tasks_;
  SqliteAnalytics analytics_;
  SqliteChemical chemical_;
  SqliteUsage usage_;
  SqliteRetries retries_;
  SqliteEpochs epochs_;
  SqliteKeys keys_;
  SqliteTransfer transfer_;
  SqliteTenantData tenant_data_;
};

Status tell_alike(Database& db) {
  constexpr int kMostTold = 100;
  auto pairs = MESH_TRY(alike_users(db, kMostTold));
  for (const auto& [tenant, id, holder] : pairs) {
    log::warn(
        "two users have one e-mail address, which an older version told apart: give one of them "
        "another address or delete it",
        {{"tenant", tenant}, {"user", id}, {"other", holder}});
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(const std::string& dir, StoreOptions options,
                                                       Clock& clock) {
  const std::string path = dir + "/store.db";
  // Before SQLite looks at it: an open would take a damaged middle for the end, and drop what
  // follows.
  MESH_TRY(verify_wal(path));
  MESH_TRY(adopt_plain_copy(path));
  auto writer = MESH_TRY(Database::open(path, Database::Mode::read_write));
  MESH_TRY(prepare_schema(*writer));
  MESH_TRY(tell_alike(*writer));
  // Counted once; from then on the outbox counts in memory, since its size is asked for often.
  auto waiting = MESH_TRY(first_row(query(*writer, "SELECT count(*) FROM outbox"),
                                    [](const Statement& row) { return row.integer(0); }));
  return std::make_unique<Store>(std::move(writer), path, std::move(options), waiting.value_or(0),
                                 clock);
}

}  // namespace mesh::sqlite
