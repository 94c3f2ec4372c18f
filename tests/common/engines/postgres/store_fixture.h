// Stores in a schema of the test's own, and what the tests do with them.
#pragma once

#include <gmock/gmock.h>

#include <optional>
#include <thread>

#include "tests/contract/engines/postgres_harness.h"
#include "tests/support/eventually.h"

namespace mesh::postgres {

using test::PostgresServer;

// The users' addresses, by id.
inline std::vector<std::string> emails(Stores& stores, const TenantId& tenant) {
  std::vector<std::string> all;
  const auto users = stores.users().list(tenant, 0, 100'000, {}).value();
  for (const User& user : users) all.push_back(user.email);
  return all;
}

inline std::unique_ptr<PostgresStores> open(const StoreOptions& options,
                                            Clock& clock = system_clock()) {
  return PostgresStores::open(options, clock).value();
}

// Of the server that the tests of an executable share, which runs all the time.
class PostgresTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!PostgresServer::installed()) GTEST_SKIP() << PostgresServer::kMissing;
    schema_ = server().new_schema();
  }
  void TearDown() override {
    if (!schema_.empty()) server().ask("DROP SCHEMA IF EXISTS " + schema_ + " CASCADE");
  }
  static PostgresServer& server() { return PostgresServer::shared(); }
  StoreOptions options() const { return options_for(server()); }
  StoreOptions options_for(PostgresServer& of) const {
    StoreOptions options;
    options.dsn = of.dsn();
    options.password = PostgresServer::kPassword;
    options.schema = schema_;
    options.reconnect = {Duration{5}, Duration{50}};
    return options;
  }
  const std::string& schema() const { return schema_; }
  // What a statement in the schema answers.
  std::string ask(const std::string& sql) {
    return server().ask("SET search_path=" + schema_ + "; " + sql);
  }

 private:
  std::string schema_;
};

// A server of the suite's own, that may be killed, and has to be started again.
class OwnPostgresTest : public PostgresTest {
 protected:
  static void SetUpTestSuite() {
    if (PostgresServer::installed()) own_.emplace(PostgresServer::Disk::synced);
  }
  static void TearDownTestSuite() { own_.reset(); }
  static PostgresServer& own() { return *own_; }
  StoreOptions own_options() { return options_for(*own_); }

 private:
  static inline std::optional<PostgresServer> own_;
};

}  // namespace mesh::postgres
