// How a store comes up: the schema, rights, and what is said where it does not come up.
#include <fstream>

#include "tests/common/engines/postgres/store_fixture.h"

namespace mesh::postgres {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

using PostgresOpen = PostgresTest;

Error error_of(const StoreOptions& options) {
  auto opened = PostgresStores::open(options, system_clock());
  EXPECT_FALSE(opened) << "it opens";
  return opened ? Error{} : opened.error();
}

TEST_F(PostgresOpen, ARoleWithoutRightsBeyondTheDatabaseIsEnough) {
  EXPECT_EQ(server().ask("SELECT rolsuper OR rolcreatedb OR rolcreaterole FROM pg_roles"
                         " WHERE rolname='mesh'"),
            "f");
  const auto store = open(options());
  EXPECT_TRUE(test::succeeds(test::create(store->users(), test::kAcme, "a@x.dev")));
  EXPECT_FALSE(store->trouble());
}

TEST_F(PostgresOpen, OfManyAtOnceOneMakesTheSchema) {
  std::vector<std::thread> threads;
  std::atomic<int> opened{0};
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      StoreOptions few = options();
      few.pool = 2;
      opened += PostgresStores::open(few, system_clock()).has_value();
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(opened, 8);
  EXPECT_EQ(ask("SELECT count(*) FROM schema_versions"), "5");
}

TEST_F(PostgresOpen, TheSchemaOfANewerProgramIsLeftAlone) {
  open(options());
  ask("INSERT INTO schema_versions(version) VALUES(1000)");
  const Error error = error_of(options());
  EXPECT_EQ(error.kind, ErrorKind::conflict);
  EXPECT_THAT(error.message, HasSubstr("postgres.schema"));
}

// As the stores that a migration leaves.
TEST_F(PostgresOpen, WhatIsOnlyReadIsNotMade) {
  StoreOptions read = options();
  read.make_schema = false;
  const Error absent = error_of(read);
  EXPECT_EQ(absent.kind, ErrorKind::not_found);
  EXPECT_THAT(absent.message, HasSubstr("postgres.schema"));
  EXPECT_EQ(server().ask("SELECT count(*) FROM pg_namespace WHERE nspname='" + schema() + "'"),
            "0");
  open(options());
  EXPECT_TRUE(PostgresStores::open(read, system_clock()));
}

TEST_F(PostgresOpen, ASchemaThatWasMadeByHandNeedsTheRightToUseItOnly) {
  server().ask("CREATE ROLE poor LOGIN PASSWORD 'it''s a secret'");
  StoreOptions poor = options();
  poor.dsn = server().dsn("poor");
  const Error refused = error_of(poor);
  EXPECT_EQ(refused.kind, ErrorKind::unavailable);
  EXPECT_THAT(refused.message, HasSubstr("--print-migrations"));
  // Twice, as whoever is not sure does it.
  for (int i = 0; i < 2; ++i)
    EXPECT_THAT(server().ask(migrations(schema())), Not(HasSubstr("ERROR")));
  ask("GRANT USAGE ON SCHEMA " + schema() + " TO poor");
  ask("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA " + schema() + " TO poor");
  ask("GRANT USAGE ON ALL SEQUENCES IN SCHEMA " + schema() + " TO poor");
  const auto store = open(poor);
  EXPECT_TRUE(test::succeeds(test::create(store->users(), test::kAcme, "a@x.dev")));
  EXPECT_TRUE(store->leases().acquire("relay", "a", Duration{1'000}).value());
}

TEST_F(PostgresOpen, WhatRefusesSaysWhatToDoAndNoPassword) {
  struct Case {
    const char* what;
    std::function<void(StoreOptions&)> change;
    const char* word;
  };
  const Case cases[] = {
      {"password", [](auto& o) { o.password = "wrong-secret"; }, "postgres.password_file"},
      {"no password", [](auto& o) { o.password.clear(); }, "postgres.password_file"},
      {"database", [](auto& o) { o.dsn += " dbname=absent"; }, "dbname"},
      {"closed database", [](auto& o) { o.dsn += " dbname=closed"; }, "grant it CONNECT"},
      {"user", [](auto& o) { o.dsn += " user=nobody"; }, "postgres.password_file"},
      {"port", [](auto& o) { o.dsn = "host=127.0.0.1 port=1 password=wrong-secret"; }, "port"},
      {"tls", [](auto& o) { o.dsn += " sslmode=require"; }, "sslmode"},
  };
  server().ask("CREATE DATABASE closed");
  server().ask("REVOKE CONNECT ON DATABASE closed FROM PUBLIC");
  for (const Case& one : cases) {
    StoreOptions changed = options();
    one.change(changed);
    const Error error = error_of(changed);
    EXPECT_EQ(error.kind, ErrorKind::unavailable) << one.what;
    EXPECT_THAT(error.message, HasSubstr(one.word)) << one.what << ": " << error.cause;
    EXPECT_THAT(error.to_string(), Not(HasSubstr("wrong-secret"))) << one.what;
  }
}

TEST_F(PostgresOpen, OptionsThatCannotBeRightAreRefused) {
  for (const char* schema : {"", "Mesh", "me-sh", "1st", "a;b", "pg\"x",
                             "a_name_that_is_longer_than_what_is_left_of_it"}) {
    StoreOptions changed = options();
    changed.schema = schema;
    EXPECT_EQ(error_of(changed).kind, ErrorKind::invalid) << schema;
  }
  StoreOptions none = options();
  none.pool = 1;
  EXPECT_EQ(error_of(none).kind, ErrorKind::invalid);
  for (const char* dsn : {"my-secret", "postgresql://mesh:my-secret/x@db/mesh",
                          "postgresql://mesh:my@my-secret@db/mesh"}) {
    StoreOptions changed = options();
    changed.dsn = dsn;
    const Error error = error_of(changed);
    EXPECT_EQ(error.kind, ErrorKind::invalid);
    EXPECT_THAT(error.to_string(), Not(HasSubstr("my-secret")));
  }
}

TEST_F(PostgresOpen, TwoMeshesInOneDatabaseAreApart) {
  const auto one = open(options());
  StoreOptions beside = options();
  beside.schema = server().new_schema();
  const auto other = open(beside);
  ASSERT_TRUE(test::create(one->users(), test::kAcme, "a@x.dev"));
  ASSERT_TRUE(test::create(other->users(), test::kAcme, "b@x.dev"));
  EXPECT_THAT(emails(*one, test::kAcme), ElementsAre("a@x.dev"));
  EXPECT_THAT(emails(*other, test::kAcme), ElementsAre("b@x.dev"));
  server().ask("DROP SCHEMA " + beside.schema + " CASCADE");
}

TEST_F(PostgresOpen, WhatWasSubmittedBeforeACloseIsDoneAndNothingAfter) {
  const auto store = open(options());
  std::atomic<int> made{0};
  for (int i = 0; i < 200; ++i) {
    store->users().create(test::kAcme, {"u" + std::to_string(i) + "@x.dev", "U"}, {},
                          [&](const auto& user) { made += user.has_value(); });
  }
  store->close();
  EXPECT_EQ(made, 200);
  store->close();
  using test::fails_with;
  EXPECT_TRUE(
      fails_with(test::create(store->users(), test::kAcme, "late@x.dev"), ErrorKind::unavailable));
  EXPECT_TRUE(fails_with(store->tenants().create({.id = test::kAcme}), ErrorKind::unavailable));
  EXPECT_TRUE(fails_with(test::begin(store->idempotency(), {test::kAcme, "k", "f"}),
                         ErrorKind::unavailable));
  EXPECT_TRUE(
      fails_with(store->leases().acquire("relay", "a", Duration{1'000}), ErrorKind::unavailable));
  EXPECT_TRUE(fails_with(store->tasks().insert(test::bare_task("t")), ErrorKind::unavailable));
  EXPECT_TRUE(fails_with(store->analytics().record({}, {{{"t", 0}, 1}}), ErrorKind::unavailable));
  EXPECT_EQ(emails(*store, test::kAcme).size(), 200u) << "reads go on";
}

}  // namespace
}  // namespace mesh::postgres
