// Leases of names that nobody takes twice, as those of codes of the console.
#include "tests/common/engines/postgres/store_fixture.h"

namespace mesh::postgres {
namespace {

constexpr Duration kHeldFor{10'000};

struct PostgresLeases : testing::Test {
  void SetUp() override {
    if (!PostgresServer::installed()) GTEST_SKIP() << PostgresServer::kMissing;
    harness.emplace(clock);
  }
  LeaseStore& leases() { return harness->leases(); }
  std::optional<Lease> acquire(const std::string& name) {
    return leases().acquire(name, "a", kHeldFor).value();
  }
  // The names of all rows.
  std::string rows() {
    return harness->server().ask("SELECT string_agg(name,' ' ORDER BY name) FROM " +
                                 harness->schema() + ".leases");
  }

  ManualClock clock;
  std::optional<test::PostgresHarness> harness;
};

// Each code of the console that was used left a row for ever.
TEST_F(PostgresLeases, WhatIsOverGoesWhenAnotherNameComes) {
  ASSERT_TRUE(acquire("code-1"));
  ASSERT_TRUE(acquire("code-2"));
  clock.advance(kHeldFor / 2);
  const auto relay = acquire("relay");
  ASSERT_TRUE(relay);
  EXPECT_EQ(rows(), "code-1 code-2 relay") << "what is held stays";
  clock.advance(kHeldFor / 2);
  ASSERT_TRUE(acquire("code-3"));
  EXPECT_EQ(rows(), "code-3 relay");
  ASSERT_TRUE(leases().release(*relay));
  ASSERT_TRUE(acquire("code-4"));
  EXPECT_EQ(rows(), "code-3 code-4");
}

TEST_F(PostgresLeases, OneWhoseRowWentIsLostAndTheNextHasAHigherToken) {
  const auto first = acquire("relay");
  clock.advance(kHeldFor);
  ASSERT_TRUE(acquire("code"));
  EXPECT_EQ(leases().renew(*first, kHeldFor).error().kind, ErrorKind::conflict);
  EXPECT_TRUE(leases().release(*first));
  const auto second = acquire("relay");
  ASSERT_TRUE(second);
  EXPECT_GT(second->token, first->token);
}

}  // namespace
}  // namespace mesh::postgres
