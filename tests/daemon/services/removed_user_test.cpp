// What stays on the disk of a user who was removed: nothing, within the bounds of log.compaction.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <future>

#include "common/engines/sqlite/log/sqlite_log.h"
#include "common/engines/sqlite/points/embedded_index.h"
#include "common/engines/sqlite/store/sqlite_store.h"
#include "tests/support/append_and_wait.h"
#include "tests/support/eventually.h"
#include "tests/support/manual_clock.h"
#include "tests/support/outbox.h"
#include "tests/support/temp_dir.h"

namespace mesh {
namespace {

constexpr auto kAddress = "ann.forgotten@acme.dev";

class RemovedUser : public ::testing::Test {
 protected:
  void SetUp() override {
    log_ = sqlite::SqliteLog::open(dir_.path(), options_, clock_).value();
    store_ = sqlite::SqliteStore::open(dir_.path(), {}, clock_).value();
    index_ = sqlite::open_embedded_index(dir_.path(), {}).value();
    ASSERT_TRUE(log_->ensure_topic({"user.events", TopicKind::entity, 1, {}, {}}));
    ASSERT_TRUE(index_->create_generation({16, "test"}, 0));
  }
  template <typename Change>
  User change(Change change) {
    std::promise<User> done;
    change([&](Result<ChangedUser> user) { done.set_value(std::move(user).value()); });
    return done.get_future().get();
  }
  // As the relay and the index's pipeline do.
  void await_idle() {
    const auto entries = test::waiting(store_->outbox()).value();
    for (const auto& entry : entries) ASSERT_TRUE(test::append_and_wait(*log_, {entry.record}));
    ASSERT_TRUE(test::acknowledge(store_->outbox(), store_->leases(), test::sequences(entries)));
  }
  void index(const User& user, bool removed) {
    VectorChange point{user.tenant, user.id, user.version, {}, {}, {}, "event"};
    if (!removed) {
      point.vector.assign(16, 0.25F);
      point.email = user.email;
      point.name = user.name;
    }
    ASSERT_TRUE(index_->apply(1, {&point, 1}));
  }
  // The files whose bytes hold the address.
  std::vector<std::string> files_with_address() {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(dir_.path())) {
      std::ifstream in(entry.path(), std::ios::binary);
      const std::string bytes{std::istreambuf_iterator<char>(in), {}};
      if (bytes.find(kAddress) != std::string::npos) found.push_back(entry.path().filename());
    }
    return found;
  }

  test::TempDir dir_;
  ManualClock clock_;
  sqlite::LogOptions options_{.upkeep_interval = Duration(0)};
  const TenantId acme_ = TenantId::parse("acme").value();
  std::unique_ptr<sqlite::SqliteLog> log_;
  std::unique_ptr<sqlite::SqliteStore> store_;
  std::unique_ptr<VectorIndex> index_;
};

TEST_F(RemovedUser, NoFileHoldsTheAddressOnceTheGreatestLagIsOver) {
  for (const std::string name : {"bob", "cid", "ann.forgotten", "dan"}) {
    const auto user = change([&](auto done) {
      store_->users().create(acme_, {name + "@acme.dev", name}, {}, std::move(done));
    });
    index(user, false);
  }
  await_idle();
  clock_.advance(options_.max_compaction_lag);
  ASSERT_TRUE(log_->upkeep());
  EXPECT_THAT(files_with_address(), testing::Not(testing::IsEmpty()));

  auto removed = change([&](auto done) { store_->users().remove(acme_, 3, {}, std::move(done)); });
  ++removed.version;
  index(removed, true);
  await_idle();
  clock_.advance(options_.max_compaction_lag);
  ASSERT_TRUE(log_->upkeep());
  std::vector<std::string> left;
  EXPECT_TRUE(test::eventually([&] { return (left = files_with_address()).empty(); }))
      << testing::PrintToString(left);
  const auto records = log_->read({"user.events", 0}, 0, {}).value().records;
  EXPECT_EQ(records.back().value, R"({"id":3,"tenantId":"acme"})");
}

}  // namespace
}  // namespace mesh
