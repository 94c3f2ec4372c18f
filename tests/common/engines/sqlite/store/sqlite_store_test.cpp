#include "common/engines/sqlite/store/sqlite_store.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <future>
#include <map>
#include <semaphore>
#include <thread>

#include "common/base/time.h"
#include "tests/common/engines/sqlite/store/first_schema.h"
#include "tests/contract/engines/sqlite_harness.h"
#include "tests/support/eventually.h"
#include "tests/support/manual_clock.h"

namespace mesh::test {
namespace {

using ::testing::HasSubstr;

class SqliteStoreFile : public ::testing::Test {
 protected:
  std::int64_t number(const std::string& sql) {
    auto db = sqlite::Database::open(path_, sqlite::Database::Mode::read_only).value();
    auto rows = db->prepare(sql).value();
    return rows.step().value() ? rows.integer(0) : -1;
  }
  void run(const std::string& sql) {
    auto db = sqlite::Database::open(path_, sqlite::Database::Mode::read_write).value();
    ASSERT_TRUE(succeeds(db->execute(sql)));
  }
  Result<std::unique_ptr<sqlite::SqliteStore>> open() {
    return sqlite::SqliteStore::open(harness_.dir().path(), {}, clock_);
  }
  bool shows(const std::string& bytes) {
    for (const char* file : {"store.db", "store.db-wal"}) {
      std::ifstream in(harness_.dir().file(file), std::ios::binary);
      const std::string content{std::istreambuf_iterator<char>(in), {}};
      if (content.find(bytes) != std::string::npos) return true;
    }
    return false;
  }
  ChangeContext under_key(const std::string& name) {
    const IdempotencyKey key{kAcme, name, "f"};
    return {.claim = claimed(key, begin(harness_.idempotency(), key)),
            .answer = [](const ChangedUser& user) {
              return StoredAnswer{201, user.name, {}};
            }};
  }

  ManualClock clock_;
  SqliteHarness harness_{clock_};
  const std::string path_ = harness_.dir().file("store.db");
};

TEST_F(SqliteStoreFile, OfANewerSchemaIsRefused) {
  harness_.close();
  run("PRAGMA user_version=99");
  auto opened = open();
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, HasSubstr("store.db"));
  EXPECT_THAT(opened.error().message, HasSubstr("99"));
}

// The time of what was counted before is in its timestamp.
TEST_F(SqliteStoreFile, OfTheFirstSchemaIsBroughtToThisOneWithTheTimesOfItsEvents) {
  std::vector<AnalyticsEvent> events;
  for (const auto& [id, when] : {std::pair{"late", "2026-01-01T10:00:00.250+02:00"},
                                 {"early", "2019-05-05t00:00:00z"},
                                 {"odd", "1999-12-31T23:59:60Z"},
                                 {"ahead", "2999-01-01T00:00:00Z"}}) {
    events.push_back({.id = id,
                      .source = "/s",
                      .tenant = kAcme,
                      .user_id = "u",
                      .event_type = "view",
                      .timestamp = when,
                      .metadata = Json::object(),
                      .processed_at = *parse_rfc3339("2026-02-01T00:00:00Z")});
  }
  ASSERT_TRUE(harness_.analytics().record(events, {}));
  harness_.close();
  run(kBackToFirstSchema);
  harness_.reopen();
  const auto read = harness_.analytics().recent(kAcme, "u", 10);
  ASSERT_TRUE(succeeds(read));
  std::vector<std::string> order;
  for (const auto& event : *read) order.push_back(event.id);
  EXPECT_EQ(order, (std::vector<std::string>{"ahead", "odd", "late", "early"}))
      << "what the text does not tell, or tells of the future, is when it was processed";
  EXPECT_EQ(read->at(2).time, *parse_rfc3339("2026-01-01T08:00:00.250Z"));
  EXPECT_EQ(read->at(3).time, *parse_rfc3339("2019-05-05T00:00:00Z"));
}

TEST_F(SqliteStoreFile, ThatIsNoDatabaseIsCorruptAndNamed) {
  harness_.close();
  std::ofstream(path_, std::ios::trunc) << std::string(8192, 'x');
  auto opened = open();
  ASSERT_TRUE(fails_with(opened, ErrorKind::corrupt));
  EXPECT_THAT(opened.error().message, HasSubstr("store.db"));
}

TEST_F(SqliteStoreFile, WithADamagedOutboxRecordIsCorruptForTheReader) {
  ASSERT_TRUE(create(harness_.users(), kAcme, "alice@acme.dev"));
  harness_.close();
  run("UPDATE outbox SET record=substr(record,1,length(record)-1)||x'00'");
  harness_.reopen();
  EXPECT_TRUE(fails_with(waiting(harness_.outbox()), ErrorKind::corrupt));
}

TEST_F(SqliteStoreFile, OfTheSchemaBeforeKeepsItsAnswers) {
  const IdempotencyKey before{kAcme, "before", "f"}, after{kAcme, "after", "f"};
  const auto finish = [&](const IdempotencyKey& key, StoredAnswer answer) {
    const ClaimedKey claim = claimed(key, begin(harness_.idempotency(), key));
    ASSERT_TRUE(succeeds(wait_for<void>([&](auto done) {
      harness_.idempotency().finish(claim, std::move(answer), std::move(done));
    })));
  };
  finish(before, {201, R"({"id":7})"});
  harness_.close();
  run(kBackToFirstSchema);
  harness_.reopen();
  const auto kept = begin(harness_.idempotency(), before);
  ASSERT_TRUE(is(kept, Claim::State::answered));
  EXPECT_EQ(kept->answer.code, 201);
  EXPECT_TRUE(kept->answer.headers.empty());
  const auto of_seven = harness_.stores().tenant_data().count({kAcme, "7"}).value();
  EXPECT_EQ(std::ranges::find(of_seven, "store/idempotency", &KeptPart::place)->count, 1);
  finish(after, {201, "{}", {{"Location", "/users/1"}}});
  EXPECT_EQ(begin(harness_.idempotency(), after)->answer.headers.at(0).second, "/users/1");
}

TEST_F(SqliteStoreFile, LosesExpiredAnswersInTime) {
  std::atomic<int> stored{0};
  const auto store = [&](const std::string& name) {
    const IdempotencyKey key{kAcme, name, "f"};
    const ClaimedKey claim = claimed(key, begin(harness_.idempotency(), key));
    harness_.idempotency().finish(claim, {202, "{}"}, [&](Status) { ++stored; });
  };
  for (int i = 0; i < 1200; ++i) store("k" + std::to_string(i));
  clock_.advance(std::chrono::hours(12));
  store("kept");
  ASSERT_TRUE(eventually([&] { return stored == 1201; }));
  clock_.advance(std::chrono::hours(12));
  ASSERT_TRUE(begin(harness_.idempotency(), {kGlobex, "k", "f"}));
  // Each job of the sweep submits the next: three commits of our own let them all through.
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(harness_.tasks().insert(bare_task("barrier" + std::to_string(i))));
  }
  EXPECT_EQ(number("SELECT count(*) FROM idempotency"), 1);
}

TEST_F(SqliteStoreFile, KeepsProjectionOffsetsThatOnlyRise) {
  const TopicPartition first{"analytics.events", 0}, second{"analytics.events", 1};
  ASSERT_TRUE(harness_.analytics().record({}, {{first, 10}, {second, 5}}));
  ASSERT_TRUE(harness_.analytics().record({}, {{first, 7}, {second, 6}}));
  ASSERT_TRUE(harness_.chemical().record({}, {{first, 1}}));
  const std::string next = "SELECT next FROM projection_offsets WHERE kind=0 AND partition=";
  EXPECT_EQ(number(next + "0"), 10);
  EXPECT_EQ(number(next + "1"), 6);
  EXPECT_EQ(number("SELECT next FROM projection_offsets WHERE kind=1"), 1);
}

TEST_F(SqliteStoreFile, HasNoEventWithoutItsOffsetNorTheOtherWayRound) {
  AnalyticsEvent event{"e", "/s", kAcme, "u", "view", "t", Json::object(), clock_.now()};
  ASSERT_TRUE(harness_.analytics().record(std::span(&event, 1), {{{"analytics.events", 0}, 1}}));
  run("CREATE TRIGGER refuse BEFORE INSERT ON projection_offsets"
      " BEGIN SELECT RAISE(ABORT,'no'); END");
  event.id = "f";
  ASSERT_FALSE(harness_.analytics().record(std::span(&event, 1), {{{"analytics.events", 0}, 2}}));
  EXPECT_EQ(number("SELECT count(*) FROM activity"), 1);
  EXPECT_EQ(number("SELECT events FROM activity_counts"), 1);
}

// Before claims had leases a note stood where it does now.
TEST_F(SqliteStoreFile, OfBeforeClaimsHadLeasesTellsOfInterruptedWork) {
  const IdempotencyKey key{kAcme, "order-17", "f"};
  ASSERT_TRUE(create(harness_.users(), kAcme, "alice@acme.dev"));
  harness_.close();
  run("INSERT INTO idempotency(tenant,key,fingerprint,status,body,created_at,headers)"
      " VALUES(1,'order-17','f',0,''," +
      std::to_string(clock_.now().time_since_epoch().count()) + ",'')");
  harness_.reopen();
  const Timestamp began = clock_.now();
  clock_.advance(Duration{5'000});
  const auto claim = begin(harness_.idempotency(), key, true);
  ASSERT_TRUE(is(claim, Claim::State::interrupted));
  EXPECT_EQ(claim->began, began);
}

// Holds the committer within a transaction: an answer is asked for in one.
struct Gate {
  std::binary_semaphore in{0}, go{0};
  StoredAnswer pass() {
    in.release();
    go.acquire();
    return {201, {}, {}};
  }
};
Gate first_gate, second_gate;

// The claim is its own when the transaction looks, and another's when that is committed.
TEST_F(SqliteStoreFile, OfAClaimThatIsTakenOverInTheMiddleOfATransactionHasOneEffect) {
  IdempotencyStore& keys = harness_.idempotency();
  const IdempotencyKey noted{kAcme, "noted", "f"};
  std::map<std::string, std::promise<Result<ChangedUser>>> made;
  const auto make = [&](const std::string& name, ChangeContext context) {
    harness_.users().create(
        kAcme, {name + "@acme.dev", name}, std::move(context),
        [&made, name](Result<ChangedUser> user) { made[name].set_value(user); });
  };
  for (const char* name : {"first", "second", "slow", "heir"}) made[name];
  std::promise<Result<Claim>> slow_note, heir_note;
  auto first = under_key("first"), second = under_key("second");
  first.answer = [](const ChangedUser&) { return first_gate.pass(); };
  second.answer = [](const ChangedUser&) { return second_gate.pass(); };
  make("first", first);
  first_gate.in.acquire();
  make("slow", under_key("key"));
  const Timestamp began = clock_.now();
  keys.begin(noted, kClaimLease, true, [&](Result<Claim> claim) { slow_note.set_value(claim); });
  make("second", second);
  first_gate.go.release();
  second_gate.in.acquire();  // the slow ones' transaction is not committed yet

  clock_.advance(kClaimLease);
  make("heir", under_key("key"));
  keys.begin(noted, kClaimLease, true, [&](Result<Claim> claim) { heir_note.set_value(claim); });
  second_gate.go.release();
  EXPECT_TRUE(succeeds(made["slow"].get_future().get()));
  EXPECT_TRUE(fails_with(made["heir"].get_future().get(), ErrorKind::conflict));
  EXPECT_TRUE(is(slow_note.get_future().get(), Claim::State::fresh));
  const auto heir = heir_note.get_future().get();
  ASSERT_TRUE(is(heir, Claim::State::interrupted)) << "the slow one may do its work yet";
  EXPECT_EQ(heir->began, began);
  EXPECT_EQ(harness_.users().list(kAcme, 0, 10, {})->size(), 3u);
}

TEST_F(SqliteStoreFile, HasNoUserWithoutItsEventNorTheOtherWayRound) {
  run("CREATE TRIGGER refuse BEFORE INSERT ON idempotency BEGIN SELECT RAISE(ABORT,'no'); END");
  ASSERT_FALSE(create(harness_.users(), kAcme, "alice@acme.dev", "Alice", under_key("k")));
  EXPECT_EQ(number("SELECT count(*) FROM users"), 0);
  EXPECT_EQ(number("SELECT count(*) FROM outbox"), 0);
  EXPECT_EQ(harness_.outbox().size(), 0);
  EXPECT_EQ(create(harness_.users(), kAcme, "alice@acme.dev")->id, 1);
}

TEST_F(SqliteStoreFile, GivesIdsWithoutGapsWhereChangesFailAfterTheyWrote) {
  run("CREATE TRIGGER refuse BEFORE INSERT ON idempotency BEGIN SELECT RAISE(ABORT,'no'); END");
  constexpr int kCreates = 200;
  std::promise<void> all;
  std::atomic<int> left{kCreates};
  for (int i = 0; i < kCreates; ++i) {
    ChangeContext context;
    if (i % 4 == 0) context = under_key("k" + std::to_string(i));
    harness_.users().create(i % 2 == 0 ? kAcme : kGlobex, {"u" + std::to_string(i) + "@x.dev", "U"},
                            std::move(context), [&](const Result<ChangedUser>&) {
                              if (--left == 0) all.set_value();
                            });
  }
  all.get_future().wait();
  EXPECT_EQ(number("SELECT count(*) FROM users"), 150);
  EXPECT_EQ(number("SELECT sum(last_user) FROM tenant_numbers"), 150);
  EXPECT_EQ(number("SELECT sum(id) FROM users"), 50 * 51 / 2 + 100 * 101 / 2);
}

TEST_F(SqliteStoreFile, FailingChangesDoNotHarmTheirGroup) {
  ASSERT_TRUE(create(harness_.users(), kAcme, "taken@acme.dev"));
  std::promise<void> all;
  std::atomic<int> left{300}, conflicts{0};
  for (int i = 0; i < 300; ++i) {
    const std::string email = i % 3 == 0 ? "taken@acme.dev" : "u" + std::to_string(i) + "@acme.dev";
    harness_.users().create(kAcme, {email, "U"}, {}, [&](Result<ChangedUser> user) {
      if (!user) conflicts += user.error().kind == ErrorKind::conflict;
      if (--left == 0) all.set_value();
    });
  }
  all.get_future().wait();
  EXPECT_EQ(conflicts, 100);
  EXPECT_EQ(number("SELECT count(*) FROM users"), 201);
  EXPECT_EQ(number("SELECT max(id) FROM users"), 201);
  EXPECT_EQ(number("SELECT count(*) FROM outbox"), 201);
  EXPECT_EQ(harness_.outbox().size(), 201);
}

TEST_F(SqliteStoreFile, ClosedTwiceRefusesChangesAndFinishesWhatWasSubmitted) {
  std::atomic<int> stored{0};
  for (int i = 0; i < 100; ++i) {
    harness_.users().create(kAcme, {"u" + std::to_string(i) + "@x.dev", "U"}, {},
                            [&](Result<ChangedUser> user) { stored += user.has_value(); });
  }
  harness_.store().close();
  harness_.store().close();
  EXPECT_EQ(stored, 100);
  EXPECT_TRUE(fails_with(create(harness_.users(), kAcme, "late@x.dev"), ErrorKind::unavailable));
  EXPECT_EQ(harness_.users().list(kAcme, 0, 1000, std::nullopt)->size(), 100u);
}

TEST_F(SqliteStoreFile, RefusesAnAcknowledgementWhoseLeaseEndsBeforeItIsWritten) {
  ASSERT_TRUE(create(harness_.users(), kAcme, "alice@acme.dev"));
  const auto lease = *harness_.leases().acquire("relay", "a", Duration{10'000}).value();
  const auto reader = harness_.outbox().open(lease);
  const auto given = sequences(reader->next(10).value());
  std::promise<void> in_commit, go;
  harness_.users().create(kAcme, {"bob@acme.dev", "B"}, {}, [&](const Result<ChangedUser>&) {
    in_commit.set_value();
    go.get_future().wait();
  });
  in_commit.get_future().wait();
  std::promise<Status> done;
  reader->acknowledge(given, [&](Status status) { done.set_value(std::move(status)); });
  clock_.advance(Duration{10'000});
  go.set_value();
  EXPECT_TRUE(fails_with(done.get_future().get(), ErrorKind::conflict));
  EXPECT_EQ(sequences(waiting(harness_.outbox()).value()).size(), 2u);
}

TEST_F(SqliteStoreFile, HasNoLeasesAfterARestart) {
  ASSERT_TRUE(harness_.leases().acquire("relay", "a", std::chrono::hours(1)).value());
  harness_.reopen();
  EXPECT_TRUE(harness_.leases().list()->empty());
  EXPECT_TRUE(harness_.leases().acquire("relay", "b", std::chrono::hours(1)).value());
}

TEST_F(SqliteStoreFile, ShowsNothingOfWhatIsErased) {
  ASSERT_TRUE(create(harness_.users(), kAcme, "gone@x.dev", "Gone " + std::string(5'000, 'x')));
  ASSERT_TRUE(create(harness_.users(), kGlobex, "stays@x.dev", "Stays"));
  const AnalyticsEvent event{"e1",
                             "/app",
                             kAcme,
                             "Gone user",
                             "click",
                             "2026-01-01T10:00:00Z",
                             {{"page", std::string(9'000, 'y')}}};
  ASSERT_TRUE(harness_.analytics().record(std::span(&event, 1), {}));
  ASSERT_TRUE(shows("Gone "));
  for (const char* place : {"store/users", "store/outbox", "store/activity"}) {
    EXPECT_EQ(harness_.stores().tenant_data().erase({kAcme}, place, 10).value(), 1) << place;
  }
  EXPECT_TRUE(eventually([&] { return !shows("gone@x.dev") && !shows("Gone "); }));
  EXPECT_FALSE(shows(std::string(100, 'x')));
  EXPECT_FALSE(shows(std::string(100, 'y')));
  EXPECT_TRUE(shows("stays@x.dev"));
}

// As after a crash between the removal and the emptying, where the task that comes again finds
// none.
TEST_F(SqliteStoreFile, ShowsNothingOfAKeyThatWasDroppedBefore) {
  ASSERT_TRUE(harness_.stores().keys().get_or_insert({"k1", kAcme, "a wrapped key"}));
  run("DELETE FROM tenant_keys");
  ASSERT_TRUE(shows("a wrapped key"));
  EXPECT_EQ(harness_.stores().keys().drop(kAcme).value(), 0);
  EXPECT_TRUE(eventually([&] { return !shows("a wrapped key"); }));
}

// The address that two had goes to the one who is left; see email_keys.h.
TEST_F(SqliteStoreFile, LeavesAnErasedUsersAddressToWhoIsAlike) {
  ASSERT_TRUE(create(harness_.users(), kAcme, "a@x.dev"));
  ASSERT_TRUE(create(harness_.users(), kAcme, "b@x.dev"));
  harness_.close();
  run("UPDATE users SET email='A@x.dev', email_key='of-before' WHERE id=2;"
      "INSERT INTO users_alike SELECT tenant,email_key,2 FROM users WHERE id=1");
  harness_.reopen();
  EXPECT_EQ(harness_.stores().tenant_data().erase({kAcme, "1"}, "store/users", 10).value(), 1);
  EXPECT_EQ(number("SELECT count(*) FROM users_alike"), 0);
  EXPECT_EQ(number("SELECT id FROM users WHERE email_key='a@x.dev'"), 2);
}

TEST_F(SqliteStoreFile, BoundsWhatWaits) {
  harness_.close();
  auto store = sqlite::SqliteStore::open(
                   harness_.dir().path(),
                   {.max_pending_bytes = 10'000, .on_fatal = {}, .on_commit = {}}, clock_)
                   .value();
  std::promise<void> in_commit, go;
  auto gone = go.get_future().share();
  store->users().create(kAcme, {"first@x.dev", "U"}, {}, [&, gone](const Result<ChangedUser>&) {
    in_commit.set_value();
    gone.wait();
  });
  std::atomic<int> refused{0}, answered{0};
  const auto submit = [&](int i) {
    store->users().create(kAcme, {"u" + std::to_string(i) + "@x.dev", "U"}, {},
                          [&](Result<ChangedUser> user) {
                            refused += !user && user.error().kind == ErrorKind::unavailable;
                            ++answered;
                          });
  };
  in_commit.get_future().wait();
  for (int i = 1; i <= 100; ++i) submit(i);
  EXPECT_GT(refused, 0);
  go.set_value();
  store->close();
  EXPECT_EQ(answered, 100);
  EXPECT_LT(refused, 100);
}

}  // namespace
}  // namespace mesh::test
