// GET /ai/search and GET /ai/watch over the embedded index and a log in memory.
#include "daemon/services/event_search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <future>

#include "common/http/event_queue.h"
#include "common/http/event_stream_reader.h"
#include "daemon/pipeline/event_index/event_index_stage.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_engines.h"
#include "tests/support/fake_event_log.h"
#include "tests/support/hooked_event_index.h"

namespace mesh::services {
namespace {

using namespace std::chrono_literals;
using testing::DoubleEq;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Query = std::vector<std::pair<std::string, std::string>>;
using Ids = std::vector<std::string>;

constexpr const char* kRecorded = "analytics.recorded";

EventHit hit(const std::string& id, float score, int second = 0) {
  EventHit made{.event_id = id};
  made.time = Timestamp{std::chrono::seconds{second}};
  made.score = score;
  return made;
}

Ids ids_of(const std::vector<FusedHit>& hits) {
  Ids ids;
  for (const auto& one : hits) ids.push_back(one.hit.event_id);
  return ids;
}

TEST(Fuse, WhatBothFoundHasBothParts) {
  const auto hits = fuse({hit("a", 0.9F), hit("b", 0.8F)}, {hit("b", 7), hit("c", 5)}, 10);
  ASSERT_THAT(ids_of(hits), ElementsAre("b", "a", "c"));
  EXPECT_THAT(hits[0].rank_score, DoubleEq(1.0 / 62 + 1.0 / 61));
  EXPECT_THAT(hits[1].rank_score, DoubleEq(1.0 / 61));
  EXPECT_THAT(hits[2].rank_score, DoubleEq(1.0 / 62));
  EXPECT_FLOAT_EQ(hits[0].hit.score, 0.8F);
  EXPECT_EQ(hits[0].words, 7.0F);
  EXPECT_EQ(hits[1].words, std::nullopt);
  EXPECT_EQ(hits[2].hit.score, 0) << "what words say is no score of vectors";
  EXPECT_EQ(hits[2].words, 5.0F);
}

TEST(Fuse, TiesGoToTheNewestAndThenById) {
  EXPECT_THAT(ids_of(fuse({hit("old", 1, 1)}, {hit("new", 1, 2)}, 10)), ElementsAre("new", "old"));
  EXPECT_THAT(ids_of(fuse({hit("b", 1)}, {hit("a", 1)}, 10)), ElementsAre("a", "b"));
}

TEST(Fuse, TheFirstOfThemAreKept) {
  EXPECT_THAT(ids_of(fuse({hit("a", 1), hit("b", 1), hit("c", 1)}, {}, 2)), ElementsAre("a", "b"));
  EXPECT_THAT(fuse({}, {}, 2), IsEmpty());
}

const Searchable kOrders{
    .text = "{text}", .fields = {{"amount", FieldKind::number}, {"country", FieldKind::keyword}}};

TEST(ParseFilter, ConditionsBetweenSemicolonsAllHold) {
  const auto filter = parse_filter("country=DE|AT; amount>=10;", kOrders);
  ASSERT_TRUE(filter) << filter.error().to_string();
  ASSERT_EQ(filter->size(), 2u);
  EXPECT_EQ((*filter)[0].values.size(), 2u);
  EXPECT_TRUE(holds(*filter, {{"country", "AT"}, {"amount", 10.0}}));
  EXPECT_FALSE(holds(*filter, {{"country", "AT"}, {"amount", 9.5}}));
  EXPECT_FALSE(holds(*filter, {{"country", "FR"}, {"amount", 10.0}}));
}

TEST(ParseFilter, NothingIsNoCondition) {
  for (const char* text : {"", " ", ";", " ; ;"}) EXPECT_TRUE(parse_filter(text, kOrders)->empty());
}

TEST(ParseFilter, ASemicolonOfAValueStandsBehindABackslash) {
  const auto filter = parse_filter(R"(country=D\;E\\)", kOrders);
  ASSERT_EQ(filter->size(), 1u);
  EXPECT_EQ((*filter)[0].values, std::vector<FieldValue>{R"(D;E\)"});
  EXPECT_EQ((*parse_filter(R"(country=a\|b)", kOrders))[0].values, std::vector<FieldValue>{"a|b"});
}

TEST(ParseFilter, WhatDoesNotReadIsNamed) {
  const auto message = [](const std::string& text) {
    const auto filter = parse_filter(text, kOrders);
    EXPECT_FALSE(filter) << text;
    return filter ? std::string() : filter.error().message;
  };
  EXPECT_THAT(message("country"), HasSubstr("\"country\" has no operator"));
  EXPECT_THAT(message("country=DE;=3"), HasSubstr("names no field"));
  EXPECT_THAT(message("colour=red"), HasSubstr("declared are amount, country"));
  EXPECT_THAT(message("country>DE"), HasSubstr("which is a keyword"));
  EXPECT_THAT(message("amount>=ten"), HasSubstr("\"ten\", which is no number"));
  EXPECT_THAT(message("amount>1|2"), HasSubstr("alternatives go with = and != only"));
  EXPECT_THAT(message("country=" + std::string(2'000, 'x')), HasSubstr("over 2000 bytes"));
}

class EventSearchTest : public testing::Test {
 protected:
  EventSearchTest() {
    log.ensure("analytics.events", TopicKind::activity, 2);
    make(kRecorded);
    make("order.placed");
  }
  ~EventSearchTest() override { tail.stop(); }

  void make(const std::string& type) {
    const auto made = index.create(type, {embedder.dimension(), embedder.id()});
    EXPECT_TRUE(made && index.serve(type, made->info.number));
  }
  Event recorded(const std::string& id, const std::string& message,
                 const std::string& country = "DE", const std::string& tenant = "acme") {
    Event event{.id = id,
                .type = kRecorded,
                .source = "test",
                .time = clock.now(),
                .tenant = *TenantId::parse(tenant),
                .subject = "7"};
    event.data = dump({{"user_id", "7"},
                       {"event_type", "error"},
                       {"metadata", {{"country", country}, {"message", message}}}});
    return event;
  }
  Event placed(const std::string& id, const std::string& text, double amount) {
    Event event = recorded(id, "");
    event.type = "order.placed";
    event.data = dump({{"text", text}, {"amount", amount}, {"country", "DE"}});
    return event;
  }
  // As the pipeline does it.
  void index_now(const Event& event) {
    static std::int64_t offset = 0;
    const auto topic = pipeline_topic(event.type);
    const pipeline::StageInput input{event, {topic, 0, offset++}};
    ASSERT_EQ(stage->process({&input, 1}, {}).front().outcome,
              pipeline::StageResult::Outcome::done);
  }
  static std::string pipeline_topic(const std::string& type) {
    return type.substr(0, type.find('.')) + ".events";
  }

  void ask(const std::string& path, Query query, const http::Responder& respond,
           const std::string& tenant) {
    auto request = std::make_shared<http::Request>();
    request->method = "GET";
    request->path = path;
    request->query = std::move(query);
    request->principal = Principal{};
    request->principal->tenant = *TenantId::parse(tenant);
    std::ranges::find(routes, path, &http::Route::pattern)->handler(request, respond);
  }
  http::Response answer(const std::string& path, Query query, const std::string& tenant = "acme") {
    std::promise<http::Response> answer;
    ask(path, std::move(query),
        http::Responder([&](http::Response response) { answer.set_value(std::move(response)); }),
        tenant);
    return answer.get_future().get();
  }
  Json search(Query query, const std::string& tenant = "acme") {
    if (std::ranges::find(query, "type", &Query::value_type::first) == query.end()) {
      query.emplace_back("type", kRecorded);
    }
    const auto response = answer("/ai/search", std::move(query), tenant);
    EXPECT_EQ(response.status, 200) << response.body;
    return Json::parse(response.body);
  }
  Ids found(Query query, const std::string& tenant = "acme") {
    Ids ids;
    const Json body = search(std::move(query), tenant);
    for (const auto& one : body["results"]) ids.push_back(one["event_id"]);
    return ids;
  }
  // The detail of a request that is refused.
  std::string refusal(const std::string& path, const Query& query, int status = 400) {
    const auto response = answer(path, query);
    EXPECT_EQ(response.status, status) << response.body;
    return Json::parse(response.body).value("detail", "");
  }

  // One who watches, and reads what comes.
  struct Watcher {
    http::Response response;
    std::function<void()> gone;
    std::vector<http::ReadEvent> events;
    http::EventStreamReader reader{[this](const http::ReadEvent& event) {
      events.push_back(event);
      return true;
    }};
    bool ended = false;
    void read() {
      const auto taken = response.events->take();
      ended = ended || taken.last;
      EXPECT_TRUE(reader.feed(taken.bytes));
    }
    Ids ids() {
      read();
      Ids ids;
      for (const auto& one : events) ids.push_back(Json::parse(one.data)["event_id"]);
      return ids;
    }
    bool gets(const Ids& expected) {
      return test::eventually([&] { return ids().size() >= expected.size(); }) && ids() == expected;
    }
  };
  std::unique_ptr<Watcher> watch(Query query, const std::string& tenant = "acme") {
    auto watcher = std::make_unique<Watcher>();
    if (std::ranges::find(query, "type", &Query::value_type::first) == query.end()) {
      query.emplace_back("type", kRecorded);
    }
    ask("/ai/watch", std::move(query),
        http::Responder([&](http::Response response) { watcher->response = std::move(response); },
                        [&](std::function<void()> gone) { watcher->gone = std::move(gone); }),
        tenant);
    EXPECT_EQ(watcher->response.status, 200) << watcher->response.body;
    EXPECT_TRUE(watcher->response.events);
    return watcher;
  }
  void publish(const Event& event) { log.append_now(to_record(event)); }

  ManualClock clock;
  test::FakeEventLog log{clock};
  test::HookedEventIndex index;
  // Equal texts have equal vectors, and a query finds by them what is of its very text.
  test::FakeEmbedder embedder{"fake/64", 64};
  test::FakeEmbedders embedders{embedder};
  Metrics metrics;
  Usage usage{clock};
  pipeline::SearchableOf searchable =
      [](const TenantId& tenant,
         std::string_view type) -> Result<std::shared_ptr<const Searchable>> {
    const bool orders = type == "order.placed" && tenant.str() == "acme";
    const Searchable* const known = orders ? &kOrders : built_in_searchable(type);
    return known ? std::make_shared<const Searchable>(*known) : nullptr;
  };
  std::unique_ptr<pipeline::Stage> stage =
      pipeline::make_event_index_stage(index, embedders, searchable);
  Watches watches{metrics, {.most = 10, .most_of_tenant = 3}};
  std::atomic<bool> acme_is_closed = false;
  EventTail tail{{log, log, searchable, watches, clock, [this](const TenantId& tenant) {
                    return acme_is_closed && tenant.str() == "acme";
                  }}};
  http::RouteTable routes = event_search_routes(
      {index, embedders, log, searchable, clock, metrics, usage, tail, watches, nullptr});
};

TEST_F(EventSearchTest, WhatIsFoundAndHowItIsTold) {
  index_now(recorded("e1", "payment declined"));
  const Json body = search({{"query", "declined"}});
  EXPECT_EQ(body["tenant_id"], "acme");
  EXPECT_EQ(body["type"], kRecorded);
  EXPECT_EQ(body["query"], "declined");
  ASSERT_EQ(body["results"].size(), 1u);
  const Json& one = body["results"][0];
  EXPECT_EQ(one["event_id"], "e1");
  EXPECT_EQ(one["type"], kRecorded);
  EXPECT_EQ(one["subject"], "7");
  EXPECT_EQ(one["title"], "error DE payment declined");
  EXPECT_EQ(one["fields"]["metadata.country"], "DE");
  EXPECT_EQ(one["topic"], "analytics.events");
  EXPECT_GT(one["words"], 0);
  EXPECT_GT(one["rank_score"], 0);
}

TEST_F(EventSearchTest, AnEqualTextHasTheScoreOne) {
  index_now(recorded("e1", "payment declined"));
  const Json body = search({{"query", "error DE payment declined"}});
  EXPECT_EQ(body["results"][0]["score"], 1.0);
}

TEST_F(EventSearchTest, AnotherTenantSeesNothing) {
  index_now(recorded("e1", "payment declined"));
  EXPECT_THAT(found({{"query", "payment"}}, "globex"), IsEmpty());
  EXPECT_THAT(found({{"query", "payment"}}), ElementsAre("e1"));
}

TEST_F(EventSearchTest, FiltersAndTimesAreHeldTo) {
  index_now(recorded("old", "payment", "DE"));
  clock.advance(48h);
  index_now(recorded("german", "payment", "DE"));
  index_now(recorded("french", "payment", "FR"));
  clock.advance(1h);
  EXPECT_THAT(found({{"query", "payment"}, {"filter", "country=FR"}}), ElementsAre("french"));
  EXPECT_THAT(found({{"query", "payment"}, {"filter", "metadata.country=DE"}, {"from", "2h"}}),
              ElementsAre("german"));
  EXPECT_THAT(found({{"query", "payment"}, {"to", "2026-01-02T00:00:00Z"}}), ElementsAre("old"));
  EXPECT_THAT(found({{"query", "payment"}, {"from", "30m"}}), IsEmpty());
  EXPECT_EQ(found({{"query", "payment"}, {"limit", "2"}}).size(), 2u);
}

TEST_F(EventSearchTest, AnOwnTypeIsItsTenantsAlone) {
  index_now(placed("o1", "red lamp", 12));
  index_now(placed("o2", "red chair", 8));
  const Query query{{"type", "order.placed"}, {"query", "red"}, {"filter", "amount>=10"}};
  EXPECT_THAT(found(query), ElementsAre("o1"));
  const auto other = answer("/ai/search", query, "globex");
  EXPECT_EQ(other.status, 400);
  EXPECT_THAT(other.body, HasSubstr("are not searchable"));
}

TEST_F(EventSearchTest, WithoutAGenerationItIsTriedLaterUnlessThereWasNoEventYet) {
  const Query query{{"type", "chemical.recorded"}, {"query", "H2O"}};
  EXPECT_THAT(found(query), IsEmpty());
  log.ensure("chemical.events", TopicKind::activity, 1);
  EXPECT_THAT(refusal("/ai/search", query, 503),
              HasSubstr("the index of chemical.recorded is not built yet; try again later"));
}

TEST_F(EventSearchTest, WhereNoneAreIndexedThatIsSaid) {
  routes = event_search_routes(
      {index, embedders, log, searchable, clock, metrics, usage, tail, watches, nullptr, false});
  for (const char* path : {"/ai/search", "/ai/watch"}) {
    EXPECT_THAT(refusal(path, {{"type", kRecorded}, {"query", "x"}}),
                HasSubstr("vectors.events is off"));
  }
}

TEST_F(EventSearchTest, WhereTheEmbedderIsAwayWordsSearchAlone) {
  index_now(recorded("e1", "payment declined"));
  const int before = embedder.calls();
  embedder.fail_next(1);
  const Json body = search({{"query", "declined"}});
  ASSERT_EQ(body["results"].size(), 1u);
  EXPECT_EQ(body["results"][0]["event_id"], "e1");
  EXPECT_EQ(body["results"][0]["score"], 0);
  EXPECT_EQ(body["vectors"], "unavailable: the fake is down");
  EXPECT_EQ(embedder.calls(), before + 1) << "it is not asked twice";
  EXPECT_FALSE(search({{"query", "declined"}}).contains("vectors"));
}

TEST_F(EventSearchTest, AnEmbedderThatRefusesTheQueryIsHeard) {
  embedder.refuse("H2O", ErrorKind::unprocessable);
  EXPECT_THAT(refusal("/ai/search", {{"type", kRecorded}, {"query", "H2O"}}, 422),
              HasSubstr("cannot embed"));
}

TEST_F(EventSearchTest, WhatIsWrongWithAQueryIsSaid) {
  const auto of = [&](Query query) {
    query.emplace_back("type", kRecorded);
    query.emplace_back("query", "x");
    return refusal("/ai/search", query);
  };
  EXPECT_THAT(refusal("/ai/search", {{"query", "x"}}), HasSubstr("type: missing"));
  EXPECT_THAT(refusal("/ai/search", {{"type", "order.paid"}, {"query", "x"}}),
              HasSubstr("\"order.paid\" are not searchable"));
  EXPECT_THAT(refusal("/ai/search", {{"type", kRecorded}}), HasSubstr("query: missing or empty"));
  EXPECT_THAT(refusal("/ai/search", {{"type", kRecorded}, {"query", " "}}),
              HasSubstr("query: missing or empty"));
  EXPECT_THAT(refusal("/ai/search", {{"type", kRecorded}, {"query", std::string(1'001, 'x')}}),
              HasSubstr("query: over 1000 bytes"));
  EXPECT_THAT(of({{"filter", "country"}}), HasSubstr("has no operator"));
  EXPECT_THAT(of({{"filter", "event_type>a"}}), HasSubstr("which is a keyword"));
  EXPECT_THAT(of({{"from", "yesterday"}}),
              HasSubstr("from: \"yesterday\" is neither a time such as"));
  EXPECT_THAT(of({{"from", "1h"}, {"to", "2h"}}), HasSubstr("to: is before from"));
  EXPECT_THAT(of({{"limit", "0"}}), HasSubstr("limit"));
  EXPECT_THAT(of({{"min_score", "much"}}), HasSubstr("min_score"));
  EXPECT_THAT(of({{"semantic_ratio", "2"}}), HasSubstr("semantic_ratio"));
  EXPECT_THAT(of({{"semantic_ratio", "0.5"}}), HasSubstr("has one part only"));
  EXPECT_THAT(refusal("/ai/watch", {{"type", kRecorded}}), HasSubstr("no filter"));
  EXPECT_THAT(refusal("/ai/watch", {{"type", "order.paid"}, {"query", "x"}}),
              HasSubstr("are not searchable"));
  EXPECT_EQ(watches.size(), 0u);
}

TEST_F(EventSearchTest, ASearchIsCounted) {
  (void)search({{"query", "payment"}});
  EXPECT_THAT(metrics.expose(), HasSubstr("ai_gateway_requests_total{path=\"/ai/search\""));
}

TEST_F(EventSearchTest, WhatIsPublishedAfterAWatchIsSentOnceToThoseThatMatch) {
  publish(recorded("before", "payment declined"));
  const auto declined = watch({{"query", "error DE payment declined"}, {"min_score", "0.5"}});
  const auto other = watch({{"query", "error DE nothing alike"}, {"min_score", "0.5"}});
  publish(recorded("e1", "payment declined"));
  publish(recorded("e2", "payment accepted"));
  publish(recorded("e3", "payment declined"));
  EXPECT_TRUE(declined->gets({"e1", "e3"}));
  EXPECT_THAT(other->ids(), IsEmpty());
  const Json one = Json::parse(declined->events[0].data);
  EXPECT_EQ(one["title"], "error DE payment declined");
  EXPECT_EQ(one["score"], 1.0);
  EXPECT_EQ(declined->events[0].type, "hit");
}

TEST_F(EventSearchTest, OtherTenantsWatchesSeeNothing) {
  const auto globex = watch({{"filter", "country=DE"}}, "globex");
  const auto acme = watch({{"filter", "country=DE"}});
  publish(recorded("a1", "payment"));
  publish(recorded("g1", "payment", "DE", "globex"));
  publish(recorded("a2", "payment"));
  EXPECT_TRUE(acme->gets({"a1", "a2"}));
  EXPECT_TRUE(globex->gets({"g1"}));
}

TEST_F(EventSearchTest, AWatchByAFilterAloneEmbedsNothing) {
  embedder.refuse("payment", ErrorKind::unprocessable);
  const auto german = watch({{"filter", "country=DE"}});
  publish(recorded("french", "payment", "FR"));
  publish(recorded("german", "payment", "DE"));
  EXPECT_TRUE(german->gets({"german"}));
  EXPECT_FALSE(Json::parse(german->events[0].data).contains("score"));
  EXPECT_EQ(embedder.calls(), 0);
}

TEST_F(EventSearchTest, AWatchSeesATopicThatComesLater) {
  const auto orders = watch({{"type", "order.placed"}, {"filter", "amount>=10"}});
  log.ensure("order.events", TopicKind::activity, 1);
  publish(placed("o1", "red lamp", 12));
  EXPECT_TRUE(test::advance_until(clock, 1'000ms, [&] { return orders->ids() == Ids{"o1"}; }));
  publish(placed("o2", "red chair", 8));
  publish(placed("o3", "red table", 80));
  EXPECT_TRUE(orders->gets({"o1", "o3"}));
}

TEST_F(EventSearchTest, ALogThatIsAwayIsReadAgainAndNothingIsSentTwice) {
  const auto german = watch({{"filter", "country=DE"}});
  publish(recorded("e1", "payment"));
  ASSERT_TRUE(german->gets({"e1"}));
  log.fail_reads(1);
  publish(recorded("e2", "payment"));
  EXPECT_TRUE(test::advance_until(clock, 1'000ms, [&] { return german->ids().size() >= 2; }));
  EXPECT_THAT(german->ids(), ElementsAre("e1", "e2"));
}

TEST_F(EventSearchTest, AnEmbedderThatIsAwayIsAskedAgainAndNothingIsSentTwice) {
  const auto declined = watch({{"query", "error DE payment declined"}, {"min_score", "0.5"}});
  embedder.fail_next(2);
  publish(recorded("e1", "payment declined"));
  EXPECT_TRUE(test::advance_until(clock, 1'000ms, [&] { return !declined->ids().empty(); }));
  publish(recorded("e2", "payment declined"));
  EXPECT_TRUE(declined->gets({"e1", "e2"}));
}

TEST_F(EventSearchTest, WhileTheLogIsAwayItIsAskedOnceASecond) {
  const auto german = watch({{"filter", "country=DE"}});
  publish(recorded("e1", "payment"));
  ASSERT_TRUE(german->gets({"e1"}));
  log.fail_reads(1'000'000);
  publish(recorded("e2", "payment"));
  for (int second = 0; second < 3; ++second) {
    clock.await_waiters(1);
    const int reads = log.reads();
    publish(recorded("more", "payment"));
    clock.await_waiters(1);
    EXPECT_EQ(log.reads(), reads) << "what is logged meanwhile wakes nobody";
    clock.advance(1'000ms);
    EXPECT_TRUE(test::eventually([&] { return log.reads() > reads; }));
  }
  log.fail_reads(0);
  EXPECT_TRUE(test::advance_until(clock, 1'000ms, [&] { return german->ids().size() == 5; }));
}

TEST_F(EventSearchTest, ATypeWhoseEmbedderIsAwayHoldsNoOtherUp) {
  log.ensure("order.events", TopicKind::activity, 1);
  const auto declined = watch({{"query", "error DE payment declined"}, {"min_score", "0.5"}});
  const auto beside = watch({{"filter", "country=DE"}});
  const auto orders = watch({{"type", "order.placed"}, {"filter", "amount>=10"}});
  embedder.fail_next(1);
  publish(recorded("e1", "payment declined"));
  publish(placed("o1", "red lamp", 12));
  EXPECT_TRUE(orders->gets({"o1"})) << "though the clock stands";
  EXPECT_TRUE(beside->gets({"e1"})) << "a filter needs no vectors";
  EXPECT_TRUE(test::advance_until(clock, 1'000ms, [&] { return !declined->ids().empty(); }));
  publish(recorded("e2", "payment"));
  EXPECT_TRUE(beside->gets({"e1", "e2"})) << "and is told once";
}

TEST_F(EventSearchTest, ATextThatCannotBeEmbeddedIsLeftOutAlone) {
  const auto declined = watch({{"query", "error DE payment declined"}, {"min_score", "0.5"}});
  const auto german = watch({{"filter", "country=DE"}});
  embedder.refuse("bad", ErrorKind::unprocessable);
  log.append({to_record(recorded("e1", "payment declined")), to_record(recorded("e2", "bad")),
              to_record(recorded("e3", "payment declined"))},
             [](const auto&) {});
  EXPECT_TRUE(declined->gets({"e1", "e3"}));
  EXPECT_TRUE(german->gets({"e1", "e2", "e3"}));
}

TEST_F(EventSearchTest, WatchesOfATenantThatIsClosedEnd) {
  const auto acme = watch({{"filter", "country=DE"}});
  const auto globex = watch({{"filter", "country=DE"}}, "globex");
  acme_is_closed = true;
  publish(recorded("a1", "payment"));
  publish(recorded("g1", "payment", "DE", "globex"));
  EXPECT_TRUE(globex->gets({"g1"}));
  EXPECT_TRUE(test::eventually([&] { return acme->ids().empty() && acme->ended; }));
  EXPECT_EQ(watches.size(), 1u);
}

TEST_F(EventSearchTest, AWatchByAFilterAloneAsksForNoEmbedder) {
  embedders.remove(embedder);
  const auto german = watch({{"filter", "country=DE"}});
  publish(recorded("e1", "payment"));
  EXPECT_TRUE(german->gets({"e1"}));
  EXPECT_EQ(answer("/ai/watch", {{"type", kRecorded}, {"query", "x"}}).status, 503);
}

TEST_F(EventSearchTest, AWatchSeesNothingOfBeforeThoughOthersLagBehind) {
  const auto first = watch({{"filter", "country=DE"}});
  publish(recorded("e1", "payment"));
  ASSERT_TRUE(first->gets({"e1"}));
  log.fail_reads(2);
  publish(recorded("e2", "payment"));
  clock.await_waiters(1);
  const auto second = watch({{"filter", "message=payment"}});
  EXPECT_TRUE(test::advance_until(clock, 1'000ms, [&] { return first->ids().size() == 2; }));
  publish(recorded("e3", "payment"));
  EXPECT_TRUE(second->gets({"e3"}));
}

TEST_F(EventSearchTest, OnesThatLeftAreForgottenAndTheNextSeesWhatComes) {
  const auto first = watch({{"filter", "country=DE"}});
  first->gone();
  EXPECT_EQ(watches.size(), 0u);
  publish(recorded("between", "payment"));
  const auto next = watch({{"filter", "message=payment"}});
  publish(recorded("e1", "payment"));
  EXPECT_TRUE(test::eventually([&] {
    const Ids ids = next->ids();
    return !ids.empty() && ids.back() == "e1";
  }));
  EXPECT_THAT(first->ids(), IsEmpty());
}

TEST_F(EventSearchTest, ATenantMayWatchSoMuch) {
  std::vector<std::unique_ptr<Watcher>> all;
  for (int i = 0; i < 3; ++i) all.push_back(watch({{"filter", "country=DE"}}));
  EXPECT_THAT(refusal("/ai/watch", {{"type", kRecorded}, {"filter", "country=DE"}}, 429),
              HasSubstr("3 standing queries already"));
}

TEST_F(EventSearchTest, AfterAStopNothingIsSent) {
  const auto german = watch({{"filter", "country=DE"}});
  publish(recorded("e1", "payment"));
  ASSERT_TRUE(german->gets({"e1"}));
  tail.stop();
  publish(recorded("e2", "payment"));
  EXPECT_THAT(german->ids(), ElementsAre("e1"));
  tail.stop();
}

}  // namespace
}  // namespace mesh::services
