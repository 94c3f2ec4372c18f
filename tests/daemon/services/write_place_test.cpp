// Where a write is: what its tenant and an operator are shown, and what a search takes.
#include "tests/daemon/services/write_wait_fixture.h"

namespace mesh::services {
namespace {

using testing::HasSubstr;

using WritePlace = WriteWait;

TEST_F(WritePlace, EveryWriteTellsWhereItsEventsAre) {
  EXPECT_EQ(place(answer(create("a@x.dev"))), "outbox~3~1");
  EXPECT_EQ(place(answer({"PATCH", "/users/{id}", R"({"name":"Al"})"})), "outbox~4~1");
  EXPECT_EQ(place(answer({"PATCH", "/users/{id}", R"({"name":"Al"})"})), "~") << "nothing changed";
  EXPECT_EQ(place(answer({"POST",
                          "/users/batch",
                          R"({"email":"b@x.dev","name":"B"})"
                          "\n"
                          R"({"email":"c@x.dev","name":"C"})",
                          {},
                          {},
                          "application/x-ndjson"})),
            "outbox~6~3!outbox~4~2");
  EXPECT_EQ(place(answer({"DELETE", "/users/{id}", ""})), "outbox~7~1");
  const auto published = place(answer(publish({"analytics.recorded"})));
  EXPECT_THAT(published, HasSubstr("analytics.events~"));
}

TEST_F(WritePlace, SoDoThoseOfOperatorsInPlainText) {
  const auto by_operator = [](Asked asked) {
    asked.tenant.clear();
    return asked;
  };
  const auto made = answer(by_operator({"POST", "/admin/v1/tenants", R"({"id":"zeta"})"}));
  EXPECT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(header(made, "Mesh-Position"), "outbox~3");
  const auto renamed = answer(by_operator(
      {"PATCH", "/admin/v1/tenants/{tenant}", R"({"name":"Z"})", {{"Prefer", "wait=0"}}}));
  EXPECT_EQ(renamed.status, 202) << "no relay runs here";
  EXPECT_EQ(pending_of(renamed),
            Json({{"ack", "log"}, {"reached", "stored"}, {"position", "outbox~4"}}));
  const auto waits =
      ask(by_operator({"DELETE", "/admin/v1/tenants/{tenant}", "", {}, {{"ack", "log"}}}));
  look();
  ASSERT_TRUE(comes(waits->answer));
  const auto removed = waits->answer.get();
  EXPECT_EQ(removed.status, 204);
  EXPECT_EQ(header(removed, "Mesh-Position"), "outbox~5");
  EXPECT_EQ(
      answer(by_operator({"DELETE", "/admin/v1/tenants/{tenant}", "", {}, {{"ack", "counted"}}}))
          .status,
      400);

  Asked records{"POST", "/admin/v1/events",
                R"({"topic":"analytics.events","records":[{"key":"acme/u","value":{}}]})"};
  const auto appended = answer(by_operator(records));
  EXPECT_EQ(appended.status, 202) << appended.body;
  EXPECT_THAT(header(appended, "Mesh-Position"), HasSubstr("analytics.events~"));
  records.query = {{"ack", "counted"}};
  const auto counted = ask(by_operator(records));
  look();
  EXPECT_FALSE(counted->here());
  process("analytics", kAnalytics.topic);
  ASSERT_TRUE(comes(counted->answer));
  EXPECT_EQ(pending_of(counted->answer.get()), Json());
  records.query = {{"ack", "searchable"}};
  EXPECT_EQ(answer(by_operator(records)).status, 400);
}

TEST_F(WritePlace, APositionTellsATenantNothingOfOthers) {
  const auto first = answer(create("a@x.dev")), second = answer(create("b@x.dev"));
  for (const auto& response : {first, second, answer(publish({"analytics.recorded"})),
                               answer(create("c@x.dev", {{"Prefer", "wait=0"}}))}) {
    EXPECT_EQ(dump(Json(response.headers)).find('~'), std::string::npos);
    EXPECT_EQ(response.body.find('~'), std::string::npos) << response.body;
  }
  EXPECT_EQ(header(first, "Mesh-Position").size(), header(second, "Mesh-Position").size());
}

TEST_F(WritePlace, APositionIsItsTenantsAloneAndNobodyMakesOne) {
  const auto position = header(answer(create("a@x.dev")), "Mesh-Position");
  relay();
  index();
  EXPECT_EQ(search(position).status, 200);
  auto changed = position;
  changed[20] = changed[20] == 'A' ? 'B' : 'A';
  for (const auto& [text, tenant] : {std::pair{position, "globex"},
                                     {changed, "acme"},
                                     {std::string("outbox~3~1"), "acme"},
                                     {std::string("user.events~1"), "acme"},
                                     {position.substr(1), "acme"}}) {
    const auto response = search(text, tenant);
    EXPECT_EQ(response.status, 400) << text;
    EXPECT_EQ(Json::parse(response.body)["detail"],
              "query parameter min_position: \"" + text.substr(0, 100) +
                  "\" is no position of a write of tenant " + tenant +
                  "; take it from the Mesh-Position of an answer to a change of users");
  }
}

TEST_F(WritePlace, PositionsOfTheKeyBeforeStillOpen) {
  const auto before = header(answer(create("a@x.dev")), "Mesh-Position");
  relay();
  index();
  waits_.change_key("another key");
  EXPECT_EQ(search(before).status, 200);
  const auto since = header(answer(create("b@x.dev")), "Mesh-Position");
  relay();
  index();
  EXPECT_EQ(search(since).status, 200);
  waits_.change_key("a third key");
  EXPECT_EQ(search(since).status, 200);
  EXPECT_EQ(search(before).status, 400);
}

TEST_F(WritePlace, ASearchSeesTheWriteThatItNames) {
  const auto position = header(answer(create("a@x.dev")), "Mesh-Position");
  Asked asked{"GET", "/ai/users/search", "", {}, {{"query", "u"}, {"min_position", position}}};
  const auto pending = ask(asked);
  relay();
  index();
  ASSERT_TRUE(comes(pending->work));
  EXPECT_FALSE(pending->here()) << "no thread of its own searches";
  EXPECT_EQ(embedder_.calls(), 0);
  pending->work.get()();
  EXPECT_EQ(pending->answer.get().status, 200);
  EXPECT_EQ(answer(asked).status, 200) << "at once from then on";
  asked.query[1].second = "~";
  EXPECT_EQ(answer(asked).status, 200);
}

// The next search failed once another process had flipped to a generation of another embedder.
TEST_F(WritePlace, ASearchAsksWithTheEmbedderOfTheGenerationThatServes) {
  const Asked asked{"GET", "/ai/users/search", "", {}, {{"query", "u"}}};
  EXPECT_EQ(answer(asked).status, 200);
  EXPECT_EQ(embedder_.calls(), 1);
  test::FakeEmbedder other("other/8", 8);
  embedders_.add(other);
  const int next = index_.create_generation({8, "other/8"}, 0)->number;
  ASSERT_TRUE(index_.serve(next, 0));
  EXPECT_EQ(answer(asked).status, 200);
  EXPECT_EQ(other.calls(), 1);
  EXPECT_EQ(answer(asked).status, 200);
  EXPECT_EQ(embedder_.calls(), 2) << "it asks with the old one once, and knows better from then on";
  embedders_.remove(other);
  const int last = index_.create_generation({4, "gone/4"}, 0)->number;
  ASSERT_TRUE(index_.serve(last, 0));
  EXPECT_EQ(answer(asked).status, 503) << "nobody has its embedder here";
}

TEST_F(WritePlace, ASearchThatCannotSeeItInTimeSaysSo) {
  const auto position = header(answer(create("a@x.dev")), "Mesh-Position");
  const auto pending = ask({"GET",
                            "/ai/users/search",
                            "",
                            {{"Prefer", "wait=2"}},
                            {{"query", "u"}, {"min_position", position}}});
  const auto response = after(pending, Duration{2'000});
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(header(response, "Retry-After"), "1");
  EXPECT_EQ(Json::parse(response.body)["detail"],
            "the search index has not reached min_position within 2s; try again");
  EXPECT_EQ(embedder_.calls(), 0);
}

TEST_F(WritePlace, APositionThatNoSearchReachesIsRefused) {
  const auto published = header(answer(publish({"analytics.recorded"})), "Mesh-Position");
  const auto nowhere = Seal(kKey).close("user.events~0~0~1", "acme");
  for (const auto& [text, detail] :
       {std::pair{published, "no search reads analytics.events"},
        {nowhere, "no such partition"},
        {std::string(), "\"\" is no position of a write of tenant acme"}}) {
    const auto response = search(text);
    EXPECT_EQ(response.status, 400) << text;
    EXPECT_EQ(Json::parse(response.body)["detail"],
              std::string("query parameter min_position: ") + detail +
                  "; take it from the Mesh-Position of an answer to a change of users");
  }
}

}  // namespace
}  // namespace mesh::services
