// A tenant's row that another transaction holds: as of a process that stands still in the middle of
// one.
#include "tests/common/engines/postgres/store_fixture.h"

namespace mesh::postgres {
namespace {

using test::create;
using test::fails_with;
using test::kAcme;
using test::kGlobex;
using test::succeeds;
using testing::ElementsAre;

using HeldAnswer = std::future<Result<ChangedUser>>;

struct PostgresHeldRow : PostgresTest {
  void SetUp() override {
    PostgresTest::SetUp();
    if (IsSkipped()) return;
    StoreOptions impatient = options();
    impatient.lock_patience = Duration{20};
    impatient.statement_timeout = Duration{60'000};
    store = open(impatient);
    ASSERT_TRUE(create(store->users(), kAcme, "first@x.dev"));
    ASSERT_TRUE(create(store->users(), kGlobex, "first@x.dev"));
  }
  void TearDown() override {
    server().ask("ROLLBACK");
    store.reset();
    PostgresTest::TearDown();
  }
  void hold(const std::string& sql = "SELECT 1 FROM tenants WHERE id='acme' FOR UPDATE") {
    ask("BEGIN; " + sql);
  }
  void let_go() { server().ask("COMMIT"); }
  HeldAnswer rename(const TenantId& tenant, std::string name) {
    auto [done, answer] = promised();
    store->users().update(tenant, 1, {{}, std::move(name)}, {}, std::move(done));
    return std::move(answer);
  }
  HeldAnswer make(const TenantId& tenant, std::string email) {
    auto [done, answer] = promised();
    store->users().create(tenant, {std::move(email), "New"}, {}, std::move(done));
    return std::move(answer);
  }
  static bool waits(const HeldAnswer& answer) {
    return answer.wait_for(std::chrono::seconds(0)) != std::future_status::ready;
  }

  std::unique_ptr<PostgresStores> store;

 private:
  static std::pair<UserDone, HeldAnswer> promised() {
    auto promise = std::make_shared<std::promise<Result<ChangedUser>>>();
    auto answer = promise->get_future();
    return {[promise](Result<ChangedUser> user) { promise->set_value(std::move(user)); },
            std::move(answer)};
  }
};

// All tenants waited for as long as the row was held, and failed after statement_timeout.
TEST_F(PostgresHeldRow, OtherTenantsGoOn) {
  hold();
  auto held = rename(kAcme, "Waits");
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(succeeds(rename(kGlobex, "Round " + std::to_string(i)).get()));
    EXPECT_TRUE(succeeds(make(kGlobex, std::to_string(i) + "@x.dev").get()));
  }
  EXPECT_TRUE(waits(held));
  let_go();
  EXPECT_TRUE(succeeds(held.get()));
}

TEST_F(PostgresHeldRow, TheTenantsOwnChangesKeepTheirOrder) {
  hold();
  std::vector<HeldAnswer> answers;
  for (const char* name : {"One", "Two"}) answers.push_back(rename(kAcme, name));
  ASSERT_TRUE(succeeds(rename(kGlobex, "Goes on").get()));  // by now those are put aside
  for (const char* name : {"Three", "Four"}) answers.push_back(rename(kAcme, name));
  ASSERT_TRUE(succeeds(rename(kGlobex, "Goes on again").get()));
  let_go();
  std::vector<std::string> names;
  for (auto& answer : answers) {
    const auto user = answer.get();
    ASSERT_TRUE(succeeds(user));
    names.push_back(user->name + " " + std::to_string(user->version));
  }
  EXPECT_THAT(names, ElementsAre("One 2", "Two 3", "Three 4", "Four 5"));
}

// It cannot be passed over: it is not there yet.
TEST_F(PostgresHeldRow, NorDoesATenantThatAnotherTransactionMakesHoldUpOthers) {
  hold("INSERT INTO tenants(id) VALUES('fresh')");
  const auto fresh = test::tenant("fresh");
  auto one = make(fresh, "one@x.dev");
  auto two = make(fresh, "two@x.dev");
  EXPECT_TRUE(succeeds(make(kGlobex, "a@x.dev").get()));
  EXPECT_TRUE(waits(one));
  let_go();
  EXPECT_EQ(one.get()->id, 1);
  EXPECT_EQ(two.get()->id, 2);
}

TEST_F(PostgresHeldRow, AfterTheStatementsTimeItIsUnavailable) {
  StoreOptions hasty = options();
  hasty.lock_patience = Duration{20};
  hasty.statement_timeout = Duration{1'000};
  store = open(hasty);
  hold();
  const auto given_up = rename(kAcme, "Waits").get();
  EXPECT_TRUE(fails_with(given_up, ErrorKind::unavailable));
  let_go();
  EXPECT_TRUE(succeeds(rename(kAcme, "Goes").get()));
  EXPECT_EQ(store->users().get(kAcme, 1)->name, "Goes");
}

TEST_F(PostgresHeldRow, AStopDoesNotWaitForIt) {
  hold();
  auto held = rename(kAcme, "Waits");
  ASSERT_TRUE(succeeds(rename(kGlobex, "Goes on").get()));
  store->close();
  EXPECT_TRUE(fails_with(held.get(), ErrorKind::unavailable));
}

}  // namespace
}  // namespace mesh::postgres
