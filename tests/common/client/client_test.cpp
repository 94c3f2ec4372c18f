#include "common/client/client.h"

#include "tests/support/fake_mesh.h"

namespace mesh::client {
namespace {

const Json kAlice{{"id", 7}, {"email", "alice@acme.dev"}, {"name", "Alice"}, {"tenantId", "acme"}};

class ClientTest : public ::testing::Test {
 protected:
  Client client(Options options = {}) {
    options.endpoints = Endpoints::all(fake.url());
    return Client(std::move(options));
  }
  std::string header(const http::Request& request, const char* name) {
    return std::string(request.header(name).value_or(""));
  }
  test::FakeMesh fake;
};

TEST_F(ClientTest, CreatingAUserSendsItsDataAndReadsTheUser) {
  fake.on("POST", "/users/create", 201, kAlice);
  auto created = client({.token = "acme:bob"})
                     .create_user({"alice@acme.dev", "Alice"}, {.idempotency_key = "k\"1"});
  ASSERT_TRUE(created) << created.error().to_string();
  EXPECT_EQ(created->user.id, 7);
  EXPECT_FALSE(created->replayed);
  const auto request = fake.last();
  EXPECT_EQ(Json::parse(request.body), (Json{{"email", "alice@acme.dev"}, {"name", "Alice"}}));
  EXPECT_EQ(header(request, "Authorization"), "Bearer acme:bob");
  EXPECT_EQ(header(request, "Idempotency-Key"), "\"k\\\"1\"");
}

TEST_F(ClientTest, NothingIsAskedOnceTheDeadlineHasPassed) {
  fake.on("GET", "/admin/v1/topics", 200, Json{{"items", Json::array()}, {"next", nullptr}});
  auto late = client({.deadline = system_clock().steady()});
  const auto topics = late.topics();
  ASSERT_FALSE(topics);
  EXPECT_EQ(topics.error().kind, ErrorKind::timeout);
  EXPECT_TRUE(fake.requests().empty());
}

// Each page was in time, and the list has no end.
TEST_F(ClientTest, AllPagesOfAListShareTheDeadline) {
  fake.on("GET", "/admin/v1/topics", 200, Json{{"items", Json::array()}, {"next", "more"}});
  auto bounded = client({.deadline = system_clock().steady() + std::chrono::milliseconds(50)});
  const auto topics = bounded.topics();
  ASSERT_FALSE(topics);
  // The second, where it passes while a page is asked for for which a connection has to be made.
  EXPECT_THAT(topics.error().kind, testing::AnyOf(ErrorKind::timeout, ErrorKind::unavailable))
      << topics.error().to_string();
}

TEST_F(ClientTest, AReplayedAnswerIsToldApart) {
  fake.on("POST", "/users/create", [](const http::Request&) {
    return http::Response::json(201, kAlice).with("Idempotent-Replayed", "true");
  });
  EXPECT_TRUE(client().create_user({"alice@acme.dev", "Alice"})->replayed);
}

TEST_F(ClientTest, AWriteTellsWhereItsEventsAreAndWhatItDidNotSee) {
  fake.on("PATCH", "/users/{id}", [](const http::Request& request) {
    Json body = kAlice;
    const bool waits = request.param("ack") == "searchable";
    if (waits) body["pending"] = {{"ack", "searchable"}, {"reached", "log"}, {"position", "p"}};
    return http::Response::json(waits ? 202 : 200, body)
        .with("Mesh-Position", "outbox~18~7")
        .with("Preference-Applied", "wait=25");
  });
  const auto at_once = client().update_user(7, {});
  ASSERT_TRUE(at_once) << at_once.error().to_string();
  EXPECT_EQ(at_once->written.position, "outbox~18~7");
  EXPECT_EQ(at_once->written.pending, "");
  EXPECT_EQ(header(fake.last(), "Prefer"), "");
  const auto late = client().update_user(7, {}, {.ack = "searchable", .wait_seconds = 60});
  ASSERT_TRUE(late) << late.error().to_string();
  EXPECT_EQ(late->user.id, 7);
  EXPECT_EQ(late->written.pending, "searchable");
  EXPECT_EQ(late->written.waited, 25);
  EXPECT_EQ(header(fake.last(), "Prefer"), "wait=60");
}

TEST_F(ClientTest, ABatchOfUsersHasAResultForEach) {
  fake.on("POST", "/users/batch", 200,
          Json{{"results",
                {{{"line", 1}, {"outcome", "created"}, {"id", 1}},
                 {{"line", 2},
                  {"outcome", "failed"},
                  {"status", 422},
                  {"detail", "no"},
                  {"errors", {{{"pointer", "/email"}, {"detail", "is none"}}}}}}}});
  auto results = client().create_users({{"a@b.c", "A"}, {"b", "\"B\""}}, {.update = true}, {"k"});
  ASSERT_TRUE(results) << results.error().to_string();
  ASSERT_EQ(results->results.size(), 2u);
  EXPECT_EQ(results->results.at(0).outcome, BatchOutcome::created);
  EXPECT_EQ(results->results.at(1).error->kind, ErrorKind::unprocessable);
  EXPECT_EQ(results->results.at(1).error->fields.at(0).pointer, "/email");
  EXPECT_EQ(fake.last().body,
            "{\"email\":\"a@b.c\",\"name\":\"A\"}\n{\"email\":\"b\",\"name\":\"\\\"B\\\"\"}\n");
  EXPECT_EQ(fake.last().param("existing"), "update");
  EXPECT_FALSE(client().create_users({{"a@b.c", "A"}})) << "an answer for another number of users";
}

TEST_F(ClientTest, ListsGoOnWhereTheLinkPoints) {
  fake.on("GET", "/users", [](const http::Request& request) {
    if (request.param("cursor")) return http::Response::json(200, Json::array());
    return http::Response::json(200, Json::array({kAlice}))
        .with("Link", "<http://elsewhere.example/users?limit=1&cursor=7>; rel=\"next\"");
  });
  auto mesh = client();
  auto first = mesh.list_users({1, {}, {}});
  ASSERT_TRUE(first) << first.error().to_string();
  EXPECT_EQ(first->users.size(), 1u);
  auto second = mesh.list_users({1, {}, first->next});
  ASSERT_TRUE(second) << second.error().to_string();
  EXPECT_TRUE(second->users.empty());
  EXPECT_EQ(second->next, "");
}

TEST_F(ClientTest, TheOperatorsTokenActsForTheTenantWhereNoTokenIsGiven) {
  fake.on("GET", "/users/{id}", 200, kAlice);
  fake.on("GET", "/admin/v1/topics/{topic}", 200, Json::object());
  auto mesh = client({.operator_token = "secret", .tenant = "acme"});
  ASSERT_TRUE(mesh.get_user(7));
  EXPECT_EQ(header(fake.last(), "Authorization"), "Bearer secret");
  EXPECT_EQ(header(fake.last(), "X-Tenant-Id"), "acme");
  ASSERT_TRUE(mesh.topic("user.events"));
  EXPECT_EQ(header(fake.last(), "Authorization"), "Bearer secret");
  EXPECT_EQ(header(fake.last(), "X-Tenant-Id"), "acme");
}

TEST_F(ClientTest, ATokenGoesToTenantsRoutesAndTheOperatorsToTheAdminApi) {
  fake.on("GET", "/users/{id}", 200, kAlice);
  fake.on("GET", "/admin/v1/topics/{topic}", 200, Json::object());
  auto mesh = client({.token = "acme:bob", .operator_token = "secret"});
  ASSERT_TRUE(mesh.get_user(7));
  EXPECT_EQ(header(fake.last(), "Authorization"), "Bearer acme:bob");
  ASSERT_TRUE(mesh.topic("user.events"));
  EXPECT_EQ(header(fake.last(), "Authorization"), "Bearer secret");
}

TEST_F(ClientTest, ProbesCarryNoCredential) {
  fake.on("GET", "/health", 503, Json{{"status", "down"}});
  auto answer =
      client({.token = "acme:bob", .operator_token = "secret"}).probe(Role::users, "/health");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 503);
  EXPECT_EQ(header(fake.last(), "Authorization"), "");
}

TEST_F(ClientTest, ProblemsBecomeErrorsWithTheRequestId) {
  fake.on("GET", "/users/{id}", Error{ErrorKind::not_found, "no user 7", {}, {}, {}});
  auto user = client().get_user(7);
  ASSERT_FALSE(user);
  EXPECT_EQ(user.error().kind, ErrorKind::not_found);
  EXPECT_EQ(user.error().message, "no user 7");
  EXPECT_FALSE(user.error().request_id.empty());
}

TEST_F(ClientTest, AnswersOfAnotherFormAreNamedAsSuch) {
  fake.on("GET", "/users/{id}", 200, Json::array());
  fake.on("GET", "/admin/v1/groups",
          [](const http::Request&) { return http::Response::text(200, "<html>"); });
  auto mesh = client();
  EXPECT_EQ(mesh.get_user(7).error().kind, ErrorKind::internal);
  EXPECT_EQ(mesh.groups().error().kind, ErrorKind::internal);
}

TEST_F(ClientTest, ANobodyIsUnavailable) {
  Options options;
  options.endpoints = Endpoints::all("http://127.0.0.1:1");
  EXPECT_EQ(Client(options).get_user(7).error().kind, ErrorKind::unavailable);
}

TEST_F(ClientTest, ARoleWithoutAnAddressIsSaidSo) {
  Options options;
  options.endpoints = Endpoints::none();
  auto hits = Client(options).search("x", 1);
  ASSERT_FALSE(hits);
  EXPECT_NE(hits.error().message.find("gateway"), std::string::npos);
}

TEST_F(ClientTest, SearchEncodesTheQueryAndReadsTheHits) {
  fake.on("GET", "/ai/users/search", 200,
          Json{{"tenant_id", "acme"},
               {"query", "a&b"},
               {"results",
                {{{"user_id", 7},
                  {"tenant_id", "acme"},
                  {"score", 0.5},
                  {"email", "e"},
                  {"name", "n"}}}}});
  auto hits = client().search(
      "a&b c", 3,
      {.min_score = 0.25, .semantic_ratio = 0.7, .min_position = "outbox~18~7", .wait_seconds = 5});
  ASSERT_TRUE(hits) << hits.error().to_string();
  ASSERT_EQ(hits->size(), 1u);
  EXPECT_EQ(hits->front().user_id, 7);
  EXPECT_EQ(fake.last().param("query"), "a&b c");
  EXPECT_EQ(fake.last().param("min_score"), "0.25");
  EXPECT_EQ(fake.last().param("semantic_ratio"), "0.7");
  EXPECT_EQ(fake.last().param("min_position"), "outbox~18~7");
  EXPECT_EQ(header(fake.last(), "Prefer"), "wait=5");
}

TEST_F(ClientTest, BulkGoesAsNdjson) {
  fake.on("POST", "/api/v1/events", 202, Json{{"accepted", 2}, {"ids", {"a", "b"}}});
  auto ids = client().publish_bulk("{}\n{}\n");
  ASSERT_TRUE(ids) << ids.error().to_string();
  EXPECT_EQ(ids->ids, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(fake.last().content_type(), "application/x-ndjson");
  EXPECT_EQ(fake.last().body, "{}\n{}\n");
}

TEST_F(ClientTest, RecordsAreAskedByPositionsAndGiveTheNextOnes) {
  fake.on("GET", "/admin/v1/topics/{topic}/records", 200,
          Json{{"items", {{{"offset", 3}}}}, {"next", "0:4,1:9"}});
  auto page = client().records(
      {.topic = "user.events", .positions = {{0, 3}, {1, 9}}, .limit = 5, .type = "user.created"});
  ASSERT_TRUE(page) << page.error().to_string();
  EXPECT_EQ(page->next, (Positions{{0, 4}, {1, 9}}));
  EXPECT_EQ(fake.last().param("positions"), "0:3,1:9");
  EXPECT_EQ(fake.last().param("from"), std::nullopt);
  EXPECT_EQ(fake.last().param("type"), "user.created");
}

// Numbers beyond 64 bits and long decimals were rounded on reading.
TEST_F(ClientTest, DataIsPassedOnAsTheTextThatCame) {
  const std::string data = R"({"n":12345678901234567890123,"d":1.10,"s":"\u00e9"})";
  const std::string json = R"({"offset":1,"headers":{"content-type":"application/json"},"value":)";
  const std::string text =
      R"({"offset":2,"headers":{"content-type":"text/plain"},"value":"plain"})";
  const auto answer = [](const std::string& body) {
    return [body](const http::Request&) { return http::Response::json_text(200, body); };
  };
  fake.on("GET", "/admin/v1/topics/{topic}/records",
          answer(R"({"items":[)" + json + data + "}," + text + R"(],"next":"0:3"})"));
  fake.on("GET", "/admin/v1/events/{id}", answer(json + data + "}"));
  fake.on("GET", "/admin/v1/dlq/{topic}/letters",
          answer(R"({"items":[{"event":{"datacontenttype":"application/json","data":)" + data +
                 R"(}}],"next":null})"));
  auto mesh = client();
  const auto page = mesh.records({.topic = "a.events"});
  ASSERT_TRUE(page) << page.error().to_string();
  EXPECT_EQ(dump(page->records[0]), json + data + "}");
  EXPECT_EQ(page->records[1]["value"], "plain");
  EXPECT_EQ(dump((*mesh.event("e"))["value"]), data);
  const auto letters = mesh.dead_letters("a.events.dlq", {}, 10);
  ASSERT_TRUE(letters) << letters.error().to_string();
  EXPECT_EQ(dump((*letters)[0]["event"]["data"]), data);
}

TEST_F(ClientTest, TheOperatorNamesTheTenantOfWhatIsPublished) {
  fake.on("POST", "/api/v1/events", 202, Json{{"accepted", 1}, {"ids", {"a"}}});
  ASSERT_TRUE(client().publish_bulk("{}\n", {.tenant = "beta"}));
  EXPECT_EQ(fake.last().header("X-Tenant-Id"), "beta");
}

TEST_F(ClientTest, AdminListsFollowTheirCursorUpToTheLimit) {
  fake.on("GET", "/admin/v1/tenants", [](const http::Request& request) {
    const bool second = request.param("cursor") == "c1";
    return http::Response::json(
        200, Json{{"items", {{{"id", second ? "b" : "a"}}, {{"id", second ? "d" : "c"}}}},
                  {"next", second ? Json(nullptr) : Json("c1")}});
  });
  auto mesh = client();
  EXPECT_EQ(mesh.tenants()->size(), 4u);
  EXPECT_EQ(mesh.tenants(3)->size(), 3u);
  const auto before = fake.requests().size();
  EXPECT_EQ(mesh.tenants(2)->size(), 2u);
  EXPECT_EQ(fake.requests().size(), before + 1);
}

TEST_F(ClientTest, NamesInPathsAreEncoded) {
  fake.on("GET", "/admin/v1/topics/{topic}", 200, Json::object());
  ASSERT_TRUE(client().topic("Dr. Jane Smith/x"));
  EXPECT_EQ(fake.last().path_params.at("topic"), "Dr. Jane Smith/x");
}

TEST_F(ClientTest, AnExchangeIsShownWithoutCredentials) {
  fake.on("GET", "/users/{id}", 200, kAlice);
  std::vector<Exchange> seen;
  ASSERT_TRUE(
      client({.token = "acme:bob", .observe = [&](const Exchange& e) { seen.push_back(e); }})
          .get_user(7));
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].status, 200);
  EXPECT_EQ(seen[0].url.find("bob"), std::string::npos);
}

TEST_F(ClientTest, AStreamIsReadAndItsLastIdKept) {
  fake.on_stream("/ai/watch", {{.data = "{}", .event = "hit", .id = "a/0@1"},
                               {.data = "{}", .event = "hit", .id = "a/0@2"}});
  std::vector<Exchange> seen;
  auto mesh =
      client({.token = "acme:bob", .observe = [&](const Exchange& e) { seen.push_back(e); }});
  std::vector<std::string> types;
  std::string last_id;
  const auto end = mesh.stream(
      {.path = "/ai/watch", .parameters = {{"query", "a b"}}, .last_event_id = "a/0@0"},
      [&](const http::ReadEvent& event) {
        types.push_back(event.type);
        return true;
      },
      {}, &last_id);
  ASSERT_TRUE(end) << end.error().to_string();
  EXPECT_FALSE(end->stopped);
  EXPECT_EQ(types, (std::vector<std::string>{"hit", "hit"}));
  EXPECT_EQ(last_id, "a/0@2");
  const auto request = fake.last();
  EXPECT_EQ(request.param("query"), "a b");
  EXPECT_EQ(header(request, "Last-Event-ID"), "a/0@0");
  EXPECT_EQ(header(request, "Accept"), "text/event-stream");
  EXPECT_EQ(header(request, "Authorization"), "Bearer acme:bob");
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].status, 200);
}

TEST_F(ClientTest, WhatIsNoStreamIsAnError) {
  fake.on("GET", "/ai/watch",
          Error{ErrorKind::rate_limited, "Too many.", {}, {}, Duration{10'000}});
  fake.on("GET", "/users", 200, Json::array());
  const auto ignore = [](const http::ReadEvent&) { return true; };
  const auto refused = client().stream({.path = "/ai/watch"}, ignore);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::rate_limited);
  EXPECT_EQ(refused.error().retry_after, Duration{10'000});
  const auto other = client().stream({.path = "/users"}, ignore);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().kind, ErrorKind::internal);
}

}  // namespace
}  // namespace mesh::client
