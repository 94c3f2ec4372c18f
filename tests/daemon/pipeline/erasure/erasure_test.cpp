// Erasing tenants and users, over engines in memory.
#include "daemon/pipeline/erasure/erasure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/cipher/aead.h"
#include "common/cipher/encrypted_log.h"
#include "daemon/pipeline/append.h"
#include "daemon/pipeline/groups.h"
#include "tests/daemon/pipeline/events.h"
#include "tests/daemon/pipeline/fake_task_context.h"
#include "tests/support/fake_engines.h"
#include "tests/support/fake_event_log.h"
#include "tests/support/fake_keys.h"
#include "tests/support/fake_outbox.h"
#include "tests/support/fake_read_cache.h"
#include "tests/support/fake_stores.h"
#include "tests/support/fake_tenant_data.h"
#include "tests/support/fake_tenants.h"
#include "tests/support/hooked_event_index.h"

namespace mesh::pipeline {
namespace {

using namespace mesh::test;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr Duration kSettle{70'000}, kPark{90'000};

// Whose removals are in the log at once.
class Users final : public UserStore {
 public:
  Users(FakeTenantData& data, FakeEventLog& log) : data_(data), log_(log) {}
  void create(const TenantId&, NewUser, ChangeContext, UserDone done) override { refuse(done); }
  void update(const TenantId&, std::int64_t, UserPatch, ChangeContext, UserDone done) override {
    refuse(done);
  }
  void remove(const TenantId& tenant, std::int64_t id, ChangeContext, UserDone done) override {
    const auto gone = data_.erase({tenant, std::to_string(id)}, "store/users", 1);
    if (!gone || *gone == 0) return done(fail(ErrorKind::not_found, "no such user"));
    Event event = user_event("deleted", id, 9, tenant.str());
    event.data = dump({{"id", id}, {"tenantId", tenant.str()}});
    log_.append_now(to_record(event));
    done(ChangedUser{{.id = id, .email = {}, .name = {}, .tenant = tenant}});
  }
  Result<User> get(const TenantId&, std::int64_t) override { return none(); }
  Result<std::vector<User>> list(const TenantId&, std::int64_t, int,
                                 const std::optional<std::string>&) override {
    return none();
  }
  Result<std::vector<User>> everywhere(const std::string&, int) override { return none(); }
  Result<std::int64_t> count(const TenantId&) override { return none(); }

 private:
  static tl::unexpected<Error> none() { return fail(ErrorKind::not_found, "none here"); }
  static void refuse(const UserDone& done) { done(none()); }

  FakeTenantData& data_;
  FakeEventLog& log_;
};

// Two tenants with everything.
struct World {
  World() {
    for (const char* topic : {"user.events", "tenant.events"}) log.ensure(topic, TopicKind::entity);
    for (const char* topic :
         {"analytics.events", "analytics.events.dlq", "billing.events", "task.events"}) {
      log.ensure(topic, TopicKind::activity);
    }
    (void)index.create_generation({}, 0);
    (void)index.create_generation({}, 0);
    (void)events.create("analytics.recorded", {1, "e"});
    for (const std::string name : {"acme", "globex"}) {
      tenants.put({.id = tenant(name), .name = name, .rate_limits = {}});
      log.append_now(to_record(event_of(name, "tenant.created", name, "", {{"id", name}})));
      for (const std::int64_t user : {1, 2}) {
        const std::string id = std::to_string(user);
        log.append_now(to_record(user_event("created", user, 1, name)));
        log.append_now(to_record(user_event("updated", user, 2, name)));
        log.append_now(to_record(analytics_event(name + id, id, name)));
        for (const char* place : FakeTenantData::kPlaces) {
          if (place != std::string("store/outbox")) data.add(place, name, id);
        }
        for (const int generation : {1, 2})
          index.plant(generation, {name, user}, {1, false, {}, {}});
      }
      // As another producer keys it.
      Record foreign = to_record(analytics_event(name + "-f", "2", name));
      foreign.key = "some/key";
      log.append_now(std::move(foreign));
      Record letter = to_record(analytics_event(name + "-d", "1", name));
      letter.topic = "analytics.events.dlq";
      letter.headers.emplace_back(dead_letter::kTenant, name);
      log.append_now(std::move(letter));
      (void)keys.get_or_insert({name, tenant(name), "wrapped"});
      EventDocument document{
          .tenant = tenant(name), .type = "analytics.recorded", .event_id = "e", .subject = "1"};
      document.vectors["e"] = {1};
      (void)events.apply({&document, 1});
      cache.keep({tenant(name), "analytics/1"}, "q", "ticket", "answer");
    }
  }

  Erasure erasure(bool with_key = true) {
    return Erasure({.log = *read_log,
                    .admin = *read_admin,
                    .users = users,
                    .tenants = tenants,
                    .tasks = tasks,
                    .data = data,
                    .keys = keys,
                    .outbox = outbox,
                    .index = index,
                    .events = events,
                    .caches = {&cache},
                    .forget_keys = [this](const TenantId& of) { forget_keys(of); },
                    .uncounted = {},
                    .clock = clock,
                    .version = "1.2.3",
                    .sign = with_key ? [](const Json& receipt) { return "of " + dump(receipt); }
                                     : std::function<std::string(const Json&)>(),
                    .settle = kSettle,
                    .park = kPark});
  }
  FakeTaskContext context(bool dry_run = false, std::optional<std::string> user = {}) {
    return FakeTaskContext(erasure_spec({tenant("acme"), std::move(user)}, dry_run), &clock);
  }
  std::int64_t records(const std::string& topic, const std::string& name) const {
    const auto all = log.records(topic);
    return std::ranges::count_if(all, [&](const StoredRecord& record) {
      return record.value && (tenant_of_key(record.key) == name ||
                              find_header(record.headers, "ce_tenantid") == name);
    });
  }
  bool cached(const std::string& name) {
    return cache.find({tenant(name), "analytics/1"}, "q").answer.has_value();
  }
  // Of all places whose rows go.
  void expect_gone() {
    EXPECT_EQ(data.rows("acme"), 2) << "of store/usage, which remain";
    for (const char* topic : {"user.events", "analytics.events", "analytics.events.dlq"}) {
      EXPECT_EQ(records(topic, "acme"), 0) << topic;
    }
    for (const int generation : {1, 2})
      EXPECT_EQ(index.kept(generation, tenant("acme"), {}), KeptPoints());
    EXPECT_EQ(*events.kept(tenant("acme"), {}), KeptEvents{});
    EXPECT_EQ(*events.kept(tenant("globex"), {}), KeptEvents{1});
    EXPECT_FALSE(*keys.find(tenant("acme")));
    EXPECT_FALSE(cached("acme"));
    EXPECT_EQ(tenants.get(tenant("acme")).error().kind, ErrorKind::not_found);
  }
  void expect_untouched() {
    EXPECT_EQ(data.rows("globex"), 10);
    EXPECT_EQ(records("user.events", "globex"), 4);
    EXPECT_EQ(records("analytics.events", "globex"), 3);
    EXPECT_EQ(records("analytics.events.dlq", "globex"), 1);
    for (const int generation : {1, 2})
      EXPECT_EQ(index.kept(generation, tenant("globex"), {})->vectors, 2);
    EXPECT_TRUE(*keys.find(tenant("globex")));
    EXPECT_TRUE(cached("globex"));
    EXPECT_FALSE(tenants.get(tenant("globex")).value().closed);
  }

  ManualClock clock;
  FakeEventLog log{clock};
  FakeTenants tenants;
  FakeTaskStore tasks{clock};
  FakeKeyStore keys;
  FakeTenantData data{keys};
  FakeLeaseStore leases{clock};
  FakeOutbox outbox{leases, clock};
  FakeVectorIndex index;
  HookedEventIndex events;
  FakeReadCache cache;
  Users users{data, log};
  // As the erasure sees them.
  EventLog* read_log = &log;
  LogAdmin* read_admin = &log;
  std::function<void(const TenantId&)> forget_keys = [](const TenantId&) {};
};

class ErasureTest : public testing::Test, public World {
 protected:
  static std::int64_t number(const Json& entries, const std::string& place) {
    for (const Json& entry : entries) {
      if (entry.at("place") == place) return entry.at("count").get<std::int64_t>();
    }
    return -1;
  }
  static std::string why(const Json& receipt, const std::string& place) {
    for (const Json& entry : receipt.at("remains")) {
      if (entry.at("place") == place) return entry.at("why").get<std::string>();
    }
    return {};
  }
};

// It held events that it had read, and wrote them behind the receipt.
TEST_F(ErasureTest, ARebuildOfEventsThatRunsIsWaitedForUntilItHasReadAnew) {
  Task task{.id = "r", .kind = "rebuild"};
  task.spec = {{"type", "analytics.recorded"}};
  ASSERT_TRUE(tasks.insert(task));
  const auto claimed = tasks.claim("one", {.kinds = {"rebuild"}}, std::chrono::hours(1));
  ASSERT_TRUE(claimed && *claimed);
  task = (*claimed)->task;
  task.state = Task::State::running;
  task.checkpoint = {{"steps", 1}};
  ASSERT_TRUE(tasks.store(task, (*claimed)->token));
  auto context = this->context();
  bool waited = false;
  context.on_pause = [&] {
    const auto& waits = context.task().result.value("waits_for", Json::array());
    if (waits != Json::array({"rebuild r"}) || std::exchange(waited, true)) return;
    EventDocument late{
        .tenant = tenant("acme"), .type = "analytics.recorded", .event_id = "e", .subject = "1"};
    late.vectors["e"] = {1};
    ASSERT_TRUE(events.apply({&late, 1}));
    task.checkpoint = {{"steps", 2}};
    ASSERT_TRUE(tasks.store(task, (*claimed)->token));
  };
  ASSERT_TRUE(erasure().run(context));
  EXPECT_TRUE(waited);
  EXPECT_EQ(events.kept(tenant("acme"), {})->documents, 0);
}

TEST_F(ErasureTest, TakesAllOfATenantAndNothingOfAnother) {
  auto work = context();
  const auto done = erasure().run(work);
  ASSERT_TRUE(done) << done.error().to_string();
  expect_gone();
  expect_untouched();
}

TEST_F(ErasureTest, SaysInASignedReceiptWhatWentWhatRemainsAndWhy) {
  auto work = context();
  ASSERT_TRUE(erasure().run(work));
  const Json& result = work.task().result;
  const Json& receipt = result.at("receipt").at("receipt");
  EXPECT_EQ(result.at("receipt").at("signature"), "of " + dump(receipt));
  EXPECT_EQ(receipt.at("version"), 1);
  EXPECT_EQ(receipt.at("mesh_version"), "1.2.3");
  EXPECT_EQ(receipt.at("target"), Json({{"tenant", "acme"}}));
  EXPECT_EQ(receipt.at("task"), work.task().id);
  EXPECT_EQ(number(receipt.at("erased"), "store/users"), 2);
  EXPECT_EQ(number(receipt.at("erased"), "log/user.events"), 4);
  EXPECT_EQ(number(receipt.at("erased"), "log/analytics.events"), 3);
  EXPECT_EQ(number(receipt.at("erased"), "log/analytics.events.dlq"), 1);
  EXPECT_EQ(number(receipt.at("erased"), "index/user_embeddings-2"), 2);
  EXPECT_EQ(number(receipt.at("erased"), "index/events"), 1);
  EXPECT_EQ(number(receipt.at("erased"), "store/tenant"), 1);
  EXPECT_EQ(why(receipt, "store/usage"), "totals of what was billed");
  EXPECT_THAT(why(receipt, "log/tenant.events"), HasSubstr("the operator's"));
  EXPECT_THAT(why(receipt, "store/tasks"), HasSubstr("they name ids"));
  EXPECT_THAT(why(receipt, "store/tenant (numbers)"), HasSubstr("given out twice"));
  EXPECT_THAT(why(receipt, "store/usage_ids"), HasSubstr("after 31 days"));
  EXPECT_THAT(receipt.at("backups").get<std::string>(), HasSubstr("mesh backup"));
  for (const Json& again : receipt.at("counted_again")) EXPECT_EQ(again.at("count"), 0) << again;
  EXPECT_EQ(number(receipt.at("counted_again"), "log/user.events"), 0);
}

TEST_F(ErasureTest, ADryRunCountsAndChangesNothing) {
  auto work = context(true);
  ASSERT_TRUE(erasure(false).run(work)) << "also without a key";
  const Json& parts = work.task().result.at("parts");
  EXPECT_EQ(number(parts, "store/users"), 2);
  EXPECT_EQ(number(parts, "log/analytics.events"), 3) << "however it is keyed";
  EXPECT_EQ(number(parts, "index/user_embeddings-1"), 2);
  EXPECT_EQ(data.rows("acme"), 10);
  EXPECT_EQ(records("user.events", "acme"), 4);
  EXPECT_FALSE(tenants.get(tenant("acme")).value().closed);
  EXPECT_EQ(work.pauses, 0);
}

TEST_F(ErasureTest, WhatAnIndexRemembersOfRemovedUsersIsNoVector) {
  index.plant(1, {"acme", 9}, {4, true, {}, {}});
  auto count = context(true);
  ASSERT_TRUE(erasure().run(count));
  const Json& parts = count.task().result.at("parts");
  EXPECT_EQ(number(parts, "index/user_embeddings-1"), 2);
  EXPECT_EQ(number(parts, "index/user_embeddings-1 (removals)"), 1);
  for (const Json& part : parts) {
    if (part.at("place") != "index/user_embeddings-1 (removals)") continue;
    EXPECT_THAT(part.at("remains").get<std::string>(), HasSubstr("a rebuild makes them"));
  }
  auto work = context();
  ASSERT_TRUE(erasure().run(work));
  expect_gone();
}

TEST_F(ErasureTest, WithoutAKeyNothingIsErased) {
  auto work = context();
  const auto refused = erasure(false).run(work);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("openssl genpkey -algorithm ed25519"));
  EXPECT_EQ(data.rows("acme"), 10);
  EXPECT_FALSE(tenants.get(tenant("acme")).value().closed);
}

TEST_F(ErasureTest, TheTenantIsClosedAndWhatIsUnderWayIsWaitedForFirst) {
  auto work = context();
  const auto begin = clock.now();
  bool closed = false;
  work.on_pause = [&] {
    if (clock.now() - begin >= kSettle) return;
    closed = tenants.get(tenant("acme")).value().closed;
    EXPECT_EQ(data.rows("acme"), 10);
  };
  ASSERT_TRUE(erasure().run(work));
  EXPECT_TRUE(closed);
  EXPECT_GE(clock.now() - begin, kSettle);
}

TEST_F(ErasureTest, ATenantWithoutARecordIsClosedByOne) {
  (void)tenants.remove(tenant("acme"), {});
  auto work = context();
  bool closed = false;
  work.on_pause = [&] {
    const auto record = tenants.get(tenant("acme"));
    closed = closed || (record && record->closed);
  };
  ASSERT_TRUE(erasure().run(work));
  EXPECT_TRUE(closed);
  expect_gone();
}

TEST(ErasureCutOff, GoesOnWhereverItWasCutOffAndSaysTheSame) {
  World whole;
  (void)whole.log.ensure_group(kAnalytics.group, {kAnalytics.topic});  // nobody reads for it
  auto uncut = whole.context();
  int reports = 0;
  uncut.on_progress = [&] { ++reports; };
  ASSERT_TRUE(whole.erasure().run(uncut));
  const Json receipt = uncut.task().result.at("receipt").at("receipt");
  ASSERT_GT(reports, 5);
  for (int cut = 1; cut < reports; ++cut) {
    World world;
    (void)world.log.ensure_group(kAnalytics.group, {kAnalytics.topic});
    auto first = world.context();
    int seen = 0;
    std::optional<FakeTaskContext> second;  // what was stored when it was cut off
    first.on_progress = [&] {
      if (++seen != cut) return;
      second.emplace(first.resumed());
      first.stopped = true;
    };
    (void)world.erasure().run(first);
    ASSERT_TRUE(second);
    const auto done = world.erasure().run(*second);
    ASSERT_TRUE(done) << cut << ": " << done.error().to_string();
    world.expect_gone();
    world.expect_untouched();
    const Json again = second->task().result.at("receipt").at("receipt");
    for (const char* part : {"erased", "remains", "counted_again"}) {
      EXPECT_EQ(again.at(part), receipt.at(part)) << "cut at report " << cut;
    }
  }
}

TEST_F(ErasureTest, WhatComesInBetweenIsTakenByTheNextRound) {
  int drops = 0;
  keys.on_drop = [&] {  // behind the records of a round
    if (++drops > 1) return;
    log.append_now(to_record(analytics_event("late", "1")));
    data.add("store/activity", "acme", "1");
  };
  auto work = context();
  ASSERT_TRUE(erasure().run(work));
  EXPECT_EQ(drops, 2);
  expect_gone();
  EXPECT_EQ(
      number(work.task().result.at("receipt").at("receipt").at("erased"), "log/analytics.events"),
      4);
}

TEST_F(ErasureTest, WhereSomethingKeepsComingItFailsAndTheTenantStaysClosed) {
  keys.on_drop = [&] { log.append_now(to_record(analytics_event("again", "1"))); };
  auto work = context();
  const auto ended = erasure().run(work);
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().kind, ErrorKind::conflict);
  EXPECT_THAT(ended.error().message, HasSubstr("log/analytics.events (1)"));
  EXPECT_TRUE(tenants.get(tenant("acme")).value().closed);
}

TEST_F(ErasureTest, WhatComesBehindTheTenantsRecordIsNoPartOfTheReceipt) {
  auto work = context();
  bool published = false;
  work.on_progress = [&] {
    if (tenants.get(tenant("acme")) || std::exchange(published, true)) return;
    log.append_now(to_record(analytics_event("anew", "1")));
  };
  ASSERT_TRUE(erasure().run(work));
  ASSERT_TRUE(published);
  const Json& receipt = work.task().result.at("receipt").at("receipt");
  EXPECT_EQ(number(receipt.at("counted_again"), "log/analytics.events"), 0);
  EXPECT_EQ(number(receipt.at("counted_again"), "store/tenant"), 0);
  EXPECT_EQ(number(receipt.at("erased"), "log/analytics.events"), 3);
}

TEST_F(ErasureTest, OfAUserWhatComesBehindTheLastRoundGoesToo) {
  auto work = context(false, "1");
  int added = 0;
  work.on_progress = [&] {
    if (!work.task().checkpoint.value("emptied", false) || added++ > 0) return;
    data.add("store/activity", "acme", "1");
  };
  const auto done = erasure().run(work);
  ASSERT_TRUE(done) << done.error().to_string();
  const Json& receipt = work.task().result.at("receipt").at("receipt");
  EXPECT_EQ(number(receipt.at("counted_again"), "store/activity"), 0);
  EXPECT_EQ(number(receipt.at("erased"), "store/activity"), 2);
}

TEST_F(ErasureTest, OfAUserWhomSomebodyGoesOnToWriteOfThereIsNoReceipt) {
  auto work = context(false, "1");
  work.on_progress = [&] {
    if (work.task().checkpoint.value("emptied", false)) data.add("store/activity", "acme", "1");
  };
  const auto ended = erasure().run(work);
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().kind, ErrorKind::conflict);
  EXPECT_THAT(ended.error().message, HasSubstr("store/activity (1)"));
}

TEST_F(ErasureTest, UseThatPipelinesCountMeanwhileIsWaitedFor) {
  (void)log.ensure_group(kAnalytics.group, {kAnalytics.topic});
  const auto member = log.open_consumer(kAnalytics.group, {kAnalytics.topic}, "m").value();
  (void)data.erase({tenant("acme")}, "store/retries", 10);  // so that nothing else waits as long
  auto work = context();
  int counted = 0;
  work.on_pause = [&] {
    if (work.task().result.value("waits_for", Json()) != Json::array({"use of pipelines"})) return;
    ++counted;
    Record use = to_record(analytics_event("use", "1"));
    use.topic = "billing.events";
    log.append_now(std::move(use));
  };
  const auto begin = clock.now();
  ASSERT_TRUE(erasure().run(work));
  EXPECT_EQ(counted, 1);
  EXPECT_GE(clock.now() - begin, 2 * kSettle);
  EXPECT_EQ(records("billing.events", "acme"), 0);
}

TEST_F(ErasureTest, AnEventThatIsParkedInMemoryIsWaitedFor) {
  auto work = context();
  Timestamp erased{}, tried{};
  work.on_pause = [&] {
    const Json waits = work.task().result.value("waits_for", Json::array());
    if (tried != Timestamp{} || waits != Json::array({"retries in memory"})) return;
    tried = clock.now();
    data.add("store/activity", "acme", "1");  // what came of it
  };
  work.on_progress = [&] {
    if (work.task().result.value("waits_for", Json()) == Json::array({"retries in memory"}))
      erased = clock.now();
  };
  ASSERT_TRUE(erasure().run(work));
  EXPECT_GE(tried - erased, kPark);
  expect_gone();
}

TEST_F(ErasureTest, AGroupThatIsBehindIsWaitedForAndNamed) {
  (void)log.ensure_group(kAnalytics.group, {kAnalytics.topic});
  const auto member = log.open_consumer(kAnalytics.group, {kAnalytics.topic}, "m").value();
  auto work = context();
  int waited = 0;
  work.on_pause = [&] {
    const Json waits = work.task().result.value("waits_for", Json::array());
    if (waits != Json::array({"group analytics"})) return;
    EXPECT_GT(records("analytics.events", "acme"), 0);
    if (++waited < 3) return;
    std::map<TopicPartition, std::int64_t> all;
    for (const int p : {0, 1}) {
      all[{kAnalytics.topic, p}] = log.watermarks({kAnalytics.topic, p})->end;
    }
    EXPECT_TRUE(member->commit(all));
  };
  ASSERT_TRUE(erasure().run(work));
  EXPECT_EQ(waited, 3);
  EXPECT_THAT(why(work.task().result.at("receipt").at("receipt"), "group/analytics"), IsEmpty());
}

TEST_F(ErasureTest, GroupsThatNobodyReadsForOrThatStandStillAreNamedInTheReceipt) {
  (void)log.ensure_group(kAnalytics.group, {kAnalytics.topic});
  (void)log.ensure_group("user-index-1", {"user.events"});
  const auto member = log.open_consumer("user-index-1", {"user.events"}, "m").value();
  (void)log.ensure_group("somebody-else", {"user.events"});
  auto work = context();
  ASSERT_TRUE(erasure().run(work));
  const Json& receipt = work.task().result.at("receipt").at("receipt");
  expect_gone();
  EXPECT_THAT(why(receipt, "group/analytics"), HasSubstr("nobody read for the group"));
  EXPECT_THAT(why(receipt, "group/user-index-1"), HasSubstr("nobody read for the group"));
  EXPECT_THAT(why(receipt, "group/somebody-else"), IsEmpty()) << "it is no pipeline";
}

TEST_F(ErasureTest, ALogThatTakesNoRecordOutGetsATombstoneForEachEntityAndSaysWhatRemains) {
  log.erase_no_records();
  TopicSpec kept{
      "analytics.events", TopicKind::activity, 2, Duration{std::chrono::hours{24 * 7}}, {}};
  ASSERT_TRUE(log.ensure_topic(kept));
  auto work = context();
  const auto done = erasure().run(work);
  ASSERT_TRUE(done) << done.error().to_string();
  std::vector<std::string> buried;
  for (const StoredRecord& record : log.records("user.events")) {
    if (!record.value) buried.push_back(record.key);
  }
  EXPECT_THAT(buried, testing::UnorderedElementsAre("acme/1", "acme/2")) << "once each";
  const Json& receipt = work.task().result.at("receipt").at("receipt");
  EXPECT_EQ(number(receipt.at("remains"), "log/user.events"), 4);
  EXPECT_THAT(why(receipt, "log/user.events"), HasSubstr("compaction"));
  EXPECT_THAT(why(receipt, "log/analytics.events"), HasSubstr("log.retention.activity, after 7d"));
  EXPECT_THAT(why(receipt, "log/analytics.events.dlq"), HasSubstr("for ever"));
  EXPECT_EQ(number(receipt.at("erased"), "store/users"), 2);
  expect_untouched();
}

TEST_F(ErasureTest, AnEntityThatComesBehindItsTombstoneGetsAnother) {
  log.erase_no_records();
  (void)data.erase({tenant("acme")}, "store/retries", 10);  // else there is a second round anyway
  Record foreign = to_record(user_event("created", 5, 1));
  foreign.key = "some/key";
  log.append_now(std::move(foreign));
  bool late = false;
  keys.on_drop = [&] {  // behind the tombstones of a round
    if (!std::exchange(late, true)) log.append_now(to_record(user_event("updated", 1, 3)));
  };
  auto work = context();
  const auto done = erasure().run(work);
  ASSERT_TRUE(done) << done.error().to_string();
  std::map<std::string, bool> buried;  // by key, what stands last
  for (const StoredRecord& record : log.records("user.events")) buried[record.key] = !record.value;
  EXPECT_TRUE(buried.at("acme/1"));
  EXPECT_TRUE(buried.at("acme/2"));
  EXPECT_TRUE(buried.at("some/key"));
  EXPECT_FALSE(buried.at("globex/1"));
}

TEST_F(ErasureTest, WhatWasEncryptedIsNotReadWithAKeyThatIsRemembered) {
  (void)keys.drop(tenant("acme"));
  (void)data.erase({tenant("acme")}, "store/retries", 10);  // else it waits until none remembers
  log.erase_no_records();
  cipher::TenantCipher secret(keys, {std::string(cipher::kKeyBytes, 'm'), {}}, clock);
  cipher::EncryptedLog encrypted(log, log, &secret, {}, clock);
  ASSERT_TRUE(secret.key_of(tenant("acme")));
  ASSERT_TRUE(append_within(encrypted, clock, {to_record(analytics_event("e", "1"))}));
  ASSERT_EQ(records("analytics.events", "acme"), 4) << "of which three are plain";
  read_log = &encrypted;
  read_admin = &encrypted;
  forget_keys = [&](const TenantId& of) { secret.forget(of); };
  auto work = context();
  const auto done = erasure().run(work);
  ASSERT_TRUE(done) << done.error().to_string();
  const Json& receipt = work.task().result.at("receipt").at("receipt");
  EXPECT_EQ(number(receipt.at("remains"), "log/analytics.events"), 3) << "those that are plain";
  EXPECT_EQ(number(receipt.at("erased"), "store/keys"), 1);
}

TEST_F(ErasureTest, OfAUserTakesTheUsersAloneAndLeavesTheWordThatItIsGone) {
  auto work = context(false, "1");
  const auto done = erasure().run(work);
  ASSERT_TRUE(done) << done.error().to_string();
  EXPECT_EQ(data.count({tenant("acme"), "1"})->at(0).count, 0);
  EXPECT_EQ(data.rows("acme"), 6) << "the other user's, and what tells no users apart";
  std::vector<std::string> types;
  for (const StoredRecord& record : log.records("user.events")) {
    if (record.key == "acme/1") types.emplace_back(find_header(record.headers, "ce_type"));
  }
  EXPECT_EQ(types, std::vector<std::string>{"user.deleted"});
  EXPECT_EQ(records("user.events", "acme"), 3);
  EXPECT_EQ(records("analytics.events.dlq", "acme"), 0);
  EXPECT_EQ(index.kept(1, tenant("acme"), 1), KeptPoints());
  EXPECT_EQ(index.kept(1, tenant("acme"), 2)->vectors, 1);
  EXPECT_TRUE(*keys.find(tenant("acme"))) << "the key is the tenant's";
  EXPECT_FALSE(tenants.get(tenant("acme")).value().closed);
  const Json& receipt = work.task().result.at("receipt").at("receipt");
  EXPECT_EQ(receipt.at("target"), Json({{"tenant", "acme"}, {"subject", "1"}}));
  EXPECT_THAT(why(receipt, "log/user.events (removals)"), HasSubstr("id alone"));
  expect_untouched();
}

TEST_F(ErasureTest, AnEngineThatIsAwayIsWaitedFor) {
  data.fail_next(3);
  auto work = context();
  ASSERT_TRUE(erasure().run(work));
  expect_gone();
}

}  // namespace
}  // namespace mesh::pipeline
