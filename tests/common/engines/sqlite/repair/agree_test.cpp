// After a repair, log and store say the same of users and tenants.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "common/engines/sqlite/repair/agree.h"
#include "common/engines/sqlite/repair/salvage_store.h"
#include "common/engines/sqlite/store/sqlite_store.h"
#include "tests/support/manual_clock.h"
#include "tests/support/outbox.h"
#include "tests/support/temp_dir.h"

namespace mesh::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Agree : public ::testing::Test {
 protected:
  void SetUp() override { open(); }
  void open() {
    store_.reset();
    auto opened = sqlite::SqliteStore::open(dir_.path(), {}, clock_);
    ASSERT_TRUE(opened) << opened.error().to_string();
    store_ = std::move(*opened);
  }
  Result<ChangedUser> create(const std::string& name) {
    std::promise<Result<ChangedUser>> done;
    clock_.advance(std::chrono::seconds(1));
    store_->users().create(kAcme, {name + "@acme.dev", name}, {},
                           [&](Result<ChangedUser> user) { done.set_value(std::move(user)); });
    return done.get_future().get();
  }
  void update(std::int64_t id, UserPatch patch) {
    std::promise<Result<ChangedUser>> done;
    store_->users().update(kAcme, id, std::move(patch), {},
                           [&](Result<ChangedUser> user) { done.set_value(std::move(user)); });
    ASSERT_TRUE(done.get_future().get());
  }
  void rename(std::int64_t id, const std::string& name) { update(id, {{}, name}); }
  void move(std::int64_t id, const std::string& email) { update(id, {email, {}}); }
  void remove(std::int64_t id) {
    std::promise<Result<ChangedUser>> done;
    store_->users().remove(kAcme, id, {},
                           [&](Result<ChangedUser> user) { done.set_value(std::move(user)); });
    ASSERT_TRUE(done.get_future().get());
  }
  // "1 ann@acme.dev", with the version where it is not 1.
  std::vector<std::string> users() {
    std::vector<std::string> all;
    const auto listed = store_->users().list(kAcme, 0, 10, {}).value();
    for (const auto& user : listed) {
      all.push_back(std::to_string(user.id) + " " + user.email);
      if (user.version != 1) all.back() += " v" + std::to_string(user.version);
    }
    return all;
  }
  std::vector<OutboxEntry> outbox() { return test::waiting(store_->outbox()).value(); }
  // As the relay does.
  void move_to_log() {
    const auto entries = outbox();
    for (const auto& entry : entries) log_.push_back(entry.record);
    ASSERT_TRUE(acknowledge(store_->outbox(), store_->leases(), sequences(entries)));
  }
  void back_up() {
    store_.reset();
    std::filesystem::copy_file(dir_.file("store.db"), dir_.file("backup"));
    open();
  }
  void put_back() {
    store_.reset();
    std::filesystem::rename(dir_.file("backup"), dir_.file("store.db"));
    open();
  }
  void forget_store() {
    store_.reset();
    std::filesystem::remove(dir_.file("store.db"));
    ASSERT_TRUE(sqlite::make_empty_store(dir_.file("store.db")));
  }
  sqlite::Agreement agree(bool users_lost = false, bool log_lost = false) {
    store_.reset();
    const auto records = [&](std::string_view topic, const sqlite::UseRecord& use) -> Status {
      std::int64_t offset = 0;
      for (const Record& record : log_) {
        if (record.topic != topic) continue;
        MESH_TRY(use({{record.topic, 0, offset++},
                      Timestamp::max(),
                      record.key,
                      record.value,
                      record.headers}));
      }
      return {};
    };
    const auto agreed =
        sqlite::agree(dir_.file("store.db"), records, {users_lost, log_lost}, clock_.now());
    EXPECT_TRUE(agreed) << agreed.error().to_string();
    open();
    return agreed.value_or(sqlite::Agreement{});
  }
  // "user.updated acme/1 2 {…}" of what waits for the log.
  std::vector<std::string> waiting() {
    std::vector<std::string> all;
    for (const auto& [sequence, record] : outbox()) {
      const Json data = Json::parse(*record.value);
      all.push_back(std::string(find_header(record.headers, "ce_type")) + " " + record.key + " " +
                    std::string(find_header(record.headers, "ce_sequence")) + " " +
                    data.value("name", ""));
    }
    return all;
  }
  void another_producer_names(const std::string& id) {
    log_.push_back(to_record({.id = id,
                              .type = "user.updated",
                              .source = "/crm",
                              .time = {},
                              .tenant = kAcme,
                              .subject = id,
                              .sequence = 9,
                              .traceparent = {},
                              .data = R"({"id":)" + id +
                                      R"(,"email":"x@acme.dev","name":"X",)"
                                      R"("tenantId":"acme"})",
                              .extensions = {}}));
  }

  const TenantId kAcme = TenantId::parse("acme").value();
  TempDir dir_;
  ManualClock clock_;
  std::vector<Record> log_;
  std::unique_ptr<sqlite::SqliteStore> store_;
};

// Neither of the two loses anything to a repair, though new users could not both have the address.
TEST_F(Agree, TwoWhoseAddressesAnOlderProgramToldApartBothStay) {
  const std::vector<std::string> emails{"jos\u00e9@acme.dev", "jose\u0301@acme.dev"};
  for (std::int64_t id = 1; id <= 2; ++id) {
    const User user{id, emails[static_cast<std::size_t>(id - 1)], "Jo", kAcme, 1};
    log_.push_back(to_record({.id = "e" + std::to_string(id),
                              .type = "user.created",
                              .source = "/mesh/users",
                              .time = clock_.now(),
                              .tenant = kAcme,
                              .subject = std::to_string(id),
                              .sequence = 1,
                              .traceparent = {},
                              .data = to_json_text(user),
                              .extensions = {}}));
  }
  forget_store();
  EXPECT_EQ(agree(true).taken, 2);
  EXPECT_THAT(outbox(), IsEmpty());
  for (std::int64_t id = 1; id <= 2; ++id) {
    EXPECT_EQ(store_->users().get(kAcme, id)->email, emails[static_cast<std::size_t>(id - 1)]);
  }
  EXPECT_EQ(store_->users().list(kAcme, 0, 10, emails[0])->size(), 2U);
  EXPECT_EQ(store_->alike(10)->size(), 1U);
}

TEST_F(Agree, WhatTheLogLostOfAUserIsWrittenAgainAsItIsNow) {
  ASSERT_TRUE(create("ann"));
  ASSERT_TRUE(create("bob"));
  rename(1, "anna");
  move_to_log();
  log_.pop_back();  // the renaming
  log_.pop_back();  // bob
  EXPECT_EQ(agree().written, 2);
  EXPECT_THAT(waiting(), testing::UnorderedElementsAre("user.updated acme/1 2 anna",
                                                       "user.created acme/2 1 bob"));
}

// The log still has the user's creation: a rebuild of the index would bring the user back.
TEST_F(Agree, ALostRemovalIsWrittenAgain) {
  ASSERT_TRUE(create("ann"));
  remove(1);
  move_to_log();
  log_.pop_back();
  agree();
  EXPECT_THAT(waiting(), ElementsAre("user.deleted acme/1 2 "));
}

TEST_F(Agree, WhatIsInTheLogOrOnItsWayIsNotWrittenAgain) {
  ASSERT_TRUE(create("ann"));
  move_to_log();
  rename(1, "anna");
  ASSERT_TRUE(create("bob"));
  const auto before = waiting();
  EXPECT_EQ(agree().written, 0);
  EXPECT_EQ(waiting(), before);
  move_to_log();
  log_.clear();
  EXPECT_EQ(agree().written, 2);
  EXPECT_EQ(agree().written, 0) << "a repair that was cut off is done again";
}

TEST_F(Agree, UsersThatTheStoreLostAreTakenFromTheLogAndIdsGoOn) {
  for (const char* name : {"ann", "bob", "cid", "dan"}) ASSERT_TRUE(create(name));
  rename(2, "bobby");
  remove(4);
  move_to_log();
  forget_store();
  EXPECT_EQ(agree(true).taken, 3);
  std::vector<std::string> names;
  const auto users = store_->users().list(kAcme, 0, 10, {}).value();
  for (const auto& user : users) names.push_back(std::to_string(user.id) + " " + user.name);
  EXPECT_THAT(names, ElementsAre("1 ann", "2 bobby", "3 cid"));
  EXPECT_EQ(users[1].version, 2);
  EXPECT_THAT(waiting(), IsEmpty());
  EXPECT_EQ(create("eve")->id, 1'005) << "the removed user's id does not come back";
}

TEST_F(Agree, WhatAnotherProducerSaysOfUsersIsLeftAlone) {
  ASSERT_TRUE(create("ann"));
  ASSERT_TRUE(create("bob"));
  remove(1);
  move_to_log();
  another_producer_names("1");
  another_producer_names("7");
  EXPECT_EQ(agree().taken, 0);
  EXPECT_THAT(waiting(), IsEmpty());
}

// A new log gives out the old offsets again: an event there would pass for the parked one.
TEST_F(Agree, WithANewLogParkedEventsAreForgotten) {
  const ParkedEvent parked{{{"user.events", 0, 0}, {}, "acme/1", "v", {}}, 1, {}, "c", "the cause"};
  ASSERT_TRUE(store_->retries().park({"user-index-1", "one"}, std::vector{parked}));
  agree();
  EXPECT_EQ(store_->retries().take({"user-index-1", "one"}, {{"user.events", 0}})->size(), 1u);
  agree(false, true);
  EXPECT_THAT(*store_->retries().take({"user-index-1", "one"}, {{"user.events", 0}}), IsEmpty());
}

TEST_F(Agree, WithANewLogUnfinishedTasksHaveFailed) {
  using enum Task::State;
  for (const auto state : {queued, running, done}) {
    ASSERT_TRUE(store_->tasks().insert({.id = std::string(to_string(state)),
                                        .kind = "replay",
                                        .state = state,
                                        .spec = {},
                                        .checkpoint = {},
                                        .result = {},
                                        .error = {}}));
  }
  agree();
  EXPECT_EQ(store_->tasks().get("running")->state, running);
  agree(false, true);
  for (const char* id : {"queued", "running"}) {
    const Task task = store_->tasks().get(id).value();
    EXPECT_EQ(task.state, failed) << id;
    EXPECT_THAT(task.error, testing::HasSubstr("the log is a new one")) << id;
    EXPECT_EQ(task.finished_at, clock_.now()) << id;
  }
  EXPECT_EQ(store_->tasks().get("done")->state, done);
}

// Symptom: an id that another producer spoke of last was given to a second user.
TEST_F(Agree, AnIdThatAnyoneNamedIsNotGivenOutAgain) {
  for (const char* name : {"ann", "bob", "cid"}) ASSERT_TRUE(create(name));
  move_to_log();
  another_producer_names("3");
  forget_store();
  agree(true);
  EXPECT_EQ(create("eve")->id, 1'004);
  for (const char* id : {"7", "0", "-8", "x", "9223372036854775807"}) another_producer_names(id);
  forget_store();
  agree(true);
  EXPECT_EQ(create("eve")->id, 1'008) << "an id at the end of all numbers would leave none";
}

// The store of a backup; the log has the one who takes the address before the one who gives it up.
TEST_F(Agree, AnAddressThatWentFromOneUserToAnotherIsTakenInAnyOrder) {
  for (const char* name : {"ann", "bob", "cid"}) ASSERT_TRUE(create(name));
  move_to_log();
  back_up();
  move(1, "new@acme.dev");
  move(2, "ann@acme.dev");
  move(3, "bob@acme.dev");
  move_to_log();
  std::ranges::reverse(log_);
  put_back();
  EXPECT_EQ(agree().taken, 3);
  EXPECT_THAT(users(), ElementsAre("1 new@acme.dev v2", "2 ann@acme.dev v2", "3 bob@acme.dev v2"));
  EXPECT_THAT(waiting(), IsEmpty());
}

// Symptom: a rebuilt index served a user whom the store did not have.
TEST_F(Agree, AUserWhoseAddressIsAnothersNowIsWrittenAsRemoved) {
  ASSERT_TRUE(create("ann"));
  remove(1);
  ASSERT_TRUE(create("ann"));
  move_to_log();
  log_.erase(log_.begin() + 1);  // the removal
  log_.push_back(log_.front());  // as after a crash of the relay
  EXPECT_EQ(agree(true).taken, 0);
  EXPECT_THAT(users(), ElementsAre("2 ann@acme.dev"));
  EXPECT_THAT(waiting(), ElementsAre("user.deleted acme/1 2 "));
  EXPECT_EQ(agree(true).written, 0);
}

// A clock that went back says nothing against the store.
TEST_F(Agree, AUserWhomTheStoreHasKeepsTheAddress) {
  ASSERT_TRUE(create("ann"));
  remove(1);
  clock_.advance(-std::chrono::hours(1));
  ASSERT_TRUE(create("ann"));
  move_to_log();
  log_.erase(log_.begin() + 1);
  agree(true);
  EXPECT_THAT(users(), ElementsAre("2 ann@acme.dev"));
  EXPECT_THAT(waiting(), ElementsAre("user.deleted acme/1 2 "));
}

// Without a store the log alone tells whose the address is: of the user who came later.
TEST_F(Agree, OfTwoUsersOfOneAddressTheLaterOneIsTaken) {
  ASSERT_TRUE(create("ann"));
  remove(1);
  ASSERT_TRUE(create("ann"));
  move_to_log();
  log_.erase(log_.begin() + 1);
  for (const char* order : {"as written", "turned round"}) {
    forget_store();
    agree(true);
    EXPECT_THAT(users(), ElementsAre("2 ann@acme.dev")) << order;
    EXPECT_THAT(waiting(), ElementsAre("user.deleted acme/1 2 ")) << order;
    std::ranges::reverse(log_);
  }
}

TEST_F(Agree, AChangeToAnAddressThatIsAnothersIsUndoneInTheLogToo) {
  for (const char* name : {"ann", "bob"}) ASSERT_TRUE(create(name));
  move_to_log();
  back_up();
  move(1, "new@acme.dev");
  move(2, "ann@acme.dev");
  move_to_log();
  log_.erase(log_.end() - 2);  // where ann went
  put_back();
  agree();
  EXPECT_THAT(users(), ElementsAre("1 ann@acme.dev", "2 bob@acme.dev v3"));
  EXPECT_THAT(waiting(), ElementsAre("user.updated acme/2 3 bob"));
  EXPECT_EQ(agree().written, 0);
}

// A store that was put back from a backup, beside a log that went on.
TEST_F(Agree, AUserWhomAnOlderStoreDoesNotKnowYetIsTakenNotRemoved) {
  ASSERT_TRUE(create("ann"));
  back_up();
  ASSERT_TRUE(create("bob"));
  move_to_log();
  put_back();
  EXPECT_EQ(agree().taken, 1);
  EXPECT_TRUE(store_->users().get(kAcme, 2));
}

TEST_F(Agree, TenantsAreWrittenAndTakenLikeUsers) {
  ASSERT_TRUE(store_->tenants().create({.id = kAcme, .name = "Acme", .rate_limits = {}}));
  const TenantId gone = TenantId::parse("gone").value();
  ASSERT_TRUE(store_->tenants().create({.id = gone, .name = "Gone", .rate_limits = {}}));
  ASSERT_TRUE(store_->tenants().remove(gone));
  move_to_log();
  const auto all = std::exchange(log_, {});
  EXPECT_EQ(agree().written, 2);
  EXPECT_THAT(waiting(), testing::UnorderedElementsAre("tenant.created acme 1 Acme",
                                                       "tenant.deleted gone 2 "));
  log_ = all;
  forget_store();
  EXPECT_EQ(agree(true).taken, 2);
  EXPECT_EQ(store_->tenants().get(kAcme)->name, "Acme");
  EXPECT_FALSE(store_->tenants().get(gone));
  EXPECT_EQ(store_->tenants().create({.id = gone, .name = "Back", .rate_limits = {}})->version, 3);
}

}  // namespace
}  // namespace mesh::test
