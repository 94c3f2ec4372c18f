// The main job through the real daemon: create, publish, index, search, count, replay, rebuild.
#include <gtest/gtest.h>

#include "tests/e2e/daemon.h"
#include "tests/support/temp_dir.h"

namespace mesh::e2e {
namespace {

constexpr const char* kAcme = "acme:alice";
constexpr const char* kGlobex = "globex:bob";

class MainJob : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(daemon_.start()) << daemon_.errors(); }

  Json create_user(const std::string& token, const std::string& email, const std::string& name) {
    const auto answer = daemon_.call("users", "POST", "/users/create", token,
                                     Json{{"email", email}, {"name", name}}.dump());
    EXPECT_EQ(answer.status, 201) << answer.body;
    return answer.json();
  }
  std::vector<std::string> found(const std::string& token, const std::string& query) {
    const auto answer = daemon_.call("gateway", "GET", "/ai/users/search?query=" + query, token);
    EXPECT_EQ(answer.status, 200) << answer.body;
    std::vector<std::string> names;
    const Json json = answer.json();
    for (const auto& hit : json["results"]) names.push_back(hit["name"]);
    return names;
  }
  Json finished_task(const Answer& submitted) {
    EXPECT_EQ(submitted.status, 202) << submitted.body;
    const std::string id = submitted.json()["id"];
    Json task =
        daemon_.call("admin", "GET", "/admin/v1/tasks/" + id + "?wait=25", daemon_.operator_token())
            .json();
    EXPECT_EQ(task["state"], "done") << task.dump();
    return task;
  }
  Answer admin(const std::string& method, const std::string& target, const Json& body = nullptr) {
    return daemon_.call("admin", method, target, daemon_.operator_token(),
                        body.is_null() ? "" : body.dump());
  }

  test::TempDir dir_;
  Daemon daemon_{dir_.file("data"), "telemetry: {log: {level: debug}}\n"};
};

TEST_F(MainJob, ACreatedUserIsFoundByNameByPartOfTheAddressAndWithATypo) {
  create_user(kAcme, "a.smith@acme.dev", "Alice Smith");
  create_user(kAcme, "bob@acme.dev", "Bob Jones");
  create_user(kAcme, "carol@acme.dev", "Carol White");
  daemon_.await_idle();
  for (const char* query : {"alice", "Alice%20Smith", "a.smith@", "smith", "alcie"}) {
    const auto names = found(kAcme, query);
    ASSERT_FALSE(names.empty()) << query;
    EXPECT_EQ(names.front(), "Alice Smith") << query;
  }
}

TEST_F(MainJob, AnotherTenantFindsNothingOfIt) {
  create_user(kAcme, "a.smith@acme.dev", "Alice Smith");
  create_user(kGlobex, "zoe@globex.dev", "Zoe Quinn");
  daemon_.await_idle();
  for (const auto& name : found(kGlobex, "alice")) EXPECT_NE(name, "Alice Smith");
  EXPECT_EQ(found(kAcme, "zoe%20quinn"), std::vector<std::string>{})
      << "Zoe is of the other tenant";
}

TEST_F(MainJob, AnUpdatedUserIsFoundByTheNewNameAndADeletedOneNotAtAll) {
  const Json user = create_user(kAcme, "x@acme.dev", "Xaver Huber");
  const std::string path = "/users/" + std::to_string(user["id"].get<int>());
  EXPECT_EQ(
      daemon_.call("users", "PATCH", path, kAcme, R"({"name":"Yolanda Meier"})").json()["name"],
      "Yolanda Meier");
  daemon_.await_idle();
  EXPECT_EQ(found(kAcme, "yolanda"), std::vector<std::string>{"Yolanda Meier"});
  EXPECT_EQ(daemon_.call("users", "DELETE", path, kAcme).status, 204);
  daemon_.await_idle();
  EXPECT_TRUE(found(kAcme, "yolanda").empty());
  EXPECT_EQ(daemon_.call("users", "GET", path, kAcme).status, 404);
}

TEST_F(MainJob, UsersAreListedInPagesByTheLinkHeader) {
  for (int i = 1; i <= 5; ++i)
    create_user(kAcme, "u" + std::to_string(i) + "@acme.dev", "User " + std::to_string(i));
  std::vector<std::string> names;
  std::string target = "/users?limit=2";
  for (int pages = 0; !target.empty() && pages < 10; ++pages) {
    const auto answer = daemon_.call("users", "GET", target, kAcme);
    ASSERT_EQ(answer.status, 200);
    const Json users = answer.json();
    for (const auto& user : users) names.push_back(user["name"]);
    const std::string link = answer.header("Link");
    target = link.empty() ? "" : link.substr(1, link.find('>') - 1);
  }
  EXPECT_EQ(names, (std::vector<std::string>{"User 1", "User 2", "User 3", "User 4", "User 5"}));
}

TEST_F(MainJob, AnAddressIsUniqueWithinTheTenantOnly) {
  create_user(kAcme, "same@x.dev", "First");
  EXPECT_EQ(daemon_
                .call("users", "POST", "/users/create", kAcme,
                      R"({"email":"SAME@x.dev","name":"Second"})")
                .status,
            409);
  create_user(kGlobex, "same@x.dev", "Other tenant");
}

TEST_F(MainJob, AnIdempotencyKeyGivesTheSameAnswerAndOneUser) {
  const http::HeaderList key{{"Idempotency-Key", "\"k-1\""}};
  const std::string body = R"({"email":"once@acme.dev","name":"Once"})";
  const auto first = daemon_.call("users", "POST", "/users/create", kAcme, body, key);
  const auto second = daemon_.call("users", "POST", "/users/create", kAcme, body, key);
  EXPECT_EQ(first.status, 201);
  EXPECT_EQ(second.status, 201);
  EXPECT_EQ(first.body, second.body);
  EXPECT_EQ(
      daemon_
          .call("users", "POST", "/users/create", kAcme, R"({"email":"x@y.dev","name":"N"})", key)
          .status,
      422);
  EXPECT_EQ(daemon_.call("users", "GET", "/users", kAcme).json().size(), 1u);
}

TEST_F(MainJob, PublishedAnalyticsAreCountedForTheirTenantOnly) {
  for (const char* type : {"page_view", "page_view", "click"}) {
    const auto answer = daemon_.call(
        "publisher", "POST", "/api/v1/events/analytics", kAcme,
        Json{{"user_id", "u-1"}, {"event_type", type}, {"metadata", {{"page", "/"}}}}.dump());
    ASSERT_EQ(answer.status, 202) << answer.body;
    EXPECT_EQ(answer.json()["message"], "Event published");
  }
  daemon_.await_idle();
  const Json summary =
      daemon_.call("subscriber", "GET", "/api/v1/analytics/user/u-1", kAcme).json();
  EXPECT_EQ(summary["total_events"], 3);
  EXPECT_EQ(summary["event_types"], (Json{{"click", 1}, {"page_view", 2}}));
  EXPECT_EQ(summary["recent_events"][0]["event_type"], "click");
  EXPECT_EQ(daemon_.call("subscriber", "GET", "/api/v1/analytics/user/u-1", kGlobex).status, 404);
}

TEST_F(MainJob, AChemicalEventIsEnrichedFromItsFormula) {
  ASSERT_EQ(
      daemon_
          .call(
              "publisher", "POST", "/api/v1/events/chemical", kAcme,
              R"({"molecule_id":"m-1","researcher":"Dr. Jane Smith","data":{"formula":"C9H8O4"}})")
          .status,
      202);
  daemon_.await_idle();
  const Json summary =
      daemon_.call("subscriber", "GET", "/api/v1/analytics/researcher/Dr.%20Jane%20Smith", kAcme)
          .json();
  EXPECT_EQ(summary["total_experiments"], 1);
  EXPECT_EQ(summary["molecules_list"], Json::array({"m-1"}));
  EXPECT_NEAR(summary["recent_experiments"][0]["llm_properties"]["molecular_weight"].get<double>(),
              180.16, 0.01);
}

TEST_F(MainJob, CloudEventsComeInAllTheirForms) {
  const std::string data = R"({"user_id":"u-2","event_type":"x"})";
  EXPECT_EQ(daemon_
                .call("publisher", "POST", "/api/v1/events", kAcme, data,
                      {{"ce-id", "b-1"},
                       {"ce-source", "/test"},
                       {"ce-specversion", "1.0"},
                       {"ce-type", "analytics.recorded"},
                       {"Content-Type", "application/json"}})
                .status,
            202);
  const std::string structured =
      R"({"specversion":"1.0","id":"s-1","source":"/test","type":"analytics.recorded","data":)" +
      data + "}";
  EXPECT_EQ(daemon_
                .call("publisher", "POST", "/api/v1/events", kAcme, structured,
                      {{"Content-Type", "application/cloudevents+json"}})
                .status,
            202);
  EXPECT_EQ(
      daemon_
          .call(
              "publisher", "POST", "/api/v1/events", kAcme,
              R"([{"specversion":"1.0","id":"t-1","source":"/test","type":"analytics.recorded","data":)" +
                  data + "}]",
              {{"Content-Type", "application/cloudevents-batch+json"}})
          .status,
      202);
  const auto lines = daemon_.call("publisher", "POST", "/api/v1/events", kAcme,
                                  R"({"type":"analytics.recorded","data":)" + data + "}\n" +
                                      R"({"type":"analytics.recorded","data":)" + data + "}\n",
                                  {{"Content-Type", "application/x-ndjson"}});
  EXPECT_EQ(lines.status, 202) << lines.body;
  EXPECT_EQ(lines.json()["accepted"], 2);
  daemon_.await_idle();
  EXPECT_EQ(
      daemon_.call("subscriber", "GET", "/api/v1/analytics/user/u-2", kAcme).json()["total_events"],
      5);
}

// An idempotency key once covered the body only, so that a second event with other attributes was
// answered with the first one's id and lost.
TEST_F(MainJob, AnIdempotencyKeyCoversTheAttributesOfABinaryEvent) {
  const auto publish = [&](const char* id) {
    return daemon_.call("publisher", "POST", "/api/v1/events", kAcme,
                        R"({"user_id":"u-6","event_type":"x"})",
                        {{"ce-id", id},
                         {"ce-source", "/test"},
                         {"ce-specversion", "1.0"},
                         {"ce-type", "analytics.recorded"},
                         {"Content-Type", "application/json"},
                         {"Idempotency-Key", "k"}});
  };
  EXPECT_EQ(publish("a1").status, 202);
  EXPECT_EQ(publish("a1").header("Idempotent-Replayed"), "true");
  EXPECT_EQ(publish("a2").status, 422);
}

// Events were once told apart by their id alone, so that the second source's was not counted.
TEST_F(MainJob, EventsOfTwoSourcesWithOneIdAreBothCounted) {
  for (const char* source : {"/a", "/b", "/b"}) {
    EXPECT_EQ(daemon_
                  .call("publisher", "POST", "/api/v1/events", kAcme,
                        R"({"user_id":"u-7","event_type":"x"})",
                        {{"ce-id", "1"},
                         {"ce-source", source},
                         {"ce-specversion", "1.0"},
                         {"ce-type", "analytics.recorded"},
                         {"Content-Type", "application/json"}})
                  .status,
              202);
  }
  daemon_.await_idle();
  EXPECT_EQ(
      daemon_.call("subscriber", "GET", "/api/v1/analytics/user/u-7", kAcme).json()["total_events"],
      2);
}

TEST_F(MainJob, ABulkThatTheLimitCanNeverAdmitIsTooLarge) {
  ASSERT_EQ(admin("POST", "/admin/v1/tenants", {{"id", "acme"}}).status, 201);
  ASSERT_EQ(
      admin("PUT", "/admin/v1/ratelimits/acme/publish", {{"rate", 10}, {"per", "1s"}, {"burst", 9}})
          .status,
      200);
  std::string lines;
  for (int i = 0; i < 11; ++i)
    lines += R"({"type":"analytics.recorded","data":{"user_id":"u-8","event_type":"x"}})"
             "\n";
  EXPECT_EQ(daemon_
                .call("publisher", "POST", "/api/v1/events", kAcme, lines,
                      {{"Content-Type", "application/x-ndjson"}})
                .status,
            413);
}

TEST_F(MainJob, ABulkWithOneBadLineIsRefusedAsAWhole) {
  const auto answer =
      daemon_.call("publisher", "POST", "/api/v1/events", kAcme,
                   R"({"type":"analytics.recorded","data":{"user_id":"u-3","event_type":"x"}})"
                   "\n"
                   R"({"type":"analytics.recorded","data":{"user_id":7}})"
                   "\n",
                   {{"Content-Type", "application/x-ndjson"}});
  EXPECT_EQ(answer.status, 422);
  EXPECT_TRUE(answer.json()["errors"][0]["pointer"].get<std::string>().starts_with("/2/"))
      << answer.body;
  daemon_.await_idle();
  EXPECT_EQ(daemon_.call("subscriber", "GET", "/api/v1/analytics/user/u-3", kAcme).status, 404);
}

TEST_F(MainJob, AnEventThatCanNeverBeProcessedBecomesADeadLetterAndIsRedrivenAndPurged) {
  daemon_.append_broken_experiment("acme", "m-2");
  daemon_.await_idle();
  Json letters = admin("GET", "/admin/v1/dlq/chemical.events/letters").json()["items"];
  ASSERT_EQ(letters.size(), 1u);
  EXPECT_EQ(letters[0]["tenant"], "acme");
  EXPECT_EQ(letters[0]["cause_class"], "schema");
  EXPECT_TRUE(letters[0]["source"].get<std::string>().starts_with("chemical.events/"));
  EXPECT_EQ(admin("POST", "/admin/v1/dlq/chemical.events/redrive", {{"dry_run", true}})
                .json()["matching"],
            1);
  finished_task(admin("POST", "/admin/v1/dlq/chemical.events/redrive", Json::object()));
  daemon_.await_idle();
  letters = admin("GET", "/admin/v1/dlq/chemical.events/letters").json()["items"];
  ASSERT_EQ(letters.size(), 1u) << "the redriven event died again, the first letter is settled";
  finished_task(admin("POST", "/admin/v1/dlq/chemical.events/purge", Json::object()));
  EXPECT_TRUE(admin("GET", "/admin/v1/dlq/chemical.events/letters").json()["items"].empty());
}

// Such an event was a dead letter, and the experiment was not counted.
TEST_F(MainJob, AnExperimentWhoseFormulaCannotBeReadIsCountedWithANote) {
  ASSERT_EQ(daemon_
                .call("publisher", "POST", "/api/v1/events/chemical", kAcme,
                      R"({"molecule_id":"m-2","researcher":"R","data":{"formula":"13CH4"}})")
                .status,
            202);
  daemon_.await_idle();
  const Json summary =
      daemon_.call("subscriber", "GET", "/api/v1/analytics/researcher/R", kAcme).json();
  EXPECT_EQ(summary["total_experiments"], 1);
  const std::string note =
      summary["recent_experiments"][0]["llm_properties"]["note"].get<std::string>();
  EXPECT_NE(note.find("[13C]"), std::string::npos) << note;
  EXPECT_TRUE(admin("GET", "/admin/v1/dlq/chemical.events/letters").json()["items"].empty());
}

TEST_F(MainJob, AReplayChangesNothingThatWasCounted) {
  ASSERT_EQ(daemon_
                .call("publisher", "POST", "/api/v1/events/analytics", kAcme,
                      R"({"user_id":"u-4","event_type":"x"})")
                .status,
            202);
  ASSERT_EQ(daemon_
                .call("publisher", "POST", "/api/v1/events/analytics", kGlobex,
                      R"({"user_id":"u-4","event_type":"x"})")
                .status,
            202);
  daemon_.await_idle();
  const Json replay{{"topic", "analytics.events"},
                    {"pipeline", "analytics"},
                    {"from", "start"},
                    {"tenant", "acme"}};
  Json dry = replay;
  dry["dry_run"] = true;
  const Json estimate = admin("POST", "/admin/v1/replays", dry).json();
  EXPECT_EQ(estimate["scanned"], 2);
  EXPECT_EQ(estimate["matching"], 1);
  EXPECT_EQ(finished_task(admin("POST", "/admin/v1/replays", replay))["result"]["done"], 1);
  EXPECT_EQ(
      daemon_.call("subscriber", "GET", "/api/v1/analytics/user/u-4", kAcme).json()["total_events"],
      1);
}

TEST_F(MainJob, ARebuildServesTheSameAndCanBeRolledBack) {
  for (int i = 0; i < 20; ++i)
    create_user(kAcme, "r" + std::to_string(i) + "@acme.dev", "Robin " + std::to_string(i));
  daemon_.await_idle();
  finished_task(admin("POST", "/admin/v1/indexes/rebuild", Json::object()));
  EXPECT_EQ(found(kAcme, "robin").size(), 10u);
  const Json report = admin("POST", "/admin/v1/indexes/verify", Json::object()).json();
  EXPECT_EQ(report["expected"], 20);
  EXPECT_EQ(report["missing"].get<int>() + report["extra"].get<int>() + report["stale"].get<int>(),
            0)
      << report.dump();
  const auto back = admin("POST", "/admin/v1/indexes/rollback", Json::object());
  EXPECT_EQ(back.status, 200) << back.body;
  EXPECT_EQ(found(kAcme, "robin").size(), 10u);
}

TEST_F(MainJob, ARateLimitIsSetHitShownAndReset) {
  ASSERT_EQ(admin("POST", "/admin/v1/tenants", {{"id", "acme"}}).status, 201);
  ASSERT_EQ(
      admin("PUT", "/admin/v1/ratelimits/acme/search", {{"rate", 1}, {"per", "1h"}, {"burst", 1}})
          .status,
      200);
  const std::string target = "/ai/users/search?query=x";
  EXPECT_EQ(daemon_.call("gateway", "GET", target, kAcme).status, 200);
  EXPECT_EQ(daemon_.call("gateway", "GET", target, kAcme).status, 200);
  const auto limited = daemon_.call("gateway", "GET", target, kAcme);
  EXPECT_EQ(limited.status, 429);
  EXPECT_FALSE(limited.header("Retry-After").empty());
  EXPECT_FALSE(limited.header("RateLimit").empty());
  EXPECT_EQ(daemon_.call("gateway", "GET", target, kGlobex).status, 200) << "the limit is acme's";
  for (int i = 0; i < 3; ++i) {
    const Json shown = admin("GET", "/admin/v1/ratelimits/acme/search").json();
    EXPECT_EQ(shown["remaining"], 0) << "showing consumes nothing";
    EXPECT_EQ(shown["source"], "tenant");
  }
  ASSERT_EQ(admin("POST", "/admin/v1/ratelimits/acme/search/reset").status, 200);
  EXPECT_EQ(daemon_.call("gateway", "GET", target, kAcme).status, 200);
}

TEST_F(MainJob, TheTraceOfARequestReachesTheLogAndTheIndex) {
  const std::string trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  ASSERT_EQ(
      daemon_
          .call(
              "users", "POST", "/users/create", kAcme, R"({"email":"t@acme.dev","name":"T"})",
              {{"traceparent", "00-" + trace + "-00f067aa0ba902b7-01"}, {"X-Request-Id", "req-1"}})
          .header("X-Request-Id"),
      "req-1");
  daemon_.await_idle();
  const Json records =
      admin("GET", "/admin/v1/topics/user.events/records?from=start").json()["items"];
  ASSERT_EQ(records.size(), 1u);
  EXPECT_NE(records[0]["traceparent"].get<std::string>().find(trace), std::string::npos);
  EXPECT_EQ(daemon_.stop(), 0);
  const std::string log = daemon_.errors();
  const auto indexed = log.find("\"message\":\"indexed\"");
  ASSERT_NE(indexed, std::string::npos) << log;
  EXPECT_NE(log.find(trace, indexed), std::string::npos) << "the trace reaches the index";
  EXPECT_EQ(records[0]["value"],
            (Json{{"id", 1}, {"email", "t@acme.dev"}, {"name", "T"}, {"tenantId", "acme"}}));
}

TEST_F(MainJob, EverythingSurvivesARestartAndAKill) {
  create_user(kAcme, "a.smith@acme.dev", "Alice Smith");
  ASSERT_EQ(daemon_
                .call("publisher", "POST", "/api/v1/events/analytics", kAcme,
                      R"({"user_id":"u-5","event_type":"x"})")
                .status,
            202);
  daemon_.await_idle();
  EXPECT_EQ(daemon_.stop(), 0);
  ASSERT_TRUE(daemon_.start()) << daemon_.errors();
  EXPECT_EQ(found(kAcme, "alice").size(), 1u);
  create_user(kAcme, "second@acme.dev", "Second User");
  daemon_.kill();
  ASSERT_TRUE(daemon_.start()) << daemon_.errors();
  daemon_.await_idle();
  EXPECT_EQ(found(kAcme, "second%20user").front(), "Second User");
  EXPECT_EQ(
      daemon_.call("subscriber", "GET", "/api/v1/analytics/user/u-5", kAcme).json()["total_events"],
      1);
}

}  // namespace
}  // namespace mesh::e2e
