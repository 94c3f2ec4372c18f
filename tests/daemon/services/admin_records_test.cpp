// Records of one topic and of many: places, shares, filters, waiting.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "common/domain/record_json.h"
#include "daemon/services/admin.h"
#include "daemon/services/common.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_event_log.h"
#include "tests/support/fake_stores.h"
#include "tests/support/manual_clock.h"
#include "tests/support/write_waits.h"

namespace mesh::services {
namespace {

using test::eventually;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

class AdminRecords : public testing::Test {
 protected:
  AdminRecords() {
    for (const char* name : {"a.events", "b.events"}) log.ensure(name, TopicKind::activity, 1);
    log.ensure("a.events.dlq", TopicKind::activity, 1);
    routes = log_routes({log, log, clock, fakes.retries, fakes.polls, fakes.waits, fakes.runner,
                         [] { return std::vector<pipeline::PipelineStatus>{}; }});
  }
  void append(const std::string& topic, const std::string& key) {
    clock.advance(Duration{1});
    log.append_now({topic, key, "{}", {}});
  }
  std::future<http::Response> begin(const std::string& pattern, http::HeaderList query) {
    auto request = std::make_shared<http::Request>();
    request->method = "GET";
    request->query = std::move(query);
    request->path_params["topic"] = "a.events";
    request->principal = principal;
    auto answer = std::make_shared<std::promise<http::Response>>();
    const auto route = std::ranges::find(routes, pattern, &http::Route::pattern);
    route->handler(request, http::Responder([answer](http::Response response) {
                     answer->set_value(std::move(response));
                   }));
    return answer->get_future();
  }
  http::Response get(const std::string& pattern, http::HeaderList query) {
    return begin(pattern, std::move(query)).get();
  }
  static std::vector<std::string> keys(const http::Response& response) {
    std::vector<std::string> all;
    const auto json = Json::parse(response.body);
    for (const auto& item : json["items"]) all.push_back(item["key"]);
    return all;
  }
  static std::string next(const http::Response& response) {
    return Json::parse(response.body)["next"];
  }
  bool waits() {
    return eventually([&] { return log.watches() == 1; });
  }

  static constexpr const char* kAll = "/admin/v1/records";
  static constexpr const char* kOne = "/admin/v1/topics/{topic}/records";
  ManualClock clock;
  test::WaitsOverFakes fakes{clock};
  test::FakeEventLog& log = fakes.log;
  http::RouteTable routes;
  Principal principal{Principal::Kind::operator_, {}, "operator"};
};

TEST_F(AdminRecords, WhoIsShownNoPayloadsSeesPlacesAlone) {
  append("a.events", "1");
  EXPECT_EQ(Json::parse(get(kOne, {{"from", "start"}}).body)["items"][0]["value"], Json::object());
  principal.hides_payloads = true;
  const auto item = Json::parse(get(kOne, {{"from", "start"}}).body)["items"][0];
  EXPECT_EQ(item["value"], nullptr);
  EXPECT_EQ(item["payload_hidden"], true);
  EXPECT_EQ(item["key"], "1");
}

TEST_F(AdminRecords, AllTopicsAreReadByTimeAndTheCursorGoesOn) {
  append("a.events", "1");
  append("b.events", "2");
  append("a.events", "3");
  append("a.events.dlq", "dead");
  const auto first = get(kAll, {{"from", "start"}});
  EXPECT_THAT(keys(first), ElementsAre("1", "2", "3"));
  EXPECT_EQ(next(first), "a.events~2~~b.events~1");
  append("b.events", "4");
  EXPECT_THAT(keys(get(kAll, {{"cursor", next(first)}})), ElementsAre("4"));
}

TEST_F(AdminRecords, NamedTopicsOnly) {
  append("a.events", "1");
  append("b.events", "2");
  EXPECT_THAT(keys(get(kAll, {{"from", "start"}, {"topics", "b.events"}})), ElementsAre("2"));
  const auto unknown = get(kAll, {{"topics", "b.events,c.events"}});
  EXPECT_EQ(unknown.status, 404);
  EXPECT_NE(unknown.body.find("c.events"), std::string::npos);
}

TEST_F(AdminRecords, ACursorOfOtherTopicsOrOfNoneIsRefused) {
  for (const char* cursor : {"c.events~1", "a.events~0~1", "nonsense"}) {
    EXPECT_EQ(get(kAll, {{"cursor", cursor}}).status, 400) << cursor;
  }
  EXPECT_EQ(get(kAll, {{"cursor", "b.events~1"}, {"topics", "a.events"}}).status, 400);
}

// Symptom: meshd died of a sum of offsets beyond 64 bits.
TEST_F(AdminRecords, PositionsFarBeyondTheEndAreRead) {
  append("a.events", "1");
  append("b.events", "2");
  append("b.events", "3");
  const auto page = get(kAll, {{"cursor", "a.events~9223372036854775807~~b.events~0"}});
  EXPECT_THAT(keys(page), ElementsAre("2", "3"));
  const std::string beyond = next(page);
  EXPECT_EQ(beyond, "a.events~9223372036854775807~~b.events~2");
  EXPECT_THAT(keys(get(kAll, {{"cursor", beyond}})), ElementsAre());
}

TEST_F(AdminRecords, ABusyTopicLeavesRoomForTheOthers) {
  for (int i = 0; i < 50; ++i) append("a.events", "busy");
  append("b.events", "quiet");
  const auto page = get(kAll, {{"from", "start"}, {"limit", "10"}});
  EXPECT_EQ(keys(page).size(), 10u) << "the room that the quiet one leaves is used";
  EXPECT_THAT(keys(page), testing::Contains("quiet"));
}

TEST_F(AdminRecords, EvenWhereThereIsRoomForOneAllHaveTheirTurn) {
  for (int i = 0; i < 20; ++i) append("a.events", "busy");
  append("b.events", "quiet");
  std::string cursor = "~";
  std::vector<std::string> seen;
  for (int i = 0; i < 3; ++i) {
    const auto page = get(kAll, {{"cursor", cursor}, {"limit", "1"}});
    for (auto& key : keys(page)) seen.push_back(key);
    cursor = next(page);
  }
  EXPECT_THAT(seen, UnorderedElementsAre("busy", "busy", "quiet"));
}

TEST_F(AdminRecords, WaitingEndsWithARecordOfAnyTopic) {
  auto answer = begin(kAll, {{"wait", "25"}});
  ASSERT_TRUE(waits());
  append("b.events", "1");
  EXPECT_THAT(keys(answer.get()), ElementsAre("1"));
}

TEST_F(AdminRecords, ATopicThatIsMadeMeanwhileIsFollowedToo) {
  auto answer = begin(kAll, {{"wait", "25"}});
  ASSERT_TRUE(waits());
  log.ensure("new.events", TopicKind::activity, 1);
  append("new.events", "1");
  const auto page = answer.get();
  EXPECT_THAT(keys(page), ElementsAre("1"));
  EXPECT_EQ(next(page), "new.events~1");
}

TEST_F(AdminRecords, ATopicThatWasMadeBetweenTwoRequestsIsReadFromItsStart) {
  append("a.events", "1");
  const auto cursor = next(get(kAll, {{"from", "end"}}));
  log.ensure("new.events", TopicKind::activity, 1);
  append("new.events", "2");
  EXPECT_THAT(keys(get(kAll, {{"cursor", cursor}})), ElementsAre("2"));
}

TEST_F(AdminRecords, WhatTheFilterDoesNotAdmitEndsNoWait) {
  auto answer = begin(kAll, {{"wait", "25"}, {"key", "wanted"}});
  ASSERT_TRUE(waits());
  append("a.events", "other");
  append("b.events", "wanted");
  const auto page = answer.get();
  EXPECT_THAT(keys(page), ElementsAre("wanted"));
  EXPECT_EQ(next(page), "a.events~1~~b.events~1");
}

TEST_F(AdminRecords, AWaitWithoutRecordsAnswersWhereItIs) {
  append("a.events", "1");
  auto answer = begin(kAll, {{"wait", "25"}});
  ASSERT_TRUE(waits());
  clock.advance(Duration{25'000});
  const auto page = answer.get();
  EXPECT_TRUE(keys(page).empty());
  EXPECT_EQ(next(page), "a.events~1");
}

TEST_F(AdminRecords, OneTopicWaitsOnTheSameGround) {
  auto answer = begin(kOne, {{"positions", "0:0"}, {"wait", "25"}});
  ASSERT_TRUE(waits());
  append("b.events", "1");
  append("a.events", "2");
  const auto page = answer.get();
  EXPECT_THAT(keys(page), ElementsAre("2"));
  EXPECT_EQ(next(page), "0:1");
}

TEST_F(AdminRecords, AnAnswerHoldsSoManyBytesAtMost) {
  for (int i = 0; i < 20; ++i) log.append_now({"a.events", "k", std::string(1 << 20, 'x'), {}});
  const auto page = get(kAll, {{"from", "start"}, {"limit", "1000"}});
  EXPECT_EQ(keys(page).size(), 8u);
  EXPECT_EQ(next(page), "a.events~8");
}

TEST_F(AdminRecords, TopicsWhosePositionsFitNoRequestAreRefusedInWords) {
  for (int i = 0; i < 700; ++i) {
    const std::string name = "topic-number-" + std::to_string(i) + ".events";
    log.ensure(name, TopicKind::activity, 1);
    log.append_now({name, "k", "v", {}});
  }
  const auto answer = get(kAll, {{"from", "end"}});
  EXPECT_EQ(answer.status, 400);
  EXPECT_NE(answer.body.find("name fewer topics"), std::string::npos) << answer.body;
}

TEST(WithoutPayload, NothingIsLeftOfWhatWasSent) {
  StoredRecord record;
  record.position = {"a.events", 0, 7};
  record.key = "acme/1";
  record.value = R"({"email":"ada@x.dev"})";
  record.headers = {{"note", "ada"}};
  auto shown = without_payload(to_json(record));
  EXPECT_EQ(dump(shown).find("ada"), std::string::npos) << dump(shown);
  EXPECT_EQ(shown["offset"], 7);
  EXPECT_EQ(shown["payload_hidden"], true);
  record.value = std::string("ada\xff", 4);
  EXPECT_FALSE(without_payload(to_json(record)).contains("value_base64"));
  const Json letter{
      {"cause", "ada@x.dev is no id"},
      {"fingerprint", "9b1f"},
      {"event", {{"id", "e"}, {"patient", "ada"}, {"data", {{"email", "ada@x.dev"}}}}},
      {"history", Json::array({{{"cause", "ada@x.dev is no id"}}})}};
  shown = without_payload(letter);
  EXPECT_EQ(dump(shown).find("ada"), std::string::npos) << dump(shown);
  EXPECT_EQ(shown["event"]["id"], "e");
}

}  // namespace
}  // namespace mesh::services
