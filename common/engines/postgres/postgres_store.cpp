#include "common/engines/postgres/postgres_store.h"

#include "common/engines/postgres/activity.h"
#include "common/engines/postgres/committer.h"
#include "common/engines/postgres/dsn.h"
#include "common/engines/postgres/epochs.h"
#include "common/engines/postgres/examine.h"
#include "common/engines/postgres/idempotency.h"
#include "common/engines/postgres/keys.h"
#include "common/engines/postgres/leases.h"
#include "common/engines/postgres/listener.h"
#include "common/engines/postgres/members.h"
#include "common/engines/postgres/migrations.h"
#include "common/engines/postgres/outbox.h"
#include "common/engines/postgres/pool.h"
#include "common/engines/postgres/retries.h"
#include "common/engines/postgres/tasks.h"
#include "common/engines/postgres/tenant_data.h"
#include "common/engines/postgres/tenants.h"
#include "common/engines/postgres/transfer.h"
#include "common/engines/postgres/usage.h"
#include "common/engines/postgres/users.h"
#include "common/engines/postgres/workers.h"

namespace mesh::postgres {
namespace {

class Store final : public PostgresStores {
 public:
  Store(StoreOptions options, Clock& clock)
      : clock_(clock),
        pool_(std::move(options), clock),
        workers_(pool_.options().max_pending_bytes),
        outbox_(pool_, workers_, clock),
        committer_(pool_, outbox_, clock),
        leases_(pool_),
        members_(pool_),
        idempotency_(pool_, workers_, clock),
        users_(pool_, committer_, clock),
        tenants_(pool_, workers_, outbox_, clock),
        tasks_(pool_),
        analytics_(pool_),
        chemical_(pool_),
        usage_(pool_),
        retries_(pool_),
        epochs_(pool_),
        keys_(pool_),
        transfer_(pool_, analytics_, chemical_),
        tenant_data_(pool_) {}
  // What is still submitted refers to the stores, which go before the threads do.
  ~Store() override { close(); }

  Status connect() {
    auto session = MESH_TRY(pool_.connect());
    const StoreOptions& options = pool_.options();
    MESH_TRY(options.make_schema ? migrate(*session, options.schema)
                                 : insist_on_newest(*session, options.schema));
    session.reset();
    listener_ = MESH_TRY(Listener::open(pool_, clock_, [this](const std::string& text) {
      outbox_.heard(text);
      tasks_.heard(text);
    }));
    return {};
  }

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
  std::optional<Error> trouble() const override { return pool_.trouble(); }
  std::vector<ServerFinding> examine() override {
    if (trouble()) return {};
    return postgres::examine(pool_, clock_);
  }

  void close() override {
    committer_.stop();
    workers_.stop();
    // A process that ends holds nothing; one that is killed holds it for its time.
    if (listener_) {
      idempotency_.release_all();
      tasks_.release_all();
      leases_.release_all();
      listener_->stop();
    }
    pool_.close();
  }

 private:
  Clock& clock_;
  Pool pool_;
  Workers workers_;
  PostgresOutbox outbox_;
  Committer committer_;
  Leases leases_;
  Members members_;
  Idempotency idempotency_;
  Users users_;
  Tenants tenants_;
  Tasks tasks_;
  Analytics analytics_;
  Chemical chemical_;
  Usage usage_;
  Retries retries_;
  Epochs epochs_;
  Keys keys_;
  Transfer transfer_;
  Data tenant_data_;
  std::unique_ptr<Listener> listener_;  // last: its thread uses the outbox and the tasks
};

Status check(const StoreOptions& options) {
  MESH_TRY(check_dsn(options));
  if (!is_schema_name(options.schema)) {
    return fail(ErrorKind::invalid,
                "postgres.schema is no name that meshd takes: small letters, "
                "digits and _, at most 40, no digit first");
  }
  // One commits, and somebody else has to be able to read meanwhile.
  constexpr int kFewest = 2;
  if (options.pool >= kFewest) return {};
  return fail(ErrorKind::invalid, "postgres.pool is too small: 2 connections at least");
}

}  // namespace

Result<std::unique_ptr<PostgresStores>> PostgresStores::open(StoreOptions options, Clock& clock) {
  MESH_TRY(check(options));
  auto store = std::make_unique<Store>(std::move(options), clock);
  MESH_TRY(store->connect());
  return store;
}

}  // namespace mesh::postgres
