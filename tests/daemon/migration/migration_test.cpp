#include "daemon/migration/migration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "common/engines/sqlite/log/sqlite_log.h"
#include "common/engines/sqlite/store/sqlite_store.h"
#include "daemon/pipeline/dead_letters/dead_letter_record.h"
#include "daemon/pipeline/dead_letters/letter.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temp_dir.h"

namespace mesh::migration {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const TenantId kAcme = TenantId::parse("acme").value();
const std::string kActivity = "analytics.events", kLetters = "analytics.events.dlq",
                  kUsers = "user.events";
constexpr Duration kHour{3'600'000};

// What a test does to the records on their way.
class Tampering final : public LogImport {
 public:
  explicit Tampering(LogImport& log) : log_(log) {}
  std::function<Status(std::vector<StoredRecord>&)> before = [](auto&) { return Status(); };
  std::function<Status()> after = [] { return Status(); };
  std::function<Status()> at_begin = [] { return Status(); };

  Status begin(const std::vector<TopicSpec>& specs) override {
    MESH_TRY(at_begin());
    return log_.begin(specs);
  }
  Status import(std::vector<StoredRecord> records) override {
    MESH_TRY(before(records));
    MESH_TRY(log_.import(std::move(records)));
    return after();
  }
  Status finish(const TopicSpec& spec) override { return log_.finish(spec); }

 private:
  LogImport& log_;
};

// One side: embedded engines in a folder of their own.
struct Engines {
  explicit Engines(Clock& clock) {
    sqlite::LogOptions options;
    options.upkeep_interval = Duration(0);
    log = sqlite::SqliteLog::open(dir.path(), options, clock).value();
    store = sqlite::SqliteStore::open(dir.path(), {}, clock).value();
    import.emplace(*log);
  }
  Side side() { return {*log, *log, *import, *store}; }

  std::vector<std::int64_t> append(const std::string& topic, std::vector<Record> records) {
    for (Record& record : records) record.topic = topic;
    std::promise<Result<std::vector<Position>>> done;
    log->append(std::move(records), [&](auto positions) { done.set_value(std::move(positions)); });
    std::vector<std::int64_t> offsets;
    const auto positions = done.get_future().get().value();
    for (const auto& position : positions) offsets.push_back(position.offset);
    return offsets;
  }
  std::vector<StoredRecord> records(const std::string& topic) {
    return log->read({topic, 0}, 0, {}).value().records;
  }
  std::vector<std::string> values(const std::string& topic) {
    std::vector<std::string> all;
    const auto there = records(topic);
    for (const auto& record : there) all.push_back(record.value.value_or("(none)"));
    return all;
  }
  std::int64_t committed(const std::string& group) {
    const auto groups = log->groups().value();
    for (const auto& info : groups) {
      if (info.name == group) return info.committed.begin()->second;
    }
    return -1;
  }

  test::TempDir dir;
  std::unique_ptr<sqlite::SqliteLog> log;
  std::unique_ptr<sqlite::SqliteStore> store;
  std::optional<Tampering> import;
};

Record event(const std::string& value, Headers headers = {{"ce_id", "e"}, {"ce_sequence", "1"}}) {
  return {"", "acme/u", value, std::move(headers)};
}

class Migration : public testing::Test {
 protected:
  Migration() {
    for (const auto& topic : {kActivity, kLetters}) {
      EXPECT_TRUE(from_.log->ensure_topic({topic, TopicKind::activity, 1, {}, {}}));
    }
    EXPECT_TRUE(from_.log->ensure_topic({kUsers, TopicKind::entity, 1, {}, {}}));
  }
  // Records of kActivity from before, which are gone: offsets begin at 3.
  void let_some_expire() {
    from_.append(kActivity, {event("x"), event("y"), event("z")});
    clock_.advance(2 * kHour);
    EXPECT_TRUE(from_.log->ensure_topic({kActivity, TopicKind::activity, 1, kHour, {}}));
    EXPECT_TRUE(from_.log->upkeep());
    EXPECT_EQ(from_.log->watermarks({kActivity, 0}).value().start, 3);
    EXPECT_TRUE(from_.log->ensure_topic({kActivity, TopicKind::activity, 1, {}, {}}));
  }
  Result<Json> run(cipher::TenantCipher* cipher = nullptr) {
    Side from = from_.side();
    from.cipher = cipher;
    return migrate(from, to_.side(),
                   {{{"from", "a"}, {"to", "b"}},
                    [](const std::string& name, TopicKind kind) {
                      return TopicSpec{name, kind, 1, 24 * kHour, {}};
                    },
                    [](const std::string&, std::int64_t, std::int64_t) {},
                    clock_});
  }
  void expect_equal(const Result<Json>& report) {
    ASSERT_TRUE(report) << report.error().to_string();
    EXPECT_EQ((*report)["state"], "equal") << dump(*report);
    EXPECT_FALSE(is_unfinished(to_.store->tasks()).value());
  }
  void expect_refused(const Result<Json>& report, const char* why) {
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().kind, ErrorKind::conflict);
    EXPECT_THAT(report.error().message, HasSubstr(why));
  }
  static std::int64_t expired(const Json& report, const std::string& topic) {
    for (const Json& row : report["topics"]) {
      if (row["name"] == topic) return row["expired"].get<std::int64_t>();
    }
    return -1;
  }
  void create_user(Engines& engines) {
    std::promise<Result<ChangedUser>> done;
    engines.store->users().create(kAcme, {"ann@acme.dev", "Ann"}, {},
                                  [&](auto user) { done.set_value(std::move(user)); });
    ASSERT_TRUE(done.get_future().get());
  }

  ManualClock clock_;
  Engines from_{clock_}, to_{clock_};
};

TEST_F(Migration, RecordsComeWithTheirTimesUnderNewOffsetsAndGroupsGoOnWhereTheyWere) {
  let_some_expire();
  from_.append(kActivity, {event("one")});
  clock_.advance(Duration(5));
  from_.append(kActivity, {event("two"), event("three")});
  ASSERT_TRUE(from_.log->ensure_group("analytics", {kActivity}));
  ASSERT_TRUE(from_.log->seek_group("analytics", {{{kActivity, 0}, 4}}));
  ASSERT_TRUE(from_.log->ensure_group("user-index-1", {kUsers}));
  expect_equal(run());

  EXPECT_THAT(to_.values(kActivity), ElementsAre("one", "two", "three"));
  const auto before = from_.records(kActivity), after = to_.records(kActivity);
  for (std::size_t i = 0; i < after.size(); ++i) {
    EXPECT_EQ(after[i].position.offset, static_cast<std::int64_t>(i));
    EXPECT_EQ(after[i].time, before[i].time);
    EXPECT_EQ(after[i].headers, before[i].headers);
  }
  EXPECT_EQ(to_.committed("analytics"), 1);
  EXPECT_EQ(to_.committed("user-index-1"), -1) << "the index is built anew";
  const auto topics = to_.log->topics().value();
  for (const auto& info : topics) {
    if (info.spec.name == kActivity) {
      EXPECT_EQ(info.spec.max_age, 24 * kHour);
    }
  }
}

TEST_F(Migration, RowsComeAndWhatNamesOffsetsNamesTheNewOnes) {
  let_some_expire();
  from_.append(kActivity, {event("one"), event("two")});
  create_user(from_);
  ParkedEvent parked, gone;
  parked.record = from_.records(kActivity).at(1);
  gone.record = parked.record;
  gone.record.position.offset = 1;
  const ParkedEvent both[] = {gone, parked};
  ASSERT_TRUE(from_.store->retries().park({"analytics", "p"}, both));
  ASSERT_TRUE(from_.store->analytics().record({}, {{{kActivity, 0}, 5}}));
  expect_equal(run());

  EXPECT_EQ(to_.store->users().get(kAcme, 1).value().email, "ann@acme.dev");
  EXPECT_EQ(to_.store->outbox().open({})->next(10).value().size(), 1u);
  const auto there = to_.store->retries().take({"analytics", "q"}, {{kActivity, 0}}).value();
  ASSERT_EQ(there.size(), 2u);
  EXPECT_LT(there[0].record.position.offset, 0) << "its record is gone";
  EXPECT_EQ(there[1].record.position.offset, 1);
  const auto& offsets = stored_table(stored::kOffsets);
  const auto rows = to_.store->transfer().read(offsets, offsets.before_first, 10).value();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(integer(rows[0][3]), 2);
}

TEST_F(Migration, ALetterStaysSettledAndNoOtherBecomesSo) {
  let_some_expire();
  from_.append(kActivity, {event("one"), event("two")});
  const auto sources = from_.records(kActivity);
  const pipeline::Death death{"analytics", "acme", 3, "invalid", "it is broken", clock_.now()};
  // The first one expires and leaves its marker; the second is settled, the third is not.
  for (const auto& source : {sources[0], sources[0], sources[1]}) {
    from_.append(kLetters, {pipeline::dead_letter_record(source, death)});
  }
  const auto letters = from_.records(kLetters);
  from_.append(kLetters, {pipeline::marker_of(letters[0], 1), pipeline::marker_of(letters[1], 1)});
  clock_.advance(2 * kHour);
  ASSERT_TRUE(from_.log->ensure_topic({kLetters, TopicKind::activity, 1, kHour, {}}));
  ASSERT_TRUE(from_.log->upkeep());
  // Both settled ones are gone, since they are the oldest.
  ASSERT_EQ(from_.log->watermarks({kLetters, 0}).value().start, 2);
  expect_equal(run());

  const auto there = to_.records(kLetters);
  ASSERT_EQ(there.size(), 3u);
  EXPECT_EQ(pipeline::source_of(there[0]).position, (Position{kActivity, 0, 1}));
  pipeline::Markers markers(*to_.log, {kLetters, 0}, 0);
  ASSERT_TRUE(markers.advance());
  EXPECT_FALSE(markers.is_settled(there[0].position));
}

TEST_F(Migration, AMarkerNamesItsLetter) {
  from_.append(kLetters, {event("x"), event("y"), event("z")});
  const auto letters = from_.records(kLetters);
  from_.append(kLetters, {pipeline::marker_of(letters[1], 1)});
  expect_equal(run());
  pipeline::Markers markers(*to_.log, {kLetters, 0}, 0);
  ASSERT_TRUE(markers.advance());
  const auto there = to_.records(kLetters);
  EXPECT_FALSE(markers.is_settled(there[0].position));
  EXPECT_TRUE(markers.is_settled(there[1].position));
  EXPECT_FALSE(markers.is_settled(there[2].position));
}

TEST_F(Migration, AnEventThatItsPositionNamedKeepsItsId) {
  let_some_expire();
  from_.append(kActivity, {event(R"({"tenantId":"acme","user_id":"u","event_type":"e"})", {})});
  from_.append(kUsers, {event(R"({"id":1,"email":"a@b.dev","name":"A","tenantId":"acme"})", {})});
  from_.append(kUsers, {event(R"({"id":1,"email":"a@b.dev","name":"B","tenantId":"acme"})", {})});
  expect_equal(run());
  for (const auto& topic : {kActivity, kUsers}) {
    const auto before = from_.records(topic), after = to_.records(topic);
    ASSERT_EQ(before.size(), after.size());
    for (std::size_t i = 0; i < before.size(); ++i) {
      const Event was = from_record(before[i]).value(), is = from_record(after[i]).value();
      EXPECT_EQ(is.id, was.id);
      EXPECT_EQ(is.type, was.type);
      EXPECT_EQ(is.sequence, was.sequence);
      EXPECT_EQ(is.time, was.time);
      EXPECT_EQ(is.tenant, was.tenant);
      EXPECT_EQ(after[i].value, before[i].value);
    }
  }
}

TEST_F(Migration, AParkedEventThatItsPositionNamedKeepsItsId) {
  let_some_expire();
  from_.append(kActivity, {event(R"({"tenantId":"acme","user_id":"u","event_type":"e"})", {})});
  ParkedEvent parked;
  parked.record = from_.records(kActivity).at(0);
  ASSERT_TRUE(from_.store->retries().park({"analytics", "p"}, std::span(&parked, 1)));
  expect_equal(run());
  const auto there = to_.store->retries().take({"analytics", "q"}, {{kActivity, 0}}).value();
  ASSERT_EQ(there.size(), 1u);
  EXPECT_NE(there[0].record.position, parked.record.position);
  EXPECT_EQ(from_record(there[0].record).value().id, from_record(parked.record).value().id);
}

// Of the encrypted ones none was read, and each had another id in the new log.
TEST_F(Migration, AnEncryptedEventThatItsPositionNamedKeepsItsId) {
  let_some_expire();
  cipher::TenantCipher old_cipher{from_.store->keys(), {std::string(32, 'm')}, clock_};
  auto hidden = event(R"({"tenantId":"acme","user_id":"u","event_type":"e"})", {});
  hidden.topic = kActivity;
  cipher::encrypt(hidden, *old_cipher.key_of(kAcme).value());
  from_.append(kActivity, {hidden});
  expect_refused(run(), "name tenants.master_key_file");
  expect_equal(run(&old_cipher));

  auto before = from_.records(kActivity).at(0), after = to_.records(kActivity).at(0);
  EXPECT_EQ(after.value, before.value) << "encrypted as it was";
  cipher::TenantCipher new_cipher{to_.store->keys(), {std::string(32, 'm'), {}}, clock_};
  ASSERT_TRUE(old_cipher.decrypt(before).value());
  ASSERT_TRUE(new_cipher.decrypt(after).value());
  EXPECT_NE(after.position, before.position);
  EXPECT_EQ(from_record(after).value().id, from_record(before).value().id);
}

TEST_F(Migration, WhatNobodyCanDecryptAnyMoreMovesAsItIs) {
  cipher::TenantCipher cipher{from_.store->keys(), {std::string(32, 'm')}, clock_};
  auto hidden = event("x", {}), forged = event("y", {{std::string(cipher::kKeyHeader), ""}});
  hidden.topic = forged.topic = kActivity;
  cipher::encrypt(hidden, *cipher.key_of(kAcme).value());
  ASSERT_EQ(from_.store->keys().drop(kAcme).value(), 1);
  cipher.forget(kAcme);
  forged.headers.back().second = cipher.key_of(kAcme).value()->id;
  from_.append(kActivity, {hidden, forged});
  expect_equal(run(&cipher));
  EXPECT_EQ(to_.records(kActivity).at(0).headers, hidden.headers);
  EXPECT_EQ(to_.records(kActivity).at(1).headers, forged.headers);
}

TEST_F(Migration, WhatWentBackFromALetterIsTakenForNoOthers) {
  from_.append(
      kUsers,
      {event("x", {{"ce_id", "e"}, {std::string(pipeline::kRedrivenFrom), kLetters + "/0@1"}})});
  expect_equal(run());
  const auto there = to_.records(kUsers).at(0);
  EXPECT_FALSE(pipeline::came_from(there.headers, {kLetters, 0, 1}));
  EXPECT_THAT(std::string(find_header(there.headers, pipeline::kRedrivenFrom)),
              HasSubstr(kLetters + "/0@1"));
}

// Cut off at each of its steps, it is taken up and comes to the same end.
TEST_F(Migration, WhatWasCutOffGoesOnAndNothingIsThereTwice) {
  from_.append(kActivity, {event("one"), event("two"), event("three")});
  from_.append(kUsers, {event("u1"), event("u2")});
  from_.append(kLetters, {event("l1")});
  create_user(from_);
  int failures = 0;
  for (int step = 0;; ++step) {
    int call = 0;
    const auto fail_at = [&](int at) {
      return call++ == at ? Status(fail(ErrorKind::unavailable, "cut off")) : Status();
    };
    // By turns before it is written, and when it is, but nobody has heard of it.
    to_.import->before = [&](auto&) { return step % 2 == 0 ? fail_at(step / 2) : Status(); };
    to_.import->after = [&] { return step % 2 == 1 ? fail_at(step / 2) : Status(); };
    const auto report = run();
    if (report) {
      expect_equal(report);
      break;
    }
    EXPECT_EQ(report.error().kind, ErrorKind::unavailable) << report.error().to_string();
    EXPECT_TRUE(is_unfinished(to_.store->tasks()).value());
    ++failures;
  }
  EXPECT_GE(failures, 3);
  EXPECT_THAT(to_.values(kActivity), ElementsAre("one", "two", "three"));
  EXPECT_THAT(to_.values(kUsers), ElementsAre("u1", "u2"));
  EXPECT_THAT(to_.values(kLetters), ElementsAre("l1"));
  EXPECT_EQ(to_.store->outbox().open({})->next(10).value().size(), 1u);
}

TEST_F(Migration, OldEnginesThatWereUsedSinceItWasCutOffAreRefused) {
  from_.append(kActivity, {event("one"), event("two"), event("three")});
  ASSERT_TRUE(from_.log->ensure_group("analytics", {kActivity}));
  ASSERT_TRUE(from_.log->seek_group("analytics", {{{kActivity, 0}, 3}}));
  bool grown = false;
  to_.import->after = [&] {
    if (!std::exchange(grown, true)) from_.append(kActivity, {event("later")});
    return Status();
  };
  ASSERT_FALSE(run()) << "all was copied, and is known to be";
  // Where in the copy is 1? Nobody has noted it.
  ASSERT_TRUE(from_.log->seek_group("analytics", {{{kActivity, 0}, 1}}));
  expect_refused(run(), "were used since the migration was cut off");
}

TEST_F(Migration, AnOldLogThatGrowsMeanwhileIsRefused) {
  from_.append(kActivity, {event("one")});
  from_.append(kUsers, {event("u1")});
  to_.import->after = [&] {
    from_.append(kActivity, {event("later")});
    return Status();
  };
  expect_refused(run(), "somebody writes to analytics.events/0 of the old log");
}

TEST_F(Migration, ATimeOfTheFutureIsTakenForNow) {
  const auto future = clock_.now() + 1'000 * kHour;
  ASSERT_TRUE(from_.log->import({{{kActivity, 0, 0}, future, "acme/u", "x", {}}}));
  expect_equal(run());
  EXPECT_EQ(to_.records(kActivity).at(0).time, clock_.now());
}

TEST_F(Migration, WhatDiffersIsToldAndHasNotEnded) {
  from_.append(kActivity, {event("one"), event("two")});
  to_.import->before = [](std::vector<StoredRecord>& records) {
    for (auto& record : records) record.value = "another";
    return Status();
  };
  const auto report = run();
  ASSERT_TRUE(report) << report.error().to_string();
  EXPECT_EQ((*report)["state"], "differs");
  EXPECT_THAT(dump((*report)["topics"]), HasSubstr("differs: acme"));
  EXPECT_TRUE(is_unfinished(to_.store->tasks()).value());
}

TEST_F(Migration, ATimeThatFallsIsTakenForTheOneBefore) {
  ASSERT_TRUE(from_.log->import({{{kActivity, 0, 0}, clock_.now(), "acme/u", "late", {}}}));
  // The engines here do not let times fall, brokers with producers' times do.
  from_.append(kActivity, {event("early")});
  expect_equal(run());
}

TEST_F(Migration, EnginesInUseAreRefused) {
  Member member;
  member.id = "one";
  ASSERT_TRUE(from_.store->members().heartbeat(member, kHour));
  expect_refused(run(), "meshd runs on the engines to be left (1");
  ASSERT_TRUE(from_.store->members().leave("one"));
  ASSERT_TRUE(to_.store->members().heartbeat(member, kHour));
  expect_refused(run(), "meshd runs on the engines to be filled");
  ASSERT_TRUE(to_.store->members().leave("one"));
  expect_equal(run());
}

TEST_F(Migration, TasksThatHaveNotEndedAreRefused) {
  Task task;
  task.id = "t1";
  task.kind = "replay";
  task.spec = task.checkpoint = task.result = Json::object();
  ASSERT_TRUE(from_.store->tasks().insert(task));
  expect_refused(run(), "task t1 (replay)");
  EXPECT_FALSE(is_unfinished(to_.store->tasks()).value()) << "nothing was begun";
  ASSERT_TRUE(from_.store->tasks().request_cancel("t1"));
  expect_equal(run());
  EXPECT_EQ(to_.store->tasks().get("t1").value().state, Task::State::cancelled);
}

TEST_F(Migration, EnginesThatHoldSomethingAreRefused) {
  create_user(to_);
  expect_refused(run(), "have rows in tenants already");
}

TEST_F(Migration, ALogThatHoldsSomethingIsRefused) {
  ASSERT_TRUE(to_.log->ensure_topic({kActivity, TopicKind::activity, 1, {}, {}}));
  to_.append(kActivity, {event("there")});
  expect_refused(run(), "has records in analytics.events already");
  EXPECT_FALSE(is_unfinished(to_.store->tasks()).value());
}

TEST_F(Migration, ATopicThatTheNewLogCannotHaveIsToldBeforeAnythingHasBegun) {
  from_.append(kActivity, {event("one")});
  to_.import->at_begin = [] { return Status(fail(ErrorKind::conflict, "no such names")); };
  expect_refused(run(), "no such names");
  EXPECT_FALSE(is_unfinished(to_.store->tasks()).value());
  to_.import->at_begin = [] { return Status(); };
  expect_equal(run());
}

TEST_F(Migration, AnotherOneThatHasNotEndedIsRefused) {
  from_.append(kActivity, {event("one")});
  to_.import->before = [](auto&) { return Status(fail(ErrorKind::unavailable, "cut off")); };
  ASSERT_FALSE(run());
  const auto other = migrate(from_.side(), to_.side(),
                             {{{"from", "c"}, {"to", "b"}},
                              [](const std::string& name, TopicKind kind) {
                                return TopicSpec{name, kind};
                              },
                              [](const std::string&, std::int64_t, std::int64_t) {},
                              clock_});
  expect_refused(other, "it is another one");
  // Nor can what is half filled be left.
  const auto back = migrate(to_.side(), from_.side(), {{}, {}, {}, clock_});
  expect_refused(back, "to the engines to be left has not ended");
}

// A broker's retention goes on while the migration is cut off.
TEST_F(Migration, WhatExpiresInTheOldLogWhileItIsCutOffIsKeptAndTold) {
  from_.append(kActivity, {event("one"), event("two")});
  clock_.advance(2 * kHour);
  from_.append(kActivity, {event("three"), event("four")});
  // All of them are written, and nobody has heard of it.
  to_.import->after = [] { return Status(fail(ErrorKind::unavailable, "cut off")); };
  ASSERT_FALSE(run());
  to_.import->after = [] { return Status(); };
  ASSERT_TRUE(from_.log->ensure_topic({kActivity, TopicKind::activity, 1, kHour, {}}));
  ASSERT_TRUE(from_.log->upkeep());
  ASSERT_EQ(from_.log->watermarks({kActivity, 0}).value().start, 2);
  const auto report = run();
  expect_equal(report);
  EXPECT_THAT(to_.values(kActivity), ElementsAre("one", "two", "three", "four"));
  EXPECT_EQ(expired(*report, kActivity), 2);
  EXPECT_EQ(expired(*report, kUsers), 0);
}

TEST_F(Migration, AllThatWasCopiedMayExpireWhileItIsCutOff) {
  from_.append(kActivity, {event("one"), event("two")});
  to_.import->after = [] { return Status(fail(ErrorKind::unavailable, "cut off")); };
  ASSERT_FALSE(run());
  to_.import->after = [] { return Status(); };
  clock_.advance(2 * kHour);
  ASSERT_TRUE(from_.log->ensure_topic({kActivity, TopicKind::activity, 1, kHour, {}}));
  ASSERT_TRUE(from_.log->upkeep());
  ASSERT_EQ(from_.log->watermarks({kActivity, 0}).value().start, 2);
  const auto report = run();
  expect_equal(report);
  EXPECT_EQ(expired(*report, kActivity), 2);
  EXPECT_THAT(to_.values(kActivity), ElementsAre("one", "two"));
}

TEST_F(Migration, WhatAnotherWroteThereIsNotTakenForExpired) {
  from_.append(kActivity, {event("one")});
  to_.import->after = [] { return Status(fail(ErrorKind::unavailable, "cut off")); };
  ASSERT_FALSE(run());
  to_.import->after = [] { return Status(); };
  to_.append(kActivity, {event("foreign")});
  expect_refused(run(), "somebody else writes there");
}

TEST_F(Migration, AnEndedOneIsNoTaskOfTheNewSide) {
  expect_equal(run());
  Engines third{clock_};
  const auto again = migrate(to_.side(), third.side(),
                             {{{"from", "b"}, {"to", "c"}},
                              [](const std::string& name, TopicKind kind) {
                                return TopicSpec{name, kind};
                              },
                              [](const std::string&, std::int64_t, std::int64_t) {},
                              clock_});
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ((*again)["state"], "equal");
  EXPECT_EQ(third.store->tasks().list(10).value().size(), 1u);
}

}  // namespace
}  // namespace mesh::migration
