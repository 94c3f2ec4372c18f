// What an index does while its server is away, stands still, refuses or says something else.
#include <atomic>
#include <future>
#include <thread>

#include "common/engines/qdrant/server.h"

#include "tests/common/engines/qdrant/qdrant_fixture.h"

namespace mesh::qdrant {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

using QdrantOutage = QdrantTest;

TEST_F(QdrantOutage, WithoutAServerItOpensAndSaysSo) {
  IndexOptions nowhere = options();
  {
    const test::RawListener gone;
    nowhere.url = gone.url();
  }
  const auto index = open(nowhere);
  const auto made = index->create_generation({2, kEmbedder}, 0);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind, ErrorKind::unavailable);
  EXPECT_THAT(made.error().message, HasSubstr("qdrant.url"));
  EXPECT_TRUE(index->trouble());
}

// Else whoever looks after the server would sleep over what began since its last look.
TEST_F(QdrantOutage, TroubleThatBeganBeforeARestEndsIt) {
  IndexOptions nowhere = options();
  {
    const test::RawListener gone;
    nowhere.url = gone.url();
  }
  ManualClock clock;
  Server asked(nowhere, clock);
  ASSERT_FALSE(asked.look({"GET", "/collections"}));
  std::atomic<bool> over = false;
  std::thread resting([&] {
    asked.rest(Duration{5'000});
    over = true;
  });
  EXPECT_TRUE(test::eventually([&] { return over.load(); }));
  asked.stop();
  resting.join();
}

TEST_F(QdrantOutage, TroubleIsFoundAndLeftWithoutARequest) {
  server.always("POST", "/scroll", {.status = 401, .body = "Invalid API key or JWT"});
  ManualClock clock;
  const auto index = open(options(), clock);
  ASSERT_TRUE(test::eventually([&] { return index->trouble().has_value(); }));
  EXPECT_THAT(index->trouble()->message, HasSubstr("qdrant.api_key_file"));
  EXPECT_THAT(index->trouble()->cause, HasSubstr("Invalid API key"));
  server.as_ever();
  EXPECT_TRUE(test::advance_until(clock, Duration{100}, [&] { return !index->trouble(); }));
}

TEST_F(QdrantOutage, PointsThatCannotBeReadAreTrouble) {
  server.always("POST", "/user_embeddings/points/scroll",
                {.status = 503, .body = R"({"status":{"error":"shard is not available"}})"});
  ManualClock clock;
  const auto index = open(options(), clock);
  ASSERT_TRUE(test::eventually([&] { return index->trouble().has_value(); }));
  EXPECT_THAT(index->trouble()->cause, HasSubstr("shard is not available"));
  server.as_ever();
  EXPECT_TRUE(test::advance_until(clock, Duration{100}, [&] { return !index->trouble(); }));
}

TEST_F(QdrantOutage, AnOlderServerIsRefusedUntilItIsReplaced) {
  server.version("1.15.5");
  ManualClock clock;
  const auto index = open(options(), clock);
  ASSERT_TRUE(test::eventually([&] { return index->trouble().has_value(); }));
  EXPECT_THAT(index->trouble()->message, HasSubstr("1.15.5"));
  EXPECT_THAT(index->trouble()->message, HasSubstr("1.16"));
  EXPECT_THAT(server.asked("POST", "/scroll"), SizeIs(0));
  server.version("1.16.0");
  EXPECT_TRUE(test::advance_until(clock, Duration{100}, [&] { return !index->trouble(); }));
}

TEST_F(QdrantOutage, WhoeverAnswersAfterAnOutageIsAskedForItsVersion) {
  const auto index = open();
  make_serving(*index);
  server.version("1.15.5");
  EXPECT_TRUE(search(*index)) << "it is not asked each time";
  server.next("POST", "/query", {.cut = true});
  EXPECT_THAT(search(*index).error().message, HasSubstr("1.15.5"));
}

TEST_F(QdrantOutage, SomethingElseIsNoQdrant) {
  for (const char* body : {"<html>It works!</html>", "[]", "{}",
                           R"({"version":{"number":"8.0.0"}})", R"({"version":1.16})"}) {
    server.always("GET", "/", {.body = body});
    const auto index = open();
    ASSERT_TRUE(test::eventually([&] { return index->trouble().has_value(); })) << body;
    EXPECT_THAT(index->trouble()->message, HasSubstr("no Qdrant server")) << body;
  }
}

TEST_F(QdrantOutage, TheKeyIsSent) {
  const auto index = open();
  make_serving(*index);
  const auto asked = server.asked("POST", "/aliases");
  ASSERT_THAT(asked, SizeIs(1));
  EXPECT_EQ(asked[0].key, "secret");
}

TEST_F(QdrantOutage, WhatMayPassIsRepeated) {
  const auto index = open();
  const int generation = make_serving(*index);
  for (const int status : {500, 503, 408}) {
    const auto before = upserts();
    server.next("PUT", "/points", {.status = status, .body = R"({"status":{"error":"busy"}})"});
    server.next("PUT", "/points", {.status = status});
    EXPECT_TRUE(apply(*index, generation, change_of(1, 1))) << status;
    EXPECT_EQ(upserts() - before, 3u) << status;
  }
  server.next("PUT", "/points", {.body = R"({"result":{"sta)", .cut = true});
  server.next("POST", "/query", {.cut = true});
  EXPECT_TRUE(apply(*index, generation, change_of(1, 1)));
  EXPECT_TRUE(search(*index));
}

TEST_F(QdrantOutage, NothingIsRepeatedForEver) {
  const auto index = open();
  const int generation = make_serving(*index);
  server.always("PUT", "/points", {.status = 503, .body = "no JSON"});
  const auto applied = apply(*index, generation, change_of(1, 1));
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().kind, ErrorKind::unavailable);
  EXPECT_THAT(applied.error().message, HasSubstr("qdrant.url"));
  EXPECT_THAT(applied.error().cause, HasSubstr("503: no JSON"));
  EXPECT_EQ(upserts(), 3u);
}

TEST_F(QdrantOutage, WhatIsRefusedIsNotRepeated) {
  const auto index = open();
  const int generation = make_serving(*index);
  for (const auto& [status, word] : {std::pair{400, "strict mode"},
                                     {401, "qdrant.api_key_file"},
                                     {403, "qdrant.api_key_file"},
                                     {507, "more disk"}}) {
    const auto before = upserts();
    server.next("PUT", "/points", {.status = status, .body = "why"});
    const auto applied = apply(*index, generation, change_of(1, 1));
    ASSERT_FALSE(applied);
    EXPECT_EQ(applied.error().kind, ErrorKind::unavailable) << status;
    EXPECT_THAT(applied.error().message, HasSubstr(word));
    EXPECT_THAT(applied.error().cause, HasSubstr("why"));
    EXPECT_EQ(upserts() - before, 1u) << status;
  }
}

TEST_F(QdrantOutage, ALimitIsWaitedForWhereItIsShort) {
  ManualClock clock;
  const auto index = open(options(), clock);
  const int generation = make_serving(*index);
  const Said limited{.status = 429, .headers = {{"Retry-After", "2"}}};
  server.next("PUT", "/points", limited);
  auto applied =
      std::async(std::launch::async, [&] { return apply(*index, generation, change_of(1, 1)); });
  clock.await_waiters(2);  // the thread that asks now and then, and this one
  clock.advance(Duration{1'999});
  clock.await_woken();
  EXPECT_EQ(upserts(), 1u);
  clock.advance(Duration{1});
  EXPECT_TRUE(applied.get());
  EXPECT_EQ(upserts(), 2u);
}

TEST_F(QdrantOutage, ALongLimitIsToldAtOnce) {
  const auto index = open();
  const int generation = make_serving(*index);
  server.next("PUT", "/points", {.status = 429, .headers = {{"Retry-After", "3600"}}});
  const auto applied = apply(*index, generation, change_of(1, 1));
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().kind, ErrorKind::unavailable);
  EXPECT_EQ(applied.error().retry_after, std::chrono::hours(1));
  EXPECT_EQ(upserts(), 1u);
}

TEST_F(QdrantOutage, ALimitMayBeToldByADate) {
  ManualClock clock;  // stands at 2026-01-01T00:00:00Z
  const auto index = open(options(), clock);
  const int generation = make_serving(*index);
  server.next("PUT", "/points",
              {.status = 429, .headers = {{"Retry-After", "Thu, 01 Jan 2026 01:00:00 GMT"}}});
  const auto applied = apply(*index, generation, change_of(1, 1));
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().retry_after, std::chrono::hours(1));
}

// Without a guard by the server's word an offset would be committed over a change that is lost.
TEST_F(QdrantOutage, WhatIsNotCompletedIsNotDone) {
  const auto index = open();
  const int generation = make_serving(*index);
  for (const char* status : {"acknowledged", "wait_timeout"}) {
    const std::string body = dump({{"result", {{"operation_id", 1}, {"status", status}}}});
    server.next("PUT", "/points", {.body = body});
    EXPECT_TRUE(apply(*index, generation, change_of(1, 1)));
    for (int i = 0; i < 3; ++i) server.next("PUT", "/points", {.body = body});
    const auto applied = apply(*index, generation, change_of(1, 1));
    ASSERT_FALSE(applied) << status;
    EXPECT_EQ(applied.error().kind, ErrorKind::uncertain);
  }
}

TEST_F(QdrantOutage, ACutAnswerLeavesAChangeUncertainAndASearchUndone) {
  const auto index = open();
  const int generation = make_serving(*index);
  server.always("PUT", "/points", {.body = "{", .done = true, .cut = true});
  server.always("POST", "/query", {.body = "{", .cut = true});
  EXPECT_EQ(apply(*index, generation, change_of(1, 1)).error().kind, ErrorKind::uncertain);
  EXPECT_EQ(search(*index).error().kind, ErrorKind::unavailable);
}

TEST_F(QdrantOutage, AChangeStaysUncertainThoughTheServerIsGoneWhenItIsRepeated) {
  const auto index = open();
  const int generation = make_serving(*index);
  server.next("PUT", "/points", {.body = "{", .done = true, .cut = true});
  server.always("GET", "/", {.status = 503});
  EXPECT_EQ(apply(*index, generation, change_of(1, 1)).error().kind, ErrorKind::uncertain);
}

TEST_F(QdrantOutage, ASilentServerIsGivenUp) {
  auto impatient = options();
  const auto patient = open();
  const int generation = make_serving(*patient);
  server.always("PUT", "/points", {.silent = true});
  server.always("POST", "/query", {.silent = true});
  impatient.timeout = Duration{100};
  const auto index = open(impatient);
  EXPECT_EQ(apply(*index, generation, change_of(1, 1)).error().kind, ErrorKind::uncertain);
  EXPECT_EQ(search(*index).error().kind, ErrorKind::unavailable);
}

// Each search blocked for the time-out, for as long as the server stood still.
TEST_F(QdrantOutage, OnceTheServerGivesNoAnswerCallsFailAtOnceUntilOneDoes) {
  ManualClock clock;
  auto impatient = options();
  impatient.timeout = Duration{100};
  impatient.max_retries = 0;
  const auto index = open(impatient, clock);
  const int generation = make_serving(*index);
  server.freeze();
  EXPECT_EQ(search(*index).error().kind, ErrorKind::unavailable);
  const auto asked = server.asked("POST", "/query").size();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(search(*index).error().kind, ErrorKind::unavailable);
  EXPECT_EQ(apply(*index, generation, change_of(1, 1)).error().kind, ErrorKind::unavailable);
  EXPECT_EQ(server.asked("POST", "/query").size(), asked);
  EXPECT_EQ(upserts(), 0u);
  server.as_ever();
  EXPECT_TRUE(test::advance_until(clock, Duration{100}, [&] { return !index->trouble(); }));
  EXPECT_TRUE(search(*index));
}

TEST_F(QdrantOutage, OneRequestWithoutAnAnswerStopsNothingWhereTheServerAnswersOthers) {
  ManualClock clock;  // that stands still: the server is asked at once
  auto impatient = options();
  impatient.timeout = Duration{100};
  impatient.max_retries = 0;
  const auto index = open(impatient, clock);
  make_serving(*index);
  server.next("POST", "/query", {.silent = true});
  EXPECT_FALSE(search(*index));
  EXPECT_TRUE(test::eventually([&] { return search(*index).has_value(); }));
}

TEST_F(QdrantOutage, WhoWaitsForAConnectionIsToldThatTheServerGivesNoAnswer) {
  ManualClock clock;  // that stands still: a wait ends by news only
  auto impatient = options();
  impatient.timeout = Duration{500};
  impatient.max_retries = 0;
  impatient.connections = 1;
  const auto index = open(impatient, clock);
  make_serving(*index);
  server.freeze();
  std::vector<std::future<bool>> searches;
  for (int i = 0; i < 4; ++i) {
    searches.push_back(std::async(std::launch::async, [&] { return search(*index).has_value(); }));
  }
  for (auto& one : searches) EXPECT_FALSE(one.get());
  EXPECT_THAT(server.asked("POST", "/query"), SizeIs(1));
}

// `mesh check` found nothing wrong while searches were refused.
TEST_F(QdrantOutage, ACollectionThatIsLostIsTroubleUntilAnotherServes) {
  ManualClock clock;
  const auto index = open(options(), clock);
  make_serving(*index);
  server.lose("user_embeddings-1");
  ASSERT_TRUE(
      test::advance_until(clock, Duration{100}, [&] { return index->trouble().has_value(); }));
  EXPECT_THAT(index->trouble()->message, HasSubstr("has lost user_embeddings-1"));
  EXPECT_THAT(index->trouble()->message, HasSubstr("mesh index rebuild"));
  make_serving(*index);
  EXPECT_TRUE(test::advance_until(clock, Duration{100}, [&] { return !index->trouble(); }));
}

TEST_F(QdrantOutage, AnswersThatAreNoneAreTold) {
  const auto index = open();
  make_serving(*index);
  for (const char* body : {"", "[]", "{}", "<html>", R"({"result":)"}) {
    server.always("POST", "/query", {.body = body});
    EXPECT_EQ(search(*index).error().kind, ErrorKind::unavailable) << body;
  }
}

TEST_F(QdrantOutage, APointThatNoMeshHasWrittenIsToldNotFound) {
  const auto index = open();
  make_serving(*index);
  Json point{{"id", 1},
             {"score", 0.5},
             {"payload", {{"tenantId", "globex"}, {"userId", 1}, {"email", "e"}, {"name", "n"}}}};
  const auto answer = [&] { return dump({{"result", {{"points", Json::array({point})}}}}); };
  server.next("POST", "/query", {.body = answer()});
  EXPECT_EQ(search(*index).error().kind, ErrorKind::corrupt) << "of another tenant";
  point["payload"]["tenantId"] = "acme";
  server.next("POST", "/query", {.body = answer()});
  EXPECT_TRUE(search(*index));
  point["payload"].erase("email");
  server.next("POST", "/query", {.body = answer()});
  EXPECT_EQ(search(*index).error().kind, ErrorKind::corrupt);
}

TEST_F(QdrantOutage, CallsWaitForAConnection) {
  auto one = options();
  one.connections = 1;
  const auto index = open(one);
  const int generation = make_serving(*index);
  std::vector<std::future<Status>> calls;
  for (int i = 0; i < 8; ++i) {
    calls.push_back(std::async(std::launch::async,
                               [&, i] { return apply(*index, generation, change_of(i, 1)); }));
  }
  for (auto& call : calls) EXPECT_TRUE(call.get());
}

}  // namespace
}  // namespace mesh::qdrant
