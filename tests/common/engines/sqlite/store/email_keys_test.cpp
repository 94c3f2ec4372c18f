// A store of an older program: its keys are folded at the start, and nobody is lost.
#include "common/engines/sqlite/store/email_keys.h"

#include <gmock/gmock.h>
#include <sqlite3.h>

#include "common/engines/sqlite/core/migrate.h"
#include "common/engines/sqlite/repair/salvage_store.h"
#include "tests/common/engines/sqlite/store/first_schema.h"
#include "tests/contract/engines/sqlite_harness.h"
#include "tests/support/manual_clock.h"

namespace mesh::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

class EmailKeys : public ::testing::Test {
 protected:
  std::unique_ptr<sqlite::Database> database() {
    return sqlite::Database::open(path_, sqlite::Database::Mode::read_write).value();
  }
  // The file as version 1 of the schema left it, with these users of acme, from id 1.
  void make_old(const std::vector<std::string>& emails, const std::string& more = {}) {
    harness_.close();
    auto db = database();
    std::string sql = std::string(kBackToFirstSchema) +
                      "INSERT INTO tenant_numbers(number,id,last_user) VALUES(1,'acme'," +
                      std::to_string(emails.size()) + ");";
    ASSERT_TRUE(succeeds(db->execute(sql + more)));
    for (std::size_t i = 0; i < emails.size(); ++i) {
      auto insert = db->prepare("INSERT INTO users VALUES(1,?,1,?,?,'Name')").value();
      const std::string key = sqlite::old_email_key(emails[i]);
      insert.bind(1, static_cast<std::int64_t>(i + 1)).bind_text(2, emails[i]).bind_text(3, key);
      ASSERT_TRUE(succeeds(insert.run()));
    }
  }
  std::vector<std::int64_t> found(const std::string& email) {
    std::vector<std::int64_t> ids;
    const auto users = harness_.users().list(kAcme, 0, 10, email);
    for (const User& user : users.value()) ids.push_back(user.id);
    return ids;
  }
  std::vector<std::pair<std::int64_t, std::int64_t>> alike() {
    std::vector<std::pair<std::int64_t, std::int64_t>> pairs;
    const auto all = harness_.store().alike(100);
    for (const auto& [of, id, holder] : all.value()) {
      EXPECT_EQ(of, "acme");
      pairs.emplace_back(id, holder);
    }
    return pairs;
  }
  bool taken(const std::string& email) {
    return fails_with(create(harness_.users(), kAcme, email), ErrorKind::conflict);
  }
  std::int64_t number(const std::string& sql) {
    auto db = database();
    auto rows = db->prepare(sql).value();
    return rows.step().value() ? rows.integer(0) : -1;
  }

  ManualClock clock_;
  SqliteHarness harness_{clock_};
  const std::string path_ = harness_.dir().file("store.db");
};

TEST_F(EmailKeys, OfAnOlderProgramAreFolded) {
  make_old({"JOSE\u0301@x.de", "a@M\u00fcnchen.de", "Bob@x.de"});
  harness_.reopen();
  EXPECT_THAT(found("jos\u00e9@X.de"), ElementsAre(1));
  EXPECT_THAT(found("a@xn--mnchen-3ya.de"), ElementsAre(2));
  EXPECT_THAT(found("bob@x.de"), ElementsAre(3));
  EXPECT_TRUE(taken("Jos\u00e9@x.de"));
  EXPECT_EQ(harness_.users().get(kAcme, 1)->email, "JOSE\u0301@x.de");  // as it was typed
  EXPECT_THAT(alike(), IsEmpty());
}

TEST_F(EmailKeys, ThatAreOneNowLoseNobody) {
  make_old({"JOS\u00c9@x.de", "jose\u0301@x.de", "jos\u00e9@x.de", "bob@x.de"});
  for (int start = 0; start < 2; ++start) {
    harness_.reopen();
    EXPECT_THAT(found("Jos\u00e9@x.de"), ElementsAre(1, 2, 3));
    EXPECT_THAT(alike(), ElementsAre(Pair(1, 3), Pair(2, 3)));  // 3 had the key already
  }
  EXPECT_TRUE(taken("jos\u00e9@x.de"));
  EXPECT_TRUE(taken("jose\u0301@x.de"));
  for (const std::int64_t id : {1, 2, 3, 4}) EXPECT_TRUE(harness_.users().get(kAcme, id));

  // A change that is not of the address leaves things as they are.
  ASSERT_TRUE(succeeds(update(harness_.users(), kAcme, 2, {.email = {}, .name = "New"})));
  EXPECT_THAT(alike(), ElementsAre(Pair(1, 3), Pair(2, 3)));
  // The address goes on to the next when its holder has another one or is gone.
  ASSERT_TRUE(succeeds(update(harness_.users(), kAcme, 3, {.email = "pepe@x.de", .name = {}})));
  EXPECT_THAT(alike(), ElementsAre(Pair(2, 1)));
  EXPECT_TRUE(taken("jos\u00e9@x.de"));
  ASSERT_TRUE(succeeds(remove(harness_.users(), kAcme, 1)));
  EXPECT_THAT(alike(), IsEmpty());
  EXPECT_THAT(found("jos\u00e9@x.de"), ElementsAre(2));
  EXPECT_TRUE(taken("jos\u00e9@x.de"));
  ASSERT_TRUE(succeeds(remove(harness_.users(), kAcme, 2)));
  EXPECT_FALSE(taken("jos\u00e9@x.de"));
}

TEST_F(EmailKeys, OneWhoIsAlikeIsSettledByAnotherAddress) {
  make_old({"jos\u00e9@x.de", "jose\u0301@x.de"});
  harness_.reopen();
  ASSERT_TRUE(succeeds(update(harness_.users(), kAcme, 2, {.email = "pepe@x.de", .name = {}})));
  EXPECT_THAT(alike(), IsEmpty());
  EXPECT_THAT(found("pepe@x.de"), ElementsAre(2));
  EXPECT_THAT(found("jos\u00e9@x.de"), ElementsAre(1));
  harness_.close();
  EXPECT_EQ(number("SELECT count(*) FROM users_alike"), 0);
}

TEST_F(EmailKeys, AStartThatIsCutOffFoldsAgain) {
  make_old({"jos\u00e9@x.de", "JOSE\u0301@x.de", "A\u00c9@x.de"});
  {
    auto db = database();
    constexpr sqlite::SchemaStep kCut[] = {
        {""},
        {"CREATE TABLE users_alike(tenant,email_key,id, PRIMARY KEY(tenant,email_key,id))",
         [](sqlite::Database& cut) -> Status {
           MESH_TRY(sqlite::fold_keys(cut));
           return fail(ErrorKind::unavailable, "the process ends here");
         }}};
    EXPECT_FALSE(sqlite::migrate(*db, kCut));
  }
  EXPECT_EQ(number("PRAGMA user_version"), 1);
  EXPECT_EQ(number("SELECT count(*) FROM users WHERE email_key='a\u00c9@x.de'"), 1);
  harness_.reopen();
  EXPECT_THAT(alike(), ElementsAre(Pair(2, 1)));
  EXPECT_THAT(found("a\u00e9@x.de"), ElementsAre(3));
}

TEST_F(EmailKeys, NamesOfSubjectsBecomeOneWithTheirCounts) {
  make_old(
      {},
      "INSERT INTO activity_subjects VALUES(1,1,0,'jose\u0301'),(2,1,0,'jos\u00e9'),"
      "(3,1,1,'rene\u0301');"
      "INSERT INTO activity_counts VALUES(1,'click',2),(2,'click',3),(1,'view',1),"
      "(3,'cafe\u0301ine',4),(3,'caf\u00e9ine',1);"
      "INSERT INTO activity VALUES(1,1,0,'s','t1',1,'click','t',0,'{}','{}'),"
      "(2,1,0,'s','t2',2,'click','t',0,'{}','{}'),(3,1,1,'s','t3',3,'cafe\u0301ine','t',0,'{}',"
      "'{}');");
  harness_.reopen();
  const auto summary = harness_.analytics().summary(kAcme, "jose\u0301");
  ASSERT_TRUE(succeeds(summary));
  EXPECT_EQ(summary->total_events, 6);
  EXPECT_THAT(summary->event_types, ElementsAre(Pair("click", 5), Pair("view", 1)));
  EXPECT_EQ(summary->recent_events.size(), 2U);
  const auto researcher = harness_.chemical().summary(kAcme, "ren\u00e9");
  ASSERT_TRUE(succeeds(researcher));
  EXPECT_EQ(researcher->total_experiments, 5);
  EXPECT_THAT(researcher->molecules, ElementsAre("caf\u00e9ine"));
  EXPECT_EQ(researcher->recent_experiments[0].molecule_id, "caf\u00e9ine");
}

// Symptom: a start with 20,000 molecules of one researcher in NFD took minutes.
TEST_F(EmailKeys, WorkForTheLabelsOfASubjectRisesWithTheirNumberOnly) {
  make_old({}, "INSERT INTO activity_subjects VALUES(1,1,1,'Jane');");
  auto db = database();
  int steps = 0;
  sqlite3_progress_handler(
      db->handle(), 10, [](void* count) { return ++*static_cast<int*>(count), 0; }, &steps);
  const auto steps_for = [&](int labels) {
    std::string sql = "BEGIN; DELETE FROM activity_counts; DELETE FROM activity;";
    for (int i = 0; i < labels; ++i) {
      const std::string n = std::to_string(i), label = "'mole\u0301cule " + n + "'";
      sql += "INSERT INTO activity_counts VALUES(1," + label + ",1);";
      sql += "INSERT INTO activity VALUES(" + n + ",1,1,'/s','" + n + "',1," + label +
             ",'2026-01-01T00:00:00Z',0,'{}','{}');";
    }
    EXPECT_TRUE(succeeds(db->execute(sql)));
    steps = 0;
    EXPECT_TRUE(succeeds(sqlite::fold_keys(*db)));
    EXPECT_TRUE(succeeds(db->execute("COMMIT")));
    return steps;
  };
  const int few = steps_for(100), many = steps_for(400);
  EXPECT_LT(many, 6 * few);
}

TEST_F(EmailKeys, AnOldFileIsLookedAtAndSalvagedAsItIs) {
  make_old({"jos\u00e9@x.de", "jose\u0301@x.de"});
  const std::string copy = harness_.dir().file("copy.db");
  const auto report = sqlite::salvage_store(path_, copy);
  ASSERT_TRUE(succeeds(report));
  EXPECT_THAT(report->damages, IsEmpty());
  harness_.reopen();
  harness_.close();
  EXPECT_THAT(sqlite::salvage_store(path_, harness_.dir().file("copy2.db"))->damages, IsEmpty());
  std::filesystem::rename(harness_.dir().file("copy2.db"), path_);
  harness_.reopen();
  EXPECT_THAT(alike(), ElementsAre(Pair(2, 1)));
}

}  // namespace
}  // namespace mesh::test
