// Looks and rounds are called by the test; pipelines run on threads of their own.
#include "daemon/pipeline/event_index/event_indexing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/pipeline/event_index/event_rebuild.h"
#include "daemon/pipeline/groups.h"
#include "tests/daemon/pipeline/events.h"
#include "tests/daemon/pipeline/fake_task_context.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_engines.h"
#include "tests/support/fake_event_log.h"
#include "tests/support/fake_leases.h"
#include "tests/support/fake_stores.h"
#include "tests/support/fake_tenants.h"
#include "tests/support/hooked_event_index.h"

namespace mesh::pipeline {
namespace {

using namespace mesh::test;
using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr const char* kIndexedType = "analytics.recorded";
constexpr const char* kIndexedTopic = "analytics.events";
constexpr const char* kIndexedGroup = "event-index-analytics";

// A log whose partitions begin where the test says, as after retention.
class CutLog final : public LogAdmin {
 public:
  explicit CutLog(LogAdmin& log) : log_(log) {}
  void begin_at(const TopicPartition& partition, std::int64_t start) { starts_[partition] = start; }

  Status ensure_topic(const TopicSpec& spec) override { return log_.ensure_topic(spec); }
  Result<std::vector<TopicInfo>> topics() override {
    auto all = MESH_TRY(log_.topics());
    for (auto& topic : all) {
      for (const auto& [partition, start] : starts_) {
        if (partition.topic != topic.spec.name) continue;
        topic.partitions.at(static_cast<std::size_t>(partition.partition)).start = start;
      }
    }
    return all;
  }
  Status ensure_group(const std::string& name, const std::vector<std::string>& topics) override {
    return log_.ensure_group(name, topics);
  }
  Result<std::unique_ptr<LogConsumer>> open_consumer(const std::string& group,
                                                     const std::vector<std::string>& topics,
                                                     const std::string& member) override {
    return log_.open_consumer(group, topics, member);
  }
  Result<std::vector<GroupInfo>> groups() override { return log_.groups(); }
  bool seeks_active_groups() const override { return log_.seeks_active_groups(); }
  Status seek_group(const std::string& name,
                    const std::map<TopicPartition, std::int64_t>& offsets) override {
    return log_.seek_group(name, offsets);
  }
  Status delete_group(const std::string& name) override { return log_.delete_group(name); }
  bool erases_records() const override { return log_.erases_records(); }
  Result<std::int64_t> erase(const TopicPartition& partition,
                             std::span<const std::int64_t> offsets) override {
    return log_.erase(partition, offsets);
  }

 private:
  LogAdmin& log_;
  std::map<TopicPartition, std::int64_t> starts_;  // set by the test while nobody looks
};

class EventIndexingTest : public testing::Test {
 protected:
  EventIndexingTest() { log.ensure(kIndexedTopic, TopicKind::activity, 1); }
  ~EventIndexingTest() override { indexing->stop(); }

  std::unique_ptr<EventIndexing> made(const std::string& process, Duration settle = 0ms) {
    return std::make_unique<EventIndexing>(EventIndexing::Deps{
        .index = index,
        .embedders = embedders,
        .searchable = [this](const TenantId&, std::string_view type) { return searchable(type); },
        .types =
            [this] {
              std::lock_guard lock(mutex);
              return Result<SearchableTypes>(types);
            },
        .leases = leases,
        .tenants = tenants,
        .tasks = tasks,
        .submit =
            [this](Json spec) {
              Task task{.id = "task-" + std::to_string(asked.size() + 1), .kind = "rebuild"};
              task.spec = spec;
              task.started_by = kStartedByMesh;
              asked.push_back(std::move(spec));
              return tasks.insert(task);
            },
        .process = process,
        .base = {},
        .pipeline = {log, admin, retries, clock, metrics},
        .settle = settle});
  }
  // Those of `types`, for every tenant.
  Result<std::shared_ptr<const Searchable>> searchable(std::string_view type) {
    std::lock_guard lock(mutex);
    if (!types.contains(std::string(type))) return nullptr;
    const Searchable* const known = built_in_searchable(type);
    return std::make_shared<const Searchable>(known ? *known : Searchable{.text = "{text}"});
  }
  void also(const std::string& type, int turn = 0) {
    std::lock_guard lock(mutex);
    types.emplace(type, turn);
  }
  void no_more(const std::string& type) {
    std::lock_guard lock(mutex);
    types.erase(type);
  }
  Position record(const std::string& id, const std::string& message,
                  const std::string& tenant_id = "acme") {
    Event event =
        event_of(id, kIndexedType, tenant_id, "7",
                 {{"user_id", "7"}, {"event_type", "click"}, {"metadata", {{"message", message}}}});
    event.time = clock.now();
    return log.append_now(to_record(event));
  }
  Position place(const std::string& type, const std::string& id, const std::string& text) {
    return log.append_now(to_record(event_of(id, type, "acme", id, {{"text", text}})));
  }
  void look() {
    const auto looked = indexing->look();
    ASSERT_TRUE(looked) << looked.error().to_string();
  }
  void sweep() { ASSERT_TRUE(indexing->sweep()); }
  std::set<std::string> found(const std::string& words, const std::string& type = kIndexedType) {
    return index.found("acme", type, words);
  }
  bool finds(const std::string& id, const std::string& words,
             const std::string& type = kIndexedType) {
    return eventually([&] { return found(words, type).contains(id); });
  }
  bool through(std::int64_t events, const std::string& group = kIndexedGroup) {
    return eventually([&] { return log.committed(group) >= events; });
  }
  bool has_group(const std::string& name) {
    const auto groups = log.groups().value();
    return std::ranges::find(groups, name, &GroupInfo::name) != groups.end();
  }
  Json spec(const std::string& engine = "") {
    return indexing->rebuild_spec(kIndexedType, engine, "").value();
  }
  // As the runner leaves it.
  void end_task(const std::string& id, Task::State state) {
    Task task = tasks.get(id).value();
    const auto claimed = tasks.claim("one", {.kinds = {"rebuild"}}, 1h);
    task.state = state;
    task.finished_at = clock.now();
    ASSERT_TRUE(tasks.store(task, (*claimed)->token));
  }

  ManualClock clock;
  FakeEventLog log{clock};
  CutLog admin{log};
  FakeRetryStore retries;
  FakeLeaseStore leases{clock};
  FakeTaskStore tasks{clock};
  FakeTenants tenants;
  Metrics metrics;
  HookedEventIndex index;
  FakeEmbedder embedder, other{"other/8", 8};
  FakeEmbedders embedders{embedder};
  std::mutex mutex;
  SearchableTypes types{{kIndexedType, 0}};  // guarded by mutex
  std::vector<Json> asked;                   // the specs of rebuilds
  std::unique_ptr<EventIndexing> indexing = made("one");
};

TEST_F(EventIndexingTest, TheFirstGenerationServesAtOnceAndIsFilled) {
  record("e1", "payment declined");
  look();
  EXPECT_EQ(index.serving(kIndexedType), 1);
  EXPECT_TRUE(finds("e1", "declined"));
  record("e2", "payment accepted");
  EXPECT_TRUE(finds("e2", "accepted"));
  EXPECT_THAT(asked, IsEmpty()) << "there is nothing that a task has to fill";
  EXPECT_THAT(indexing->fed(), ElementsAre(kIndexedGroup));
}

TEST_F(EventIndexingTest, LaterLooksChangeNothing) {
  look();
  look();
  EXPECT_THAT(index.numbers(kIndexedType), ElementsAre(1));
  EXPECT_EQ(indexing->statuses().size(), 1u);
}

TEST_F(EventIndexingTest, ATypeThatComesLaterOnAReadTopicIsFilledByATask) {
  place("analytics.viewed", "v1", "payment page");
  look();
  ASSERT_TRUE(through(1));
  also("analytics.viewed");
  look();
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(asked[0]["type"], "analytics.viewed");
  EXPECT_EQ(index.serving("analytics.viewed"), 0) << "it would lack what was read before";
  FakeTaskContext context(asked[0], &clock);
  ASSERT_TRUE(indexing->rebuild(context));
  EXPECT_THAT(found("page", "analytics.viewed"), ElementsAre("v1"));
}

TEST_F(EventIndexingTest, WhatIsAskedForIsNotAskedForAgain) {
  record("e1", "payment");
  look();
  ASSERT_TRUE(through(1));
  also("analytics.viewed");
  look();
  look();
  EXPECT_EQ(asked.size(), 1u);
}

// A rebuild that failed was asked for anew with each look, every two seconds.
TEST_F(EventIndexingTest, ARebuildThatFailedIsAskedForAgainAfterAWhile) {
  record("e1", "payment");
  look();
  ASSERT_TRUE(through(1));
  also("analytics.viewed");
  look();
  ASSERT_EQ(asked.size(), 1u);
  end_task("task-1", Task::State::failed);
  look();
  EXPECT_EQ(asked.size(), 1u);
  clock.advance(5min);
  look();
  EXPECT_EQ(asked.size(), 2u);
}

TEST_F(EventIndexingTest, TheTopicOfAnOwnTypeIsReadOnceItIsThere) {
  also("order.placed");
  look();
  EXPECT_EQ(indexing->statuses().size(), 1u);
  EXPECT_EQ(index.serving("order.placed"), 0);
  log.ensure("order.events", TopicKind::activity, 1);
  place("order.placed", "o1", "a red lamp");
  look();
  EXPECT_TRUE(finds("o1", "lamp", "order.placed"));
  EXPECT_TRUE(indexing->stage("event-index-order"));
  EXPECT_EQ(indexing->stage("event-index-other").error().kind, ErrorKind::not_found);
}

TEST_F(EventIndexingTest, ATypeWithoutATopicHasNoEventsEither) {
  also("nothing");
  look();
  EXPECT_EQ(indexing->statuses().size(), 1u);
}

TEST_F(EventIndexingTest, OfTwoProcessesOneMakesTheGenerationAndBothRead) {
  const auto two = made("two");
  look();
  ASSERT_TRUE(two->look());
  EXPECT_THAT(index.numbers(kIndexedType), ElementsAre(1));
  EXPECT_THAT(two->fed(), ElementsAre(kIndexedGroup));
  record("e1", "payment");
  EXPECT_TRUE(finds("e1", "payment"));
}

// It began to read before the other had made the generation: what it read was in none.
TEST_F(EventIndexingTest, NobodyReadsWhileAnotherProcessMakesTheGeneration) {
  record("e1", "payment");
  const auto making = leases.acquire("event-generations", "two", 30s);
  ASSERT_TRUE(making && *making);
  look();
  EXPECT_THAT(indexing->statuses(), IsEmpty());
  EXPECT_THAT(index.numbers(kIndexedType), IsEmpty());
  ASSERT_TRUE(leases.release(**making));
  look();
  EXPECT_TRUE(finds("e1", "payment"));
}

// Of a type that came with a tenant's record the others learn later: a process that reads the topic
// passes over its events until then.
TEST_F(EventIndexingTest, WhereOthersReadTheTopicAlreadyATypeIsFilledByATask) {
  indexing = made("one", 8s);
  look();
  also("analytics.viewed");
  look();
  EXPECT_EQ(index.serving("analytics.viewed"), 0);
  EXPECT_EQ(asked.size(), 1u);
}

TEST_F(EventIndexingTest, SoManyTopicsAreReadAndThoseOfTheCatalogueFirst) {
  for (std::size_t i = 0; i < EventIndexing::kMaxTopics; ++i) {
    const std::string entity = "a" + std::to_string(i);
    log.ensure(entity + ".events", TopicKind::activity, 1);
    also(entity + ".happened");
  }
  look();
  EXPECT_EQ(indexing->statuses().size(), EventIndexing::kMaxTopics);
  EXPECT_TRUE(indexing->stage(kIndexedGroup));
}

TEST_F(EventIndexingTest, TopicsThatAreReadStayWhenOthersCome) {
  for (std::size_t i = 1; i < EventIndexing::kMaxTopics; ++i) {
    const std::string entity = "b" + std::to_string(i);
    log.ensure(entity + ".events", TopicKind::activity, 1);
    also(entity + ".happened");
  }
  look();
  log.ensure("a.events", TopicKind::activity, 1);
  also("a.happened");
  look();
  EXPECT_EQ(indexing->statuses().size(), EventIndexing::kMaxTopics);
  EXPECT_FALSE(indexing->stage("event-index-a"));
}

// A tenant with 64 topics kept everybody else's from being read.
TEST_F(EventIndexingTest, EachTenantHasItsTurnAmongTheTopicsThatAreRead) {
  for (int i = 0; i < static_cast<int>(EventIndexing::kMaxTopics); ++i) {
    const std::string entity = "b" + std::to_string(i);
    log.ensure(entity + ".events", TopicKind::activity, 1);
    also(entity + ".happened", i);
  }
  look();
  log.ensure("z.events", TopicKind::activity, 1);
  also("z.happened", 0);
  look();
  EXPECT_TRUE(indexing->stage("event-index-z"));
  EXPECT_EQ(indexing->statuses().size(), EventIndexing::kMaxTopics);
}

// Its group held the log's retention for ever.
TEST_F(EventIndexingTest, ATopicThatNobodySearchesAnyMoreLosesItsGroupAndItsGenerations) {
  record("e1", "payment");
  look();
  ASSERT_TRUE(through(1));
  no_more(kIndexedType);
  look();
  EXPECT_THAT(indexing->statuses(), IsEmpty());
  EXPECT_FALSE(has_group(kIndexedGroup));
  EXPECT_THAT(index.numbers(kIndexedType), IsEmpty());
  also(kIndexedType);
  look();
  EXPECT_TRUE(finds("e1", "payment")) << "it is filled again";
}

// As with vectors.events: false behind a restart.
TEST_F(EventIndexingTest, AGroupThatAnotherRunHasLeftGoesWithTheFirstLook) {
  look();
  ASSERT_TRUE(eventually([&] { return has_group(kIndexedGroup); }));
  indexing->stop();
  no_more(kIndexedType);
  indexing = made("one");
  look();
  EXPECT_FALSE(has_group(kIndexedGroup));
}

TEST_F(EventIndexingTest, AGroupThatAnotherProcessReadsStaysUntilThatEnds) {
  const auto two = made("two");
  ASSERT_TRUE(two->look());
  ASSERT_TRUE(eventually([&] { return has_group(kIndexedGroup); }));
  no_more(kIndexedType);
  look();
  EXPECT_TRUE(has_group(kIndexedGroup));
  EXPECT_THAT(index.numbers(kIndexedType), ElementsAre(1));
  two->stop();
  look();
  EXPECT_FALSE(has_group(kIndexedGroup));
  EXPECT_THAT(index.numbers(kIndexedType), IsEmpty());
}

TEST_F(EventIndexingTest, OfManyTypesThatComeAtOnceOneIsFilledAtATime) {
  record("e1", "payment");
  look();
  ASSERT_TRUE(through(1));
  for (const char* type : {"analytics.a", "analytics.b", "analytics.c"}) also(type);
  look();
  look();
  ASSERT_EQ(asked.size(), 1u);
  end_task("task-1", Task::State::failed);
  look();
  ASSERT_EQ(asked.size(), 2u);
  EXPECT_NE(asked[0]["type"], asked[1]["type"]);
}

// Both pipelines of the topic wrote a letter of it.
TEST_F(EventIndexingTest, WhatIsNoEventHasItsLetterFromThePipelineOfTheTopic) {
  for (const char* entity : {"analytics", "order"}) {
    const std::string topic = std::string(entity) + ".events";
    log.ensure(topic, TopicKind::activity, 1);
    log.ensure(dead_letter_topic(topic), TopicKind::activity, 1);
    log.append_now({topic, "acme/7", "no event", {}});
  }
  also("order.placed");
  look();
  ASSERT_TRUE(through(1));
  ASSERT_TRUE(through(1, "event-index-order"));
  EXPECT_THAT(log.records("analytics.events.dlq"), IsEmpty());
  EXPECT_EQ(log.records("order.events.dlq").size(), 1u) << "nobody else reads that topic";
}

TEST_F(EventIndexingTest, AfterAStopNothingIsRead) {
  indexing->stop();
  look();
  EXPECT_THAT(indexing->statuses(), IsEmpty());
  indexing->stop();
}

TEST_F(EventIndexingTest, ItsThreadLooksByItself) {
  ASSERT_TRUE(indexing->start());
  also("order.placed");
  log.ensure("order.events", TopicKind::activity, 1);
  place("order.placed", "o1", "a red lamp");
  EXPECT_TRUE(advance_until(clock, EventIndexing::kLook,
                            [&] { return found("lamp", "order.placed").contains("o1"); }));
  indexing->stop();
}

TEST_F(EventIndexingTest, ALogThatIsAwayAtTheStartIsAskedAgain) {
  log.fail_opens(1);
  ASSERT_TRUE(indexing->start());
  record("e1", "payment");
  EXPECT_TRUE(
      advance_until(clock, EventIndexing::kLook, [&] { return found("payment").contains("e1"); }));
  indexing->stop();
}

// ---- what the log no longer holds

TEST_F(EventIndexingTest, WhatThePartitionBeginsBehindIsTakenOut) {
  for (const char* id : {"e1", "e2", "e3"}) record(id, "payment");
  look();
  ASSERT_TRUE(finds("e3", "payment"));
  sweep();
  EXPECT_THAT(found("payment"), UnorderedElementsAre("e1", "e2", "e3"));
  admin.begin_at({kIndexedTopic, 0}, 2);
  sweep();
  EXPECT_THAT(found("payment"), ElementsAre("e3"));
}

// A rebuild that had read it before wrote it behind the sweep, which then saw no reason to look.
TEST_F(EventIndexingTest, WhatIsWrittenBehindASweepGoesWithTheNextOne) {
  record("e1", "payment");
  record("e2", "payment");
  look();
  ASSERT_TRUE(finds("e2", "payment"));
  admin.begin_at({kIndexedTopic, 0}, 1);
  sweep();
  ASSERT_THAT(found("payment"), ElementsAre("e2"));
  EventDocument late{.tenant = tenant("acme"), .type = kIndexedType, .event_id = "e1"};
  late.position = {kIndexedTopic, 0, 0};
  late.terms = terms_of("payment");
  late.vectors[embedder.id()] =
      std::vector<float>(static_cast<std::size_t>(embedder.dimension()), 1.0F);
  ASSERT_TRUE(index.apply({&late, 1}));
  ASSERT_THAT(found("payment"), UnorderedElementsAre("e1", "e2"));
  sweep();
  EXPECT_THAT(found("payment"), ElementsAre("e2"));
}

TEST_F(EventIndexingTest, WhatIsOlderThanATenantKeepsIsTakenOutOfItsOwnAlone) {
  Tenant acme{.id = tenant("acme"), .name = "Acme", .rate_limits = {}};
  acme.retention = 48h;
  tenants.put(acme);
  record("a1", "payment");
  record("g1", "payment", "globex");
  look();
  ASSERT_TRUE(finds("a1", "payment"));
  ASSERT_TRUE(
      eventually([&] { return index.found("globex", kIndexedType, "payment").size() == 1; }));
  clock.advance(47h);
  record("a2", "payment");
  ASSERT_TRUE(finds("a2", "payment"));
  sweep();
  EXPECT_THAT(found("payment"), UnorderedElementsAre("a1", "a2"));
  clock.advance(1h + 1ms);
  sweep();
  EXPECT_THAT(found("payment"), ElementsAre("a2"));
  EXPECT_EQ(index.found("globex", kIndexedType, "payment").size(), 1u);
}

TEST_F(EventIndexingTest, OneProcessSweeps) {
  record("e1", "payment");
  record("e2", "payment");
  look();
  ASSERT_TRUE(finds("e2", "payment"));
  admin.begin_at({kIndexedTopic, 0}, 1);
  const auto theirs = leases.acquire("event-index", "two", 10min);
  ASSERT_TRUE(theirs && *theirs);
  sweep();
  EXPECT_THAT(found("payment"), UnorderedElementsAre("e1", "e2"));
  ASSERT_TRUE(leases.release(**theirs));
  sweep();
  EXPECT_THAT(found("payment"), ElementsAre("e2"));
}

// ---- rebuilds

class EventRebuildTest : public EventIndexingTest {
 protected:
  EventRebuildTest() {
    embedders.add(other);
    record("e1", "payment one");
    record("e2", "payment two");
    look();
    EXPECT_TRUE(finds("e2", "two"));
    EXPECT_TRUE(through(2));
  }
};

TEST_F(EventRebuildTest, ANewGenerationIsFilledFromTheLogAndServes) {
  FakeTaskContext context(spec("other/8"), &clock);
  const int billed = embedder.billed() + other.billed();
  ASSERT_TRUE(indexing->rebuild(context));
  EXPECT_EQ(embedder.billed() + other.billed(), billed) << "tenants have not asked for it";
  EXPECT_EQ(index.serving(kIndexedType), 2);
  EXPECT_THAT(found("payment"), UnorderedElementsAre("e1", "e2"));
  EXPECT_EQ(context.stored.result, (Json{{"type", kIndexedType},
                                         {"generation", 2},
                                         {"previous", 1},
                                         {"documents", 2},
                                         {"left_out", 0}}));
  const auto all = indexing->list().value();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].role, "previous");
  EXPECT_EQ(all[1].role, "serving");
  EXPECT_EQ(all[1].generation.info.spec.embedder, "other/8");
}

TEST_F(EventRebuildTest, WhatComesMeanwhileIsInBothGenerations) {
  FakeTaskContext context(spec(), &clock);
  bool wrote = false;
  context.on_progress = [&] {
    if (std::exchange(wrote, true)) return;
    EXPECT_EQ(index.serving(kIndexedType), 1);
    record("e3", "payment three");
    EXPECT_TRUE(finds("e3", "three"));
  };
  ASSERT_TRUE(indexing->rebuild(context));
  ASSERT_EQ(index.serving(kIndexedType), 2);
  EXPECT_THAT(found("payment"), UnorderedElementsAre("e1", "e2", "e3"));
  ASSERT_TRUE(indexing->rollback(kIndexedType));
  EXPECT_THAT(found("payment"), UnorderedElementsAre("e1", "e2", "e3"));
}

TEST_F(EventRebuildTest, OneThatIsTakenOverGoesOnWhereItStood) {
  FakeTaskContext first(spec(), &clock);
  first.on_progress = [&] { first.stopped = first.stored.done > 0; };
  EXPECT_EQ(indexing->rebuild(first).error().kind, ErrorKind::cancelled);
  EXPECT_EQ(index.serving(kIndexedType), 1);
  ASSERT_THAT(index.numbers(kIndexedType), ElementsAre(1, 2)) << "it is kept for whoever goes on";
  const int calls = embedder.calls();
  auto next = first.resumed();
  ASSERT_TRUE(indexing->rebuild(next));
  EXPECT_EQ(index.serving(kIndexedType), 2);
  EXPECT_EQ(embedder.calls(), calls) << "what was filled is not embedded again";
  EXPECT_EQ(next.stored.result["documents"], 2);
  EXPECT_THAT(index.numbers(kIndexedType), ElementsAre(1, 2));
}

TEST_F(EventRebuildTest, OneThatEndedBehindTheFlipOnlyTidiesUp) {
  FakeTaskContext first(spec(), &clock);
  ASSERT_TRUE(indexing->rebuild(first));
  const int calls = embedder.calls();
  auto again = first.resumed();
  ASSERT_TRUE(indexing->rebuild(again));
  EXPECT_EQ(index.serving(kIndexedType), 2);
  EXPECT_THAT(index.numbers(kIndexedType), ElementsAre(1, 2));
  EXPECT_EQ(again.stored.result["previous"], 1);
  EXPECT_EQ(embedder.calls(), calls);
}

TEST_F(EventRebuildTest, OneThatIsCancelledLeavesNothing) {
  FakeTaskContext context(spec(), &clock);
  context.on_progress = [&] { context.cancel(); };
  EXPECT_EQ(indexing->rebuild(context).error().kind, ErrorKind::cancelled);
  EXPECT_EQ(index.serving(kIndexedType), 1);
  EXPECT_THAT(index.numbers(kIndexedType), ElementsAre(1));
}

TEST_F(EventRebuildTest, OneWhoseEmbedderIsGoneWaitsForItAndLeavesNothingWhenCancelled) {
  FakeTaskContext context(
      {{"type", kIndexedType}, {"embedder", "gone/1"}, {"dimension", 1}, {"model", ""}}, &clock);
  context.on_pause = [&] { context.cancel(); };
  EXPECT_EQ(indexing->rebuild(context).error().kind, ErrorKind::cancelled);
  EXPECT_EQ(context.pauses, 1);
  EXPECT_THAT(index.numbers(kIndexedType), ElementsAre(1));
}

// A folder that was gone stopped the pipeline, and the rebuild that should have helped.
TEST_F(EventRebuildTest, AServingGenerationWhoseEmbedderIsGoneIsReplacedAtOnce) {
  embedders.remove(embedder);
  record("e3", "payment three");
  FakeTaskContext context(spec("other/8"), &clock);
  ASSERT_TRUE(indexing->rebuild(context));
  EXPECT_EQ(index.serving(kIndexedType), 2);
  EXPECT_THAT(index.numbers(kIndexedType), ElementsAre(2));
  EXPECT_THAT(found("payment"), UnorderedElementsAre("e1", "e2", "e3"));
}

TEST_F(EventRebuildTest, OneThatServesBeforeItIsFilledIsFilledByWhoeverTakesItOver) {
  embedders.remove(embedder);
  FakeTaskContext first(spec("other/8"), &clock);
  first.on_progress = [&] { first.stopped = first.stored.checkpoint.value("early", false); };
  EXPECT_EQ(indexing->rebuild(first).error().kind, ErrorKind::cancelled);
  EXPECT_EQ(index.serving(kIndexedType), 2);
  auto next = first.resumed();
  ASSERT_TRUE(indexing->rebuild(next));
  EXPECT_THAT(index.numbers(kIndexedType), ElementsAre(2));
  EXPECT_THAT(found("payment"), UnorderedElementsAre("e1", "e2"));
}

TEST_F(EventRebuildTest, AnEmbedderThatIsDownIsWaitedFor) {
  FakeTaskContext context(spec(), &clock);
  embedder.fail_next(3);
  ASSERT_TRUE(indexing->rebuild(context));
  EXPECT_EQ(context.pauses, 3);
  EXPECT_THAT(found("payment"), UnorderedElementsAre("e1", "e2"));
}

// It was tried for ever, and no other rebuild began.
TEST_F(EventRebuildTest, AnEventThatFailsAgainAndAgainIsLeftOut) {
  FakeTaskContext context(spec(), &clock);
  index.fail_applies_with({ErrorKind::invalid, "a field of 64 KiB", ""});
  ASSERT_TRUE(indexing->rebuild(context));
  EXPECT_EQ(context.stored.result["left_out"], 2);
  EXPECT_EQ(context.stored.result["documents"], 0);
}

TEST_F(EventRebuildTest, ALogThatIsAwayIsWaitedFor) {
  FakeTaskContext context(spec(), &clock);
  log.fail_reads(2);
  ASSERT_TRUE(indexing->rebuild(context));
  EXPECT_THAT(found("payment"), UnorderedElementsAre("e1", "e2"));
}

// Erasures wait for the end of a step, also of one that met an outage.
TEST_F(EventRebuildTest, EachReadThatIsHeldNoMoreIsAStep) {
  FakeTaskContext context(spec("other/8"), &clock);
  other.fail_next(1);
  std::int64_t steps = -1;
  context.on_pause = [&] { steps = event_rebuild_steps(context.stored); };
  ASSERT_TRUE(indexing->rebuild(context));
  EXPECT_EQ(steps, 1);
  EXPECT_GT(event_rebuild_steps(context.stored), 1);
}

// It came back behind the receipt.
TEST_F(EventRebuildTest, WhatIsErasedDuringAnOutageIsNotWritten) {
  FakeTaskContext context(spec("other/8"), &clock);
  other.fail_next(1);
  context.on_pause = [&] {
    ASSERT_TRUE(log.erase({kIndexedTopic, 0}, std::vector<std::int64_t>{0}));
    ASSERT_TRUE(index.erase(tenant("acme"), {}, {}));
  };
  ASSERT_TRUE(indexing->rebuild(context));
  EXPECT_THAT(found("payment"), ElementsAre("e2"));
}

TEST_F(EventRebuildTest, ARollbackGoesBackFromTheServingOne) {
  for (int times = 0; times < 2; ++times) {
    FakeTaskContext context(spec(), &clock);
    ASSERT_TRUE(indexing->rebuild(context));
  }
  ASSERT_EQ(indexing->rollback(kIndexedType)->info.number, 2);
  EXPECT_FALSE(indexing->rollback(kIndexedType)) << "it went forward again";
}

TEST_F(EventRebuildTest, OnlyWhatATaskMakesIsBuilding) {
  const auto made = index.create(kIndexedType, {embedder.dimension(), embedder.id()});
  ASSERT_TRUE(made);
  EXPECT_EQ(indexing->list()->back().role, "previous");
  Task task{.id = "t", .kind = "rebuild"};
  task.spec = spec();
  task.checkpoint = {{"generation", made->info.number}};
  ASSERT_TRUE(tasks.insert(task));
  EXPECT_EQ(indexing->list()->back().role, "building");
}

// A crash between the two left a nearly empty index as complete.
TEST_F(EventRebuildTest, ThatItServesEarlyIsStoredBeforeItDoes) {
  embedders.remove(embedder);
  FakeTaskContext context(spec("other/8"), &clock);
  std::optional<int> served_then;
  context.on_progress = [&] {
    if (!served_then && context.stored.checkpoint.value("early", false)) {
      served_then = index.serving(kIndexedType);
    }
  };
  ASSERT_TRUE(indexing->rebuild(context));
  EXPECT_EQ(served_then, 1);
}

TEST_F(EventRebuildTest, ThePreviousOneStaysAndOlderOnesGo) {
  for (int times = 0; times < 3; ++times) {
    FakeTaskContext context(spec(), &clock);
    ASSERT_TRUE(indexing->rebuild(context));
  }
  EXPECT_THAT(index.numbers(kIndexedType), ElementsAre(3, 4));
}

TEST_F(EventRebuildTest, ARollbackServesThePreviousOneAgain) {
  FakeTaskContext context(spec("other/8"), &clock);
  ASSERT_TRUE(indexing->rebuild(context));
  const auto served = indexing->rollback(kIndexedType);
  ASSERT_TRUE(served) << served.error().to_string();
  EXPECT_EQ(served->info.number, 1);
  EXPECT_TRUE(served->info.serving);
  EXPECT_EQ(index.serving(kIndexedType), 1);
  record("e3", "payment three");
  EXPECT_TRUE(finds("e3", "three"));
}

TEST_F(EventRebuildTest, ARollbackNeedsAPreviousGenerationAndNoRebuildUnderWay) {
  const auto none = indexing->rollback(kIndexedType);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, ErrorKind::conflict);
  EXPECT_THAT(none.error().message, HasSubstr("no previous generation of analytics.recorded"));
  EXPECT_THAT(none.error().message, HasSubstr("`mesh index rebuild-events analytics.recorded`"));
  Task task{.id = "t", .kind = "rebuild"};
  task.spec = spec();
  ASSERT_TRUE(tasks.insert(task));
  const auto busy = indexing->rollback(kIndexedType);
  ASSERT_FALSE(busy);
  EXPECT_THAT(busy.error().message, HasSubstr("under way"));
}

TEST_F(EventRebuildTest, WhatARebuildIsAskedWith) {
  EXPECT_EQ(
      spec("other/8"),
      (Json{{"type", kIndexedType}, {"embedder", "other/8"}, {"dimension", 8}, {"model", ""}}));
  const auto unknown = indexing->rebuild_spec("order.placed", "", "");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().kind, ErrorKind::not_found);
  EXPECT_THAT(unknown.error().message, HasSubstr("analytics.recorded"));
  EXPECT_EQ(indexing->rebuild_spec(kIndexedType, "none", "").error().kind,
            ErrorKind::unprocessable);
  Task task{.id = "t", .kind = "rebuild"};
  task.spec = spec("other/8");
  EXPECT_TRUE(indexing->can_rebuild(task));
  embedders.remove(other);
  EXPECT_FALSE(indexing->can_rebuild(task)) << "its vectors cannot be made here";
  task.spec = Json::object();
  EXPECT_FALSE(indexing->can_rebuild(task)) << "it is of the users";
}

}  // namespace
}  // namespace mesh::pipeline
