// Changes of users in groups: what one of them cannot do to the others.
#include "common/engines/postgres/session.h"
#include "tests/common/engines/postgres/store_fixture.h"
#include "tests/support/outbox.h"

namespace mesh::postgres {
namespace {

using test::create;
using test::fails_with;
using test::kAcme;
using test::kGlobex;
using test::succeeds;
using testing::ElementsAre;
using testing::SizeIs;

using Answer = std::optional<Result<ChangedUser>>;

struct PostgresGroup : PostgresTest {
  void SetUp() override {
    PostgresTest::SetUp();
    if (IsSkipped()) return;
    StoreOptions counting = options();
    counting.lock_patience = counting.statement_timeout;  // what is held up here is one group
    counting.on_commit = [this](double, int jobs) {
      std::lock_guard lock(mutex);
      groups.push_back(jobs);
    };
    store = open(counting);
    ASSERT_TRUE(create(store->users(), kAcme, "first@x.dev"));
    ASSERT_TRUE(create(store->users(), kGlobex, "first@x.dev"));
  }
  void TearDown() override {
    store.reset();
    PostgresTest::TearDown();
  }

  UserStore& users() { return store->users(); }
  UserDone keep(Answer& answer) {
    return [this, &answer](Result<ChangedUser> user) {
      std::lock_guard lock(mutex);
      answer = std::move(user);
      changed.notify_all();
    };
  }
  // Nobody commits until let_go(): what is submitted meanwhile is one group, behind one of a single
  // change.
  void hold_up() {
    ask("BEGIN; SELECT 1 FROM tenants WHERE id='acme' FOR UPDATE");
    users().update(kAcme, 1, {{}, "Waits"}, {}, keep(first_));
    // It is on its way once it waits for the row.
    EXPECT_TRUE(test::eventually(
        [&] { return server().ask("SELECT count(*) FROM pg_locks WHERE NOT granted") != "0"; }));
  }
  void let_go() {
    server().ask("COMMIT");
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return first_.has_value(); });
  }
  void wait_for(std::initializer_list<Answer*> answers) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] {
      return std::ranges::all_of(answers, [](Answer* one) { return one->has_value(); });
    });
  }
  // A trigger that fails inserts of users with this code, the first so many times.
  void trip(const std::string& code, int times) {
    ask("CREATE SEQUENCE trips; CREATE FUNCTION trip() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF nextval('" +
        schema() + ".trips') <= " + std::to_string(times) +
        " THEN RAISE EXCEPTION USING ERRCODE='" + code +
        "'; END IF; RETURN NEW; END $$;"
        " GRANT USAGE ON SEQUENCE trips TO mesh;"
        " CREATE TRIGGER trips BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION trip()");
  }
  int last_group() {
    std::lock_guard lock(mutex);
    return groups.empty() ? 0 : groups.back();
  }

  std::unique_ptr<PostgresStores> store;
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<int> groups;

 private:
  Answer first_;
};

TEST_F(PostgresGroup, AConflictFailsAlone) {
  Answer a, b, taken, c, gone;
  hold_up();
  users().create(kAcme, {"a@x.dev", "A"}, {}, keep(a));
  users().create(kAcme, {"FIRST@x.dev", "Other"}, {}, keep(taken));
  users().update(kAcme, 77, {{}, "Nobody"}, {}, keep(gone));
  users().create(kGlobex, {"a@x.dev", "B"}, {}, keep(b));
  users().create(kAcme, {"c@x.dev", "C"}, {}, keep(c));
  let_go();
  wait_for({&a, &b, &taken, &c, &gone});
  EXPECT_TRUE(test::eventually([&] { return last_group() == 5; })) << "they are one group";
  EXPECT_TRUE(fails_with(*taken, ErrorKind::conflict));
  EXPECT_TRUE(fails_with(*gone, ErrorKind::not_found));
  for (const auto* made : {&a, &b, &c}) ASSERT_TRUE(succeeds(**made));
  EXPECT_EQ((*a)->id, 2);
  EXPECT_EQ((*c)->id, 3) << "a failed create uses up no id";
  EXPECT_THAT(test::waiting(store->outbox()).value(), SizeIs(6));
}

TEST_F(PostgresGroup, ChangesOfOneGroupSeeEachOther) {
  ASSERT_TRUE(create(users(), kAcme, "second@x.dev"));
  Answer freed, takes, twice, renamed, removed, again;
  hold_up();
  users().update(kAcme, 1, {"new@x.dev", {}}, {}, keep(freed));
  users().update(kAcme, 2, {"first@x.dev", {}}, {}, keep(takes));
  users().create(kAcme, {"second@x.dev", "Third"}, {}, keep(again));
  users().create(kAcme, {"second@x.dev", "Fourth"}, {}, keep(twice));
  users().update(kAcme, 3, {{}, "Renamed"}, {}, keep(renamed));
  users().remove(kAcme, 1, {}, keep(removed));
  let_go();
  wait_for({&freed, &takes, &again, &twice, &renamed, &removed});
  EXPECT_TRUE(succeeds(*freed));
  EXPECT_TRUE(succeeds(*takes)) << "of an address that was given up just before";
  EXPECT_TRUE(succeeds(*again));
  EXPECT_TRUE(fails_with(*twice, ErrorKind::conflict));
  EXPECT_TRUE(succeeds(*renamed));
  EXPECT_TRUE(succeeds(*removed));
  EXPECT_THAT(emails(*store, kAcme), ElementsAre("first@x.dev", "second@x.dev"));
  EXPECT_EQ(users().get(kAcme, 3)->name, "Renamed");
  std::vector<std::string> sequences;
  const auto entries = test::waiting(store->outbox()).value();
  for (const auto& entry : entries) {
    if (entry.record.key != "acme/1") continue;
    sequences.emplace_back(find_header(entry.record.headers, "ce_sequence"));
  }
  EXPECT_THAT(sequences, ElementsAre("1", "2", "3", "4"));
}

TEST_F(PostgresGroup, TwoThatExchangeTheirAddressesThroughAThirdDoSo) {
  ASSERT_TRUE(create(users(), kAcme, "second@x.dev"));
  Answer aside, over, back;
  hold_up();
  users().update(kAcme, 1, {"aside@x.dev", {}}, {}, keep(aside));
  users().update(kAcme, 2, {"first@x.dev", {}}, {}, keep(over));
  users().update(kAcme, 1, {"second@x.dev", {}}, {}, keep(back));
  let_go();
  wait_for({&aside, &over, &back});
  for (const auto* one : {&aside, &over, &back}) EXPECT_TRUE(succeeds(**one));
  EXPECT_THAT(emails(*store, kAcme), ElementsAre("second@x.dev", "first@x.dev"));
}

TEST_F(PostgresGroup, WhatTheServerRefusesFailsAlone) {
  Answer before, refused, after;
  hold_up();
  users().create(kAcme, {"before@x.dev", "B"}, {}, keep(before));
  users().create(kAcme, {"nul@x.dev", std::string("N\0L", 3)}, {}, keep(refused));
  users().create(kAcme, {"after@x.dev", "A"}, {}, keep(after));
  let_go();
  wait_for({&before, &refused, &after});
  EXPECT_TRUE(succeeds(*before));
  EXPECT_TRUE(fails_with(*refused, ErrorKind::invalid));
  EXPECT_TRUE(succeeds(*after));
  EXPECT_THAT(emails(*store, kAcme), ElementsAre("first@x.dev", "before@x.dev", "after@x.dev"));
}

TEST_F(PostgresGroup, ADeadlockOrACollisionIsTriedAgain) {
  for (const char* code : {"40P01", "40001"}) {
    trip(code, 3);
    EXPECT_TRUE(succeeds(create(users(), kAcme, std::string(code) + "@x.dev"))) << code;
    EXPECT_EQ(ask("SELECT last_value FROM trips"), "4");
    ask("DROP TRIGGER trips ON users; DROP FUNCTION trip; DROP SEQUENCE trips");
  }
  EXPECT_THAT(test::waiting(store->outbox()).value(), SizeIs(4)) << "each has one event";
}

TEST_F(PostgresGroup, OneThatCollidesAllTheTimeIsUnavailable) {
  trip("40P01", 1'000);
  EXPECT_TRUE(fails_with(create(users(), kAcme, "a@x.dev"), ErrorKind::unavailable));
  EXPECT_EQ(store->outbox().size(), 2);
}

// Somebody else locks the same tenants in another order.
TEST_F(PostgresGroup, ARealDeadlockIsSurvived) {
  const auto crosswise = Session::open(options()).value();
  server().ask("GRANT SET ON PARAMETER deadlock_timeout TO mesh");
  // So that it is the group that is told, where the machine is quick enough.
  ASSERT_TRUE(crosswise->run(query("SET deadlock_timeout='5s'")));
  Answer a, b;
  hold_up();
  users().create(kAcme, {"a@x.dev", "A"}, {}, keep(a));
  users().create(kGlobex, {"a@x.dev", "A"}, {}, keep(b));
  const char* const lock = "SELECT 1 FROM tenants WHERE id=$1 FOR UPDATE";
  ASSERT_TRUE(crosswise->begin({query(lock, kGlobex)}));
  let_go();
  EXPECT_TRUE(test::eventually(
      [&] { return server().ask("SELECT count(*) FROM pg_locks WHERE NOT granted") != "0"; }));
  const auto locked = crosswise->run(query(lock, kAcme));
  EXPECT_TRUE(locked || crosswise->collided()) << locked.error().to_string();
  crosswise->roll_back();
  wait_for({&a, &b});
  EXPECT_TRUE(succeeds(*a));
  EXPECT_TRUE(succeeds(*b));
}

TEST_F(PostgresGroup, BeyondTheBoundChangesAreRefusedAtOnceAndOthersAreNot) {
  StoreOptions small = options();
  small.max_pending_bytes = 64 << 10;
  const auto bounded = open(small);
  ask("BEGIN; SELECT 1 FROM tenants WHERE id='acme' FOR UPDATE");
  std::atomic<int> made{0}, refused{0}, others{0};
  const auto count = [&](const Result<ChangedUser>& user) {
    ++(user ? made : user.error().kind == ErrorKind::unavailable ? refused : others);
  };
  constexpr int kChanges = 1'000;
  for (int i = 0; i < kChanges; ++i) {
    bounded->users().create(kAcme, {std::to_string(i) + "@y.dev", "U"}, {}, count);
  }
  EXPECT_GT(refused, 0) << "while nothing is committed";
  EXPECT_EQ(made, 0);
  server().ask("COMMIT");
  EXPECT_TRUE(test::eventually([&] { return made + refused + others == kChanges; }));
  EXPECT_GT(made, 10);
  EXPECT_EQ(others, 0);
}

}  // namespace
}  // namespace mesh::postgres
