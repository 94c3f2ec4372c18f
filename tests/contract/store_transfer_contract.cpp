#include "tests/contract/store_transfer_contract.h"

#include <gmock/gmock.h>

#include "common/base/ids.h"

namespace mesh::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const Parker kParker{"search", "one"};

AnalyticsEvent event(std::string id, std::string user, std::string type) {
  return {std::move(id),
          "/shop",
          kAcme,
          std::move(user),
          std::move(type),
          "2026-01-02T03:04:05.6789+02:00",
          raw_json(R"({"price":1.50})"),
          Timestamp(Duration(1'767'225'600'123)),
          Timestamp(Duration(1'767'225'600'100))};
}

ChemicalEvent experiment(std::string id) {
  const Timestamp time{Duration(1'767'225'600'000)};
  return {std::move(id),
          "/lab",
          kGlobex,
          "H2O",
          "curie",
          "2026-01-02T03:04:05Z",
          raw_json(R"({"formula":"H2O"})"),
          Json{{"mass", 18.015}},
          time,
          time};
}

ParkedEvent parked_event(std::int64_t offset) {
  const Timestamp taken{Duration(1'767'225'600'123)};
  return {{{"user.events", 3, offset},
           taken,
           "acme/1",
           std::string("a\0b", 3),
           {{"ce_id", "e1"}, {"x-own", std::string("\xff\0", 2)}}},
          2,
          taken + Duration{500},
          "unavailable",
          "connection refused"};
}

Tenant named(const TenantId& id) { return {.id = id}; }

}  // namespace

Result<std::vector<StoredRow>> StoreTransferContract::rows(StoreHarness& store,
                                                           std::string_view name, int page) {
  const StoredTable& table = stored_table(name);
  std::vector<StoredRow> all;
  StoredRow after = table.before_first;
  for (;;) {
    auto read = MESH_TRY(store.stores().transfer().read(table, after, page));
    if (read.empty()) return all;
    after = read.back();
    for (auto& row : read) all.push_back(std::move(row));
  }
}

Status StoreTransferContract::copy(StoreHarness& from, StoreHarness& to) {
  for (const StoredTable& table : stored_tables()) {
    const auto all = MESH_TRY(rows(from, table.name));
    for (int i = 0; i < 2; ++i) MESH_TRY(to.stores().transfer().write(table, all));
  }
  to.reopen();
  return {};
}

TEST_P(StoreTransferContract, AnEmptyStoreHasNoRows) {
  for (const StoredTable& table : stored_tables()) {
    EXPECT_THAT(rows(*store_, table.name).value(), IsEmpty()) << table.name;
  }
}

TEST_P(StoreTransferContract, UsageIsNotCountedAgainBehindTheMove) {
  ASSERT_TRUE(succeeds(create(store_->users(), kAcme, "ann@acme.dev", "Ann")));
  const Timestamp start{Duration(1'767'225'600'000)};
  UsageIncrement increment{"id \xff", kAcme, start, start, 60, "mesh-0", {}};
  increment.amounts[UsageKind::events] = 5;
  const std::span once(&increment, 1);
  ASSERT_TRUE(succeeds(store_->stores().usage().record(once, {}, start)));
  EXPECT_THAT(rows(*store_, stored::kUsage, 1).value(), SizeIs(3));
  ASSERT_TRUE(succeeds(copy(*store_, *other_)));

  auto& usage = other_->stores().usage();
  EXPECT_EQ(usage.used(kAcme, start).value(), increment.amounts);
  ASSERT_TRUE(succeeds(usage.record(once, {}, start)));
  EXPECT_EQ(usage.used(kAcme, start).value(), increment.amounts);
}

TEST_P(StoreTransferContract, UsersKeepTheirIdsAndVersionsAndIdsAreNotGivenOutAgain) {
  ASSERT_TRUE(succeeds(create(store_->users(), kAcme, "Ann@acme.dev", "Ann")));
  ASSERT_TRUE(succeeds(create(store_->users(), kAcme, "bob@acme.dev", "Bob")));
  ASSERT_TRUE(succeeds(create(store_->users(), kAcme, "cleo@acme.dev", "Cleo")));
  ASSERT_TRUE(succeeds(create(store_->users(), kGlobex, "ann@acme.dev", "Another")));
  ASSERT_TRUE(succeeds(update(store_->users(), kAcme, 1, {.email = {}, .name = "Anna"})));
  ASSERT_TRUE(succeeds(remove(store_->users(), kAcme, 3)));
  EXPECT_THAT(rows(*store_, stored::kUsers, 1).value(), SizeIs(3));
  ASSERT_TRUE(succeeds(copy(*store_, *other_)));

  const User ann = other_->users().get(kAcme, 1).value();
  EXPECT_EQ(ann.email, "Ann@acme.dev");
  EXPECT_EQ(ann.name, "Anna");
  EXPECT_EQ(ann.version, 2);
  EXPECT_EQ(other_->users().get(kGlobex, 1).value().name, "Another");
  EXPECT_TRUE(fails_with(create(other_->users(), kAcme, "ANN@acme.dev"), ErrorKind::conflict));
  EXPECT_EQ(create(other_->users(), kAcme, "dan@acme.dev").value().id, 4);
  EXPECT_THAT(other_->users().list(kAcme, 0, 10, {}).value(), SizeIs(3));
}

TEST_P(StoreTransferContract, TenantsKeepTheirRecordsAndTheVersionsOfThoseRemoved) {
  ASSERT_TRUE(succeeds(store_->tenants().create(named(kAcme))));
  ASSERT_TRUE(succeeds(store_->tenants().create(named(kGlobex))));
  ASSERT_TRUE(succeeds(store_->tenants().remove(kGlobex)));
  ASSERT_TRUE(succeeds(create(store_->users(), tenant("unnamed"), "a@b.dev")));
  ASSERT_TRUE(succeeds(copy(*store_, *other_)));

  const auto acme = store_->tenants().get(kAcme).value(),
             there = other_->tenants().get(kAcme).value();
  EXPECT_EQ(dump(to_json(there)), dump(to_json(acme)));
  EXPECT_TRUE(fails_with(other_->tenants().get(kGlobex), ErrorKind::not_found));
  EXPECT_TRUE(other_->tenants().known(kGlobex).value());
  EXPECT_TRUE(other_->tenants().known(tenant("unnamed")).value());
  EXPECT_EQ(other_->tenants().create(named(kGlobex)).value().version,
            store_->tenants().create(named(kGlobex)).value().version);
}

TEST_P(StoreTransferContract, KeysOfTenantsComeAlong) {
  const TenantKey acme{random_hex(16), kAcme, std::string("\0\xff", 2)},
      globex{random_hex(16), kGlobex, "g"};
  ASSERT_TRUE(succeeds(store_->stores().keys().get_or_insert(acme)));
  ASSERT_TRUE(succeeds(store_->stores().keys().get_or_insert(globex)));
  EXPECT_THAT(rows(*store_, stored::kKeys, 1).value(), SizeIs(2));
  ASSERT_TRUE(succeeds(copy(*store_, *other_)));

  const auto there = other_->stores().keys().find_by_id(acme.id).value().value();
  EXPECT_EQ(there.tenant, kAcme);
  EXPECT_EQ(there.wrapped, acme.wrapped);
  EXPECT_EQ(other_->stores().keys().find(kGlobex).value().value().id, globex.id);
}

TEST_P(StoreTransferContract, AnswersAndNotesAreThere) {
  auto& store = store_->idempotency();
  const IdempotencyKey answered{kAcme, "k\"1", "f"}, noted{kGlobex, "k2", "f"};
  const auto claim = begin(store, answered);
  const StoredAnswer answer{201, std::string("{\"\0\":1}", 7), {{"Location", "/users/1"}}};
  ASSERT_TRUE(succeeds(wait_for<bool>([&](auto done) {
    store.finish(claimed(answered, claim), answer, [done](Status status) {
      done(status ? Result<bool>(true) : fail(std::move(status.error())));
    });
  })));
  ASSERT_TRUE(succeeds(begin(store, noted, true)));
  ASSERT_TRUE(succeeds(copy(*store_, *other_)));

  const auto again = begin(other_->idempotency(), answered);
  ASSERT_TRUE(is(again, Claim::State::answered));
  EXPECT_EQ(again->answer.code, 201);
  EXPECT_EQ(again->answer.body, answer.body);
  EXPECT_EQ(again->answer.headers, answer.headers);
  EXPECT_TRUE(is(begin(other_->idempotency(), noted, true), Claim::State::interrupted));
}

TEST_P(StoreTransferContract, WhoseDataAnAnswerHoldsIsStillKnown) {
  const IdempotencyKey key{kAcme, "create", "f"};
  ASSERT_TRUE(succeeds(create(store_->users(), kAcme, "ann@acme.dev", "Ann",
                              {.claim = claimed(key, begin(store_->idempotency(), key)),
                               .answer = [](const ChangedUser& user) {
                                 return StoredAnswer{201, user.email, {}};
                               }})));
  ASSERT_TRUE(succeeds(copy(*store_, *other_)));
  EXPECT_EQ(other_->stores().tenant_data().erase({kAcme, "1"}, "store/idempotency", 10).value(), 1);
}

TEST_P(StoreTransferContract, EventsThatWaitInTheOutboxStillWait) {
  ASSERT_TRUE(succeeds(create(store_->users(), kAcme, "ann@acme.dev")));
  ASSERT_TRUE(succeeds(create(store_->users(), kAcme, "bob@acme.dev")));
  const auto before = waiting(store_->outbox()).value();
  ASSERT_TRUE(succeeds(copy(*store_, *other_)));

  const auto there = waiting(other_->outbox()).value();
  ASSERT_THAT(there, SizeIs(2));
  EXPECT_EQ(other_->outbox().size(), 2);
  for (std::size_t i = 0; i < there.size(); ++i) {
    EXPECT_EQ(there[i].sequence, before[i].sequence);
    EXPECT_EQ(there[i].record.topic, before[i].record.topic);
    EXPECT_EQ(there[i].record.key, before[i].record.key);
    EXPECT_EQ(there[i].record.value, before[i].record.value);
    EXPECT_EQ(there[i].record.headers, before[i].record.headers);
  }
  // What comes from now on is behind them.
  ASSERT_TRUE(succeeds(create(other_->users(), kAcme, "cleo@acme.dev")));
  EXPECT_GT(waiting(other_->outbox()).value().back().sequence, before.back().sequence);
}

TEST_P(StoreTransferContract, WhatProjectionsRecordedIsThereAndCountsOnce) {
  // Recorded out of their order in time.
  const std::vector<AnalyticsEvent> events{
      event("a", "u", "click"), event("b", "u", "view"),
      event("01890a5d-ac96-774b-bcce-b302099a8057", "u", "click"), event("d", "ü", "click")};
  ASSERT_TRUE(succeeds(store_->analytics().record(events, {{{"analytics.events", 1}, 7}})));
  const ChemicalEvent experiments[] = {experiment("a")};
  ASSERT_TRUE(succeeds(store_->chemical().record(experiments, {})));
  ASSERT_TRUE(succeeds(copy(*store_, *other_)));

  for (const char* user : {"u", "ü"}) {
    EXPECT_EQ(dump(to_json(other_->analytics().summary(kAcme, user).value())),
              dump(to_json(store_->analytics().summary(kAcme, user).value())));
  }
  EXPECT_EQ(dump(to_json(other_->chemical().summary(kGlobex, "curie").value())),
            dump(to_json(store_->chemical().summary(kGlobex, "curie").value())));
  ASSERT_TRUE(succeeds(other_->analytics().record(events, {})));
  EXPECT_EQ(other_->analytics().summary(kAcme, "u").value().total_events, 3);
  const StoredRow offset{std::int64_t{0}, std::string("analytics.events"), std::int64_t{1},
                         std::int64_t{7}};
  EXPECT_THAT(rows(*other_, stored::kOffsets).value(), ElementsAre(offset));
}

TEST_P(StoreTransferContract, ParkedEventsAndTasksAreThere) {
  const ParkedEvent events[] = {parked_event(17), parked_event(19)};
  ASSERT_TRUE(succeeds(store_->retries().park(kParker, events)));
  Task task = bare_task("t1");
  task.state = Task::State::failed;
  task.result = Json{{"n", 1}};
  task.error = "it broke";
  task.cancel_requested = true;
  ASSERT_TRUE(succeeds(store_->tasks().insert(task)));
  ASSERT_TRUE(succeeds(copy(*store_, *other_)));

  const auto there = other_->retries().take(kParker, {{"user.events", 3}}).value();
  ASSERT_THAT(there, SizeIs(2));
  EXPECT_EQ(there[0].record.position, events[0].record.position);
  EXPECT_EQ(there[0].record.time, events[0].record.time);
  EXPECT_EQ(there[0].record.value, events[0].record.value);
  EXPECT_EQ(there[0].record.headers, events[0].record.headers);
  EXPECT_EQ(there[1].attempts, 2);
  EXPECT_EQ(there[1].cause, "connection refused");
  EXPECT_EQ(dump(to_json(other_->tasks().get("t1").value())), dump(to_json(task)));
}

TEST_P(StoreTransferContract, RowsAreReadInTheOrderOfTheirKeysByPages) {
  for (const char* id : {"b", "a", "c-1", "c"}) {
    ASSERT_TRUE(succeeds(create(store_->users(), tenant(id), "a@b.dev")));
  }
  std::vector<std::string> ids;
  const auto tenants = rows(*store_, stored::kTenants, 1).value();
  for (const auto& row : tenants) ids.push_back(text(row[0]));
  EXPECT_THAT(ids, ElementsAre("a", "b", "c", "c-1"));
}

}  // namespace mesh::test
