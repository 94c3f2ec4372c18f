// The stores in PostgreSQL for the contract suites and their own tests, each in a schema of its
// own.
#pragma once

#include "common/engines/postgres/postgres_store.h"
#include "tests/contract/store_harness.h"
#include "tests/support/manual_clock.h"
#include "tests/support/postgres_server.h"

namespace mesh::test {

class PostgresHarness final : public StoreHarness {
 public:
  explicit PostgresHarness(Clock& clock, PostgresServer& server = PostgresServer::shared())
      : clock_(clock), server_(server), schema_(server.new_schema()) {
    reopen();
    if (auto* manual = dynamic_cast<ManualClock*>(&clock)) take_time_from(*manual);
  }
  ~PostgresHarness() override {
    if (manual_ != nullptr) manual_->on_advance({});
    store_.reset();
    server_.ask("DROP SCHEMA IF EXISTS " + schema_ + " CASCADE");
  }
  Stores& stores() override { return *store_; }
  void reopen() override {
    store_.reset();
    store_ = postgres::PostgresStores::open(options(), clock_).value();
  }
  postgres::PostgresStores& store() { return *store_; }
  PostgresServer& server() { return server_; }
  const std::string& schema() const { return schema_; }
  postgres::StoreOptions options() const {
    postgres::StoreOptions options;
    options.dsn = server_.dsn();
    options.password = PostgresServer::kPassword;
    options.schema = schema_;
    options.reconnect = {Duration{10}, Duration{100}};
    return options;
  }

 private:
  // The store goes by the server's clock, of which there is one function: here it answers what
  // stands in a table.
  void take_time_from(ManualClock& clock) {
    server_.ask("CREATE TABLE " + schema_ + ".test_clock(now bigint); INSERT INTO " + schema_ +
                ".test_clock VALUES(0); GRANT SELECT ON " + schema_ +
                ".test_clock TO mesh; CREATE OR REPLACE FUNCTION " + schema_ +
                ".mesh_now() RETURNS bigint LANGUAGE sql VOLATILE AS 'SELECT now FROM " + schema_ +
                ".test_clock'");
    const auto set = [this](Timestamp now) {
      server_.ask("UPDATE " + schema_ +
                  ".test_clock SET now=" + std::to_string(now.time_since_epoch().count()));
    };
    set(clock.now());
    manual_ = &clock;
    clock.on_advance(set);
  }

  Clock& clock_;
  PostgresServer& server_;
  const std::string schema_;
  ManualClock* manual_ = nullptr;
  std::unique_ptr<postgres::PostgresStores> store_;
};

}  // namespace mesh::test
