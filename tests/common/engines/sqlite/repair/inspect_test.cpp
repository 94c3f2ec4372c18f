// What is said about damaged files, and what their repair keeps.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <future>
#include <random>

#include "common/engines/sqlite/core/wal_check.h"
#include "common/engines/sqlite/log/sqlite_log.h"
#include "common/engines/sqlite/repair/bad_pages.h"
#include "common/engines/sqlite/repair/report.h"
#include "common/engines/sqlite/repair/salvage.h"
#include "common/engines/sqlite/repair/salvage_log.h"
#include "common/engines/sqlite/repair/salvage_store.h"
#include "common/engines/sqlite/store/sqlite_store.h"
#include "common/engines/sqlite/vfs/page_sums.h"
#include "tests/support/append_and_wait.h"
#include "tests/support/bytes.h"
#include "tests/support/manual_clock.h"
#include "tests/support/outbox.h"
#include "tests/support/read_all.h"
#include "tests/support/temp_dir.h"

namespace mesh::test {
namespace {

using sqlite::Database;
using testing::HasSubstr;

constexpr std::size_t kInspectedPage = 4096;
constexpr auto kInspectedTopic = "analytics.events";

void overwrite(const std::string& path, std::size_t at, const std::string& bytes) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(at));
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

class InspectLog : public ::testing::Test {
 protected:
  void open(const std::string& dir) {
    log_.reset();
    auto opened = sqlite::SqliteLog::open(dir, {.upkeep_interval = Duration(0)}, clock_);
    ASSERT_TRUE(opened) << opened.error().to_string();
    log_ = std::move(*opened);
    ASSERT_TRUE(log_->ensure_topic({kInspectedTopic, TopicKind::activity, 1, {}, {}}));
  }
  Result<std::vector<Position>> append(const std::string& value) {
    return append_and_wait(*log_, {{kInspectedTopic, "acme/7", value, {{"ce_type", "t"}}}});
  }
  void write(int count) {
    open(dir_.path());
    for (int i = 0; i < count; ++i)
      ASSERT_TRUE(append("value " + std::to_string(i) + " " + std::string(200, 'v')));
    log_.reset();
  }
  sqlite::FileReport look() {
    auto report = sqlite::salvage_log(file(), "");
    EXPECT_TRUE(report) << report.error().to_string();
    return report.value_or(sqlite::FileReport{});
  }
  std::vector<std::string> repaired() {
    auto report = sqlite::salvage_log(file(), fresh_.file("log.db"));
    EXPECT_TRUE(report) << report.error().to_string();
    open(fresh_.path());
    std::vector<std::string> values;
    auto records = test::read_all(*log_, {kInspectedTopic, 0}, 0, {100'000, 1 << 30});
    EXPECT_TRUE(records) << records.error().to_string();
    for (const auto& record : records.value_or(std::vector<StoredRecord>{}))
      values.push_back(record.value->substr(0, record.value->rfind(' ')));
    return values;
  }
  std::string file() const { return dir_.file("log.db"); }

  TempDir dir_, fresh_;
  ManualClock clock_;
  std::unique_ptr<sqlite::SqliteLog> log_;
};

TEST_F(InspectLog, AWholeFileHasNoDamage) {
  write(10);
  const auto report = look();
  EXPECT_TRUE(report.damages.empty());
  EXPECT_EQ(report.rows, 10);
}

TEST_F(InspectLog, AFlippedByteLosesItsRecordAloneAndNamesItsTenant) {
  write(50);
  const auto at = bytes_of(file()).find("value 17 ");
  ASSERT_NE(at, std::string::npos);
  overwrite(file(), at, "V");
  const auto report = look();
  ASSERT_EQ(report.damages.size(), 1u);
  EXPECT_EQ(report.damages[0].place, "analytics.events/0 record 17");
  EXPECT_EQ(report.damages[0].loss, "1 event of tenant acme");
  EXPECT_FALSE(report.damages[0].lossless);
  const auto values = repaired();
  EXPECT_EQ(values.size(), 49u);
  EXPECT_THAT(values, testing::Not(testing::Contains("value 17")));
  EXPECT_EQ(append("more x")->front().offset, 50) << "offsets go on";
  EXPECT_EQ(log_->topics()->front().records, 50u);
}

TEST_F(InspectLog, APageOfGarbageLosesItsRecordsAndReadersPassTheGap) {
  write(200);
  const auto at = bytes_of(file()).find("value 100 ") / kInspectedPage * kInspectedPage;
  overwrite(file(), at, std::string(kInspectedPage, '\x5a'));
  const auto report = look();
  ASSERT_EQ(report.damages.size(), 1u);
  EXPECT_THAT(report.damages[0].place, HasSubstr("analytics.events/0 records "));
  EXPECT_THAT(report.damages[0].loss, HasSubstr("up to "));
  const auto values = repaired();
  EXPECT_EQ(static_cast<std::int64_t>(values.size()), report.rows);
  EXPECT_GT(values.size(), 150u);
  EXPECT_EQ(values.front(), "value 0");
  EXPECT_EQ(values.back(), "value 199");
}

TEST_F(InspectLog, BehindAnUnreadableEndNoOffsetIsGivenOutTwice) {
  write(200);
  const auto at = bytes_of(file()).find("value 199 ") / kInspectedPage * kInspectedPage;
  overwrite(file(), at, std::string(kInspectedPage, '\x5a'));
  EXPECT_THAT(look().damages.front().what, HasSubstr("unreadable"));
  const auto values = repaired();
  EXPECT_LT(values.size(), 200u);
  EXPECT_GE(append("more x")->front().offset, 200);
  EXPECT_TRUE(log_->read({kInspectedTopic, 0}, 0, {})) << "the gap is no damage";
}

TEST_F(InspectLog, OfADamagedLogAheadOnlyTheDamagedFramesAreLeftOut) {
  open(dir_.path());
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(append("value " + std::to_string(i) + " x"));
  TempDir crashed, scratch;
  for (const char* name : {"log.db", "log.db-wal"})
    std::filesystem::copy_file(dir_.file(name), crashed.file(name));
  log_.reset();
  overwrite(crashed.file("log.db-wal"), 32 + 24 + 100, "~~~");
  EXPECT_EQ(sqlite::verify_wal(crashed.file("log.db")).error().kind, ErrorKind::corrupt);
  const auto copy = sqlite::copy_without_damaged_frames(crashed.file("log.db"), scratch.path());
  ASSERT_TRUE(copy) << copy.error().to_string();
  const auto report = sqlite::salvage_log(*copy, "");
  ASSERT_TRUE(report) << report.error().to_string();
  EXPECT_EQ(report->rows, 30) << "later frames hold the pages anew";
}

// The start insists on the sums, though the records have their own.
TEST_F(InspectLog, ADamagedSumOfWhateverPageIsFoundAndLosesNothing) {
  write(150);
  const auto whole = bytes_of(file());
  for (std::size_t page = 1; page <= whole.size() / kInspectedPage; ++page) {
    SCOPED_TRACE("page " + std::to_string(page));
    const auto at = page * kInspectedPage - 1 - page % 8;
    overwrite(file(), at, std::string(1, static_cast<char>(~whole[at])));
    const auto report = look();
    ASSERT_EQ(report.damages.size(), 1u);
    EXPECT_EQ(report.damages[0].place, "page " + std::to_string(page));
    EXPECT_TRUE(report.damages[0].lossless);
    EXPECT_EQ(report.rows, 150);
    overwrite(file(), at, whole.substr(at, 1));
  }
  overwrite(file(), kInspectedPage - 1,
            std::string(1, static_cast<char>(~whole[kInspectedPage - 1])));
  EXPECT_EQ(repaired().size(), 150u);
  log_.reset();
  EXPECT_TRUE(sqlite::salvage_log(fresh_.file("log.db"), "")->damages.empty());
}

TEST_F(InspectLog, RecordsOfAPageWithoutItsSumAreKept) {
  write(150);
  const auto whole = bytes_of(file());
  const auto page = whole.find("value 100 ") / kInspectedPage;
  overwrite(file(), (page + 1) * kInspectedPage - 8, "########");
  auto report = look();
  ASSERT_EQ(report.damages.size(), 1u);
  EXPECT_TRUE(report.damages[0].lossless);
  std::ofstream(file(), std::ios::binary) << whole;
  for (int cut = 1; cut <= 8; ++cut) {
    std::filesystem::resize_file(file(), whole.size() - static_cast<std::size_t>(cut));
    report = look();
    ASSERT_EQ(report.damages.size(), 1u) << cut;
    EXPECT_TRUE(report.damages[0].lossless) << cut;
    EXPECT_EQ(report.rows, 150) << cut;
  }
  EXPECT_EQ(repaired().size(), 150u);
}

TEST_F(InspectLog, AFileCutByAPageLosesTheRecordsOfThatPageAlone) {
  write(200);
  std::filesystem::resize_file(file(), std::filesystem::file_size(file()) - kInspectedPage);
  const auto cut = bytes_of(file());
  const auto report = look();
  EXPECT_FALSE(report.hopeless);
  EXPECT_FALSE(report.damages.empty());
  EXPECT_GT(report.rows, 150);
  EXPECT_EQ(bytes_of(file()), cut) << "a look changes nothing";
  EXPECT_EQ(static_cast<std::int64_t>(repaired().size()), report.rows);
  EXPECT_GE(append("more x")->front().offset, 200);
  EXPECT_FALSE(std::filesystem::exists(dir_.file("check.tmp")));
}

TEST_F(InspectLog, PagesThatTheLogAheadHoldsAnewAndFreePagesAreNoDamage) {
  write(50);
  open(dir_.path());
  for (int i = 50; i < 80; ++i) ASSERT_TRUE(append("value " + std::to_string(i) + " x"));
  TempDir crashed;
  for (const char* name : {"log.db", "log.db-wal"}) {
    std::filesystem::copy_file(dir_.file(name), crashed.file(name));
  }
  const auto page = bytes_of(crashed.file("log.db")).find("value 49 ") / kInspectedPage;
  overwrite(crashed.file("log.db"), (page + 1) * kInspectedPage - 8, "########");
  const auto report = sqlite::salvage_log(crashed.file("log.db"), "");
  ASSERT_TRUE(report) << report.error().to_string();
  EXPECT_TRUE(report->damages.empty());
  EXPECT_EQ(report->rows, 80);

  auto db = Database::open(crashed.file("other.db"), Database::Mode::read_write).value();
  ASSERT_TRUE(
      db->execute("CREATE TABLE t(x); INSERT INTO t VALUES(zeroblob(1000000)); DELETE FROM t;"
                  "BEGIN; INSERT INTO t VALUES(zeroblob(2000000)); DELETE FROM t; COMMIT;"
                  "PRAGMA wal_checkpoint(TRUNCATE)"));
  EXPECT_GT(std::filesystem::file_size(crashed.file("other.db")), 1'000'000u);
  EXPECT_EQ(sqlite::bad_pages(crashed.file("other.db")).count, 0);
}

class InspectStore : public ::testing::Test {
 protected:
  void open(const std::string& dir) {
    store_.reset();
    auto opened = sqlite::SqliteStore::open(dir, {}, clock_);
    ASSERT_TRUE(opened) << opened.error().to_string();
    store_ = std::move(*opened);
  }
  Result<ChangedUser> create(const std::string& email) {
    std::promise<Result<ChangedUser>> done;
    store_->users().create(kAcme, {email, "Person " + email + std::string(100, 'n')}, {},
                           [&](Result<ChangedUser> user) { done.set_value(std::move(user)); });
    return done.get_future().get();
  }
  sqlite::FileReport look(const std::string& target = "") {
    auto report = sqlite::salvage_store(dir_.file("store.db"), target);
    EXPECT_TRUE(report) << report.error().to_string();
    return report.value_or(sqlite::FileReport{});
  }

  std::int64_t root_of(const std::string& table) {
    auto db = Database::open(dir_.file("store.db"), Database::Mode::read_only).value();
    auto root =
        db->prepare("SELECT rootpage FROM sqlite_schema WHERE name='" + table + "'").value();
    EXPECT_TRUE(root.step());
    return root.integer(0);
  }
  // Changes a text on the root page of a table, which is sealed anew: what the page says is wrong.
  void rename_in_table(const std::string& table, const std::string& from, const std::string& to) {
    const auto page = root_of(table);
    const auto begin = static_cast<std::size_t>(page - 1) * kInspectedPage;
    auto bytes = bytes_of(dir_.file("store.db")).substr(begin, kInspectedPage);
    const auto at = bytes.find(from);
    ASSERT_NE(at, std::string::npos);
    bytes.replace(at, from.size(), to);
    sqlite::seal_page(bytes.data(), bytes.size(), static_cast<std::uint32_t>(page));
    overwrite(dir_.file("store.db"), begin, bytes);
  }

  const TenantId kAcme = TenantId::parse("acme").value();
  TempDir dir_, fresh_;
  ManualClock clock_;
  std::unique_ptr<sqlite::SqliteStore> store_;
};

TEST_F(InspectStore, ALostStoreNamesTheCommandsThatCountAgain) {
  open(dir_.path());
  store_.reset();
  overwrite(dir_.file("store.db"), 0, std::string(kInspectedPage, 'x'));
  const auto report = look();
  ASSERT_FALSE(report.damages.empty());
  EXPECT_THAT(report.damages[0].loss,
              HasSubstr("`mesh events replay --topic analytics.events --from start`"));
  EXPECT_THAT(report.damages[0].loss, HasSubstr("`chemical.events`"));
}

TEST_F(InspectStore, LostUsersAreNamedTheOthersAreKeptAndIdsGoOn) {
  open(dir_.path());
  for (int i = 1; i <= 200; ++i) ASSERT_TRUE(create("u" + std::to_string(i) + "@x.dev"));
  ASSERT_TRUE(acknowledge(store_->outbox(), store_->leases(),
                          sequences(waiting(store_->outbox()).value())));
  store_.reset();
  EXPECT_TRUE(look().damages.empty());
  // The table, not its index: both hold the address, the name only the table.
  const auto at = bytes_of(dir_.file("store.db")).find("Person u100@");
  ASSERT_NE(at, std::string::npos);
  overwrite(dir_.file("store.db"), at, "p");
  auto report = look();
  ASSERT_FALSE(report.damages.empty());
  EXPECT_EQ(report.damages[0].tenants, std::vector<std::string>{"acme"});
  EXPECT_THAT(report.damages[0].loss, HasSubstr("users of tenant acme: "));
  report = look(fresh_.file("store.db"));
  open(fresh_.path());
  const auto users = store_->users().list(kAcme, 0, 1'000, std::nullopt);
  ASSERT_TRUE(users) << users.error().to_string();
  EXPECT_GT(users->size(), 150u);
  EXPECT_LT(users->size(), 200u);
  EXPECT_EQ(create("new@x.dev")->id, 201);
  EXPECT_EQ(waiting(store_->outbox())->front().sequence, 201)
      << "an emptied outbox does not begin again";
}

// An outbox is emptied from the front, so its keys begin far from zero.
TEST_F(InspectStore, KeysFarBehindDamageAreFound) {
  open(dir_.path());
  for (int i = 0; i < 60; ++i) ASSERT_TRUE(create("u" + std::to_string(i) + "@acme.dev"));
  store_.reset();
  auto db = Database::open(dir_.file("store.db"), Database::Mode::read_write).value();
  ASSERT_TRUE(db->execute("UPDATE outbox SET sequence=sequence+10000000"));
  ASSERT_TRUE(db->execute("PRAGMA wal_checkpoint(TRUNCATE)"));
  db.reset();
  const std::string whole = bytes_of(dir_.file("store.db"));
  // The first record of the table stands on its first leaf.
  const auto at = whole.find("Person u0@acme.dev", whole.find("user.events"));
  ASSERT_NE(at, std::string::npos);
  overwrite(dir_.file("store.db"), at, "~");
  const auto report = sqlite::salvage_store(dir_.file("store.db"), fresh_.file("store.db"));
  ASSERT_TRUE(report) << report.error().to_string();
  open(fresh_.path());
  const auto kept = waiting(store_->outbox());
  ASSERT_TRUE(kept) << kept.error().to_string();
  EXPECT_LT(kept->size(), 60u);
  EXPECT_GT(kept->size(), 30u) << "a page is lost, not all behind it";
  EXPECT_EQ(kept->back().sequence, 10'000'060);
}

TEST_F(InspectStore, AFileCutWithinItsLastPageIsDamaged) {
  open(dir_.path());
  for (int i = 0; i < 60; ++i) ASSERT_TRUE(create("u" + std::to_string(i) + "@acme.dev"));
  store_.reset();
  ASSERT_TRUE(look().damages.empty());
  const auto size = std::filesystem::file_size(dir_.file("store.db"));
  std::filesystem::resize_file(dir_.file("store.db"), size - 8);
  EXPECT_FALSE(look().damages.empty());
}

TEST_F(InspectStore, AFileCutByAPageLosesTheRowsOfThatPageAlone) {
  open(dir_.path());
  for (int i = 1; i <= 200; ++i) ASSERT_TRUE(create("u" + std::to_string(i) + "@x.dev"));
  store_.reset();
  const auto size = std::filesystem::file_size(dir_.file("store.db"));
  std::filesystem::resize_file(dir_.file("store.db"), size - kInspectedPage);
  const auto cut = bytes_of(dir_.file("store.db"));
  const auto report = look(fresh_.file("store.db"));
  EXPECT_FALSE(report.hopeless);
  EXPECT_FALSE(report.damages.empty());
  EXPECT_EQ(bytes_of(dir_.file("store.db")), cut);
  open(fresh_.path());
  EXPECT_GT(store_->users().list(kAcme, 0, 1'000, std::nullopt)->size(), 150u);
}

TEST_F(InspectStore, ADamagedIndexLosesNothing) {
  open(dir_.path());
  for (int i = 1; i <= 200; ++i) ASSERT_TRUE(create("u" + std::to_string(i) + "@x.dev"));
  store_.reset();
  overwrite(dir_.file("store.db"),
            static_cast<std::size_t>(root_of("users_by_email") - 1) * kInspectedPage,
            std::string(kInspectedPage, '\x5a'));
  const auto report = look(fresh_.file("store.db"));
  ASSERT_EQ(report.damages.size(), 1u);
  EXPECT_TRUE(report.damages[0].lossless);
  open(fresh_.path());
  EXPECT_EQ(store_->users().list(kAcme, 0, 1'000, std::nullopt)->size(), 200u);
  EXPECT_EQ(create("U7@x.dev").error().kind, ErrorKind::conflict)
      << "addresses are unique as before";
}

// A tenant's number stands in all tables, and the next new tenant gets the lowest that is free.
TEST_F(InspectStore, WhatALostTenantLeavesBehindIsNotFoundByAnother) {
  open(dir_.path());
  ASSERT_TRUE(create("u1@acme.dev"));
  const AnalyticsEvent event{.id = "e1",
                             .source = "/t",
                             .tenant = kAcme,
                             .user_id = "u1",
                             .event_type = "view",
                             .timestamp = "2026-01-01T00:00:00Z",
                             .metadata = Json::object(),
                             .processed_at = {}};
  ASSERT_TRUE(store_->analytics().record(std::vector{event}, {}));
  store_.reset();
  overwrite(dir_.file("store.db"),
            static_cast<std::size_t>(root_of("tenant_numbers") - 1) * kInspectedPage,
            std::string(kInspectedPage, '\x5a'));
  EXPECT_TRUE(look(fresh_.file("store.db")).users_lost);
  open(fresh_.path());
  const auto globex = TenantId::parse("globex").value();
  std::promise<Result<ChangedUser>> done;
  store_->users().create(globex, {"g@globex.dev", "G"}, {},
                         [&](Result<ChangedUser> user) { done.set_value(std::move(user)); });
  ASSERT_TRUE(done.get_future().get());
  const auto seen = store_->analytics().summary(globex, "u1");
  ASSERT_FALSE(seen) << seen->total_events;
  EXPECT_EQ(seen.error().kind, ErrorKind::not_found);
  EXPECT_EQ(store_->users().list(globex, 0, 10, {})->size(), 1u);
}

// A number that damage made huge: the walk counted beyond the last integer, without an end.
TEST_F(InspectStore, AnEndThatNoKeyCanHaveIsNotWalkedTo) {
  open(dir_.path());
  ASSERT_TRUE(create("u@acme.dev"));
  store_.reset();
  auto db = Database::open(dir_.file("store.db"), Database::Mode::read_write).value();
  ASSERT_TRUE(db->execute("UPDATE tenant_numbers SET last_user=9223372036854775807"));
  ASSERT_TRUE(db->execute("PRAGMA wal_checkpoint(TRUNCATE)"));
  db.reset();
  const std::string whole = bytes_of(dir_.file("store.db"));
  // The users' own page.
  const auto at = whole.find("u@acme.devu@acme.dev");
  ASSERT_NE(at, std::string::npos);
  overwrite(dir_.file("store.db"), at, "~");
  EXPECT_EQ(look().users_lost, true);
}

// As when a page's old and new state stand side by side behind damaged frames.
TEST_F(InspectStore, OfTwoRowsWithOneKeyOneIsKeptAndNothingIsCountedTwice) {
  open(dir_.path());
  const auto parked = [](std::int64_t offset) {
    return ParkedEvent{
        {{kInspectedTopic, 0, offset}, {}, "acme/7", "v", {}}, 1, {}, "c", "the cause"};
  };
  ASSERT_TRUE(store_->retries().park({"pipe-aa", "one"}, std::vector{parked(17)}));
  ASSERT_TRUE(store_->retries().park({"pipe-ab", "one"}, std::vector{parked(17)}));
  for (const char* id : {"task-aa", "task-ab"})
    ASSERT_TRUE(store_->tasks().insert({.id = id, .kind = "replay"}));
  store_.reset();
  rename_in_table("retries", "pipe-ab", "pipe-aa");
  rename_in_table("tasks", "task-ab", "task-aa");
  EXPECT_EQ(look().rows, 3)
      << "a parked event is replaced by its later state, so both count until one is kept";
  const auto report = look(fresh_.file("store.db"));
  EXPECT_THAT(report.damages.front().place, HasSubstr("tasks"));
  open(fresh_.path());
  EXPECT_EQ(store_->retries().take({"pipe-aa", "one"}, {{kInspectedTopic, 0}})->size(), 1u);
  EXPECT_TRUE(store_->tasks().get("task-aa"));
}

// Of both JSON texts of a row: the other one would make its researcher's summary `corrupt` later.
TEST_F(InspectStore, AnEventWhosePropertiesAreNoJsonIsLost) {
  open(dir_.path());
  ChemicalEvent event{.id = "e-1",
                      .source = "/lab",
                      .tenant = kAcme,
                      .molecule_id = "M1",
                      .researcher = "ann",
                      .timestamp = "2026-01-01T00:00:00Z",
                      .data = Json{{"formula", "H2O"}},
                      .llm_properties = Json{{"mass", 18}}};
  ASSERT_TRUE(store_->chemical().record({&event, 1}, {}));
  store_.reset();
  rename_in_table("activity", R"({"mass")", R"(!"mass")");
  EXPECT_FALSE(look().damages.empty());
  look(fresh_.file("store.db"));
  open(fresh_.path());
  const auto recent = store_->chemical().recent(kAcme, "ann", 10);
  ASSERT_FALSE(recent);
  EXPECT_EQ(recent.error().kind, ErrorKind::not_found) << recent.error().to_string();
}

// Whatever page is hit: a repair gives a file that opens, all it holds is right, and what it does
// not hold was told.
template <typename Check>
void repair_after_each_damaged_page(const std::string& file, const std::string& name,
                                    decltype(&sqlite::salvage_log) salvage, Check check) {
  const auto whole = bytes_of(file);
  int repaired = 0;
  for (std::size_t page = 0; page < whole.size() / kInspectedPage; ++page) {
    SCOPED_TRACE("page " + std::to_string(page + 1));
    TempDir damaged, fresh;
    std::ofstream(damaged.file(name), std::ios::binary) << whole;
    std::mt19937_64 random(page);
    std::string garbage(64, ' ');
    for (auto& c : garbage) c = static_cast<char>(random());
    overwrite(damaged.file(name), page * kInspectedPage + random() % (kInspectedPage - 64),
              garbage);
    const auto report = salvage(damaged.file(name), fresh.file(name));
    ASSERT_TRUE(report) << report.error().to_string();
    if (report->hopeless) continue;
    check(fresh.path(), *report);
    ++repaired;
  }
  EXPECT_GT(repaired, 10);
}

TEST_F(InspectLog, WhateverPageIsHitARepairKeepsWhatIsWholeAndTellsTheRest) {
  write(150);
  repair_after_each_damaged_page(
      file(), "log.db", sqlite::salvage_log, [&](const std::string& dir, const auto& report) {
        open(dir);
        auto records = test::read_all(*log_, {kInspectedTopic, 0}, 0, {100'000, 1 << 30});
        ASSERT_TRUE(records) << records.error().to_string();
        for (const auto& record : *records)
          EXPECT_THAT(*record.value,
                      HasSubstr("value " + std::to_string(record.position.offset) + " "));
        if (records->size() < 150) {
          EXPECT_FALSE(report.damages.empty());
        }
        EXPECT_GE(append("more x")->front().offset, 150);
      });
}

TEST_F(InspectStore, WhateverPageIsHitARepairKeepsWhatIsWholeAndTellsTheRest) {
  open(dir_.path());
  for (int i = 1; i <= 150; ++i) ASSERT_TRUE(create("u" + std::to_string(i) + "@x.dev"));
  store_.reset();
  repair_after_each_damaged_page(
      dir_.file("store.db"), "store.db", sqlite::salvage_store,
      [&](const std::string& dir, const auto& report) {
        open(dir);
        const auto users = store_->users().list(kAcme, 0, 1'000, std::nullopt);
        ASSERT_TRUE(users) << users.error().to_string();
        for (const auto& user : *users)
          EXPECT_EQ(user.email, "u" + std::to_string(user.id) + "@x.dev");
        const auto outbox = waiting(store_->outbox());
        ASSERT_TRUE(outbox) << outbox.error().to_string();
        if (users->size() < 150 || outbox->size() < 150) {
          EXPECT_FALSE(report.damages.empty());
        }
        EXPECT_TRUE(create("new@x.dev"));
      });
}

}  // namespace
}  // namespace mesh::test
