// Where events and users are, asked of the real binaries.
#include <gtest/gtest.h>

#include "common/base/strings.h"
#include "tests/e2e/daemon.h"
#include "tests/support/temp_dir.h"

namespace mesh::e2e {
namespace {

class TraceCommands : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(daemon_.start()) << daemon_.errors(); }

  std::string publish(const std::string& token) {
    const auto answer =
        daemon_.call("publisher", "POST", "/api/v1/events/analytics", token,
                     R"({"user_id":"7","event_type":"login"})", {{"X-Request-Id", "req-4711"}});
    EXPECT_EQ(answer.status, 202) << answer.body;
    return answer.json()["id"];
  }
  std::int64_t create(const std::string& tenant, const std::string& name) {
    const auto answer = daemon_.call("users", "POST", "/users/create", tenant + ":ops",
                                     Json{{"email", name + "@acme.dev"}, {"name", name}}.dump());
    EXPECT_EQ(answer.status, 201) << answer.body;
    return answer.json()["id"];
  }
  Json trace(const std::string& id, std::vector<std::string> more = {}) {
    std::vector<std::string> words{"trace", id, "-o", "json"};
    words.insert(words.end(), more.begin(), more.end());
    const Outcome shown = daemon_.mesh(words);
    EXPECT_EQ(shown.exit_code, 0) << shown.err;
    return Json::parse(shown.out, nullptr, false);
  }
  Json why_not(const std::string& query, const std::string& who,
               std::vector<std::string> more = {}) {
    std::vector<std::string> words{"search", query,  "--tenant",  "acme",
                                   "-o",     "json", "--why-not", who};
    words.insert(words.end(), more.begin(), more.end());
    const Outcome shown = daemon_.mesh(words);
    EXPECT_EQ(shown.exit_code, 0) << shown.err;
    return Json::parse(shown.out, nullptr, false);
  }

  test::TempDir dir_;
  Daemon daemon_{dir_.file("data")};
};

TEST_F(TraceCommands, ACountedEventIsTracedFromItsRequestToItsRow) {
  const auto id = publish("acme:ada");
  daemon_.await_idle();
  const Json found = trace(id);
  EXPECT_EQ(found["status"], "done") << found.dump();
  EXPECT_EQ(found["accepted"]["by"], "user:ada");
  EXPECT_EQ(found["accepted"]["request_id"], "req-4711");
  EXPECT_EQ(found["accepted"]["trace_id"].get<std::string>().size(), 32u);
  EXPECT_EQ(found["log"]["topic"], "analytics.events");
  EXPECT_FALSE(found["pipelines"][0]["effect"]["since"].is_null());
  const Outcome shown = daemon_.mesh({"trace", id});
  EXPECT_NE(shown.out.find("Pipelines:"), std::string::npos) << shown.out;
  EXPECT_EQ(daemon_.mesh({"trace", id, "--tenant", "globex"}).exit_code, 3);
}

TEST_F(TraceCommands, ATenantSeesTheStatusOfItsOwnEventsAlone) {
  const auto id = publish("acme:ada");
  daemon_.await_idle();
  const auto status = [&](const std::string& token, const std::string& event) {
    return daemon_.call("subscriber", "GET", "/api/v1/events/" + event, token);
  };
  const auto own = status("acme:bob", id);
  EXPECT_EQ(own.json()["status"], "done") << own.body;
  for (const char* hidden : {"req-4711", "ada", "partition", "offset"}) {
    EXPECT_EQ(own.body.find(hidden), std::string::npos) << own.body;
  }
  EXPECT_EQ(status("globex:eve", id).status, 404);
  EXPECT_EQ(status("acme:bob", "none").status, 404);
}

TEST_F(TraceCommands, AnAcceptanceCannotBeForged) {
  const auto answer =
      daemon_.call("publisher", "POST", "/api/v1/events", "acme:ada",
                   R"({"specversion":"1.0","id":"e-1","source":"/s","type":"analytics.recorded",)"
                   R"("meshacceptedby":"operator:root","meshrequestid":"none",)"
                   R"("data":{"user_id":"7","event_type":"login"}})",
                   {{"Content-Type", "application/cloudevents+json"}, {"X-Request-Id", "req-1"}});
  ASSERT_EQ(answer.status, 202) << answer.body;
  const Json found = trace("e-1", {"--topic", "analytics.events", "--from", "@-1h"});
  EXPECT_EQ(found["accepted"]["by"], "user:ada");
  EXPECT_EQ(found["accepted"]["request_id"], "req-1");
}

TEST_F(TraceCommands, ADeadEventNamesItsLetterAndARedriveIsFollowed) {
  daemon_.append_broken_experiment("acme", "x-1");
  daemon_.await_idle();
  const Json dead = trace("x-1");
  EXPECT_EQ(dead["status"], "dead") << dead.dump();
  EXPECT_EQ(dead["pipelines"][0]["cause_class"], "schema");
  EXPECT_EQ(dead["pipelines"][0]["letter"]["topic"], "chemical.events.dlq");
  EXPECT_EQ(daemon_.call("subscriber", "GET", "/api/v1/events/x-1", "acme:a").json()["status"],
            "dead");
  (void)daemon_.mesh({"dlq", "redrive", "chemical.events", "--yes"});
  daemon_.await_idle();
  const Json again = trace("x-1");
  EXPECT_EQ(again["redriven_from"].size(), 1u) << again.dump();
  EXPECT_NE(again["log"]["offset"], dead["log"]["offset"]);
}

TEST_F(TraceCommands, AUserIsExplainedAcrossTenantsAndToASearch) {
  const auto ann = create("acme", "ann");
  create("globex", "ann");
  create("globex", "bob");
  daemon_.await_idle();
  const Outcome shown = daemon_.mesh({"explain", "user", "ANN@acme.dev", "-o", "json"});
  ASSERT_EQ(shown.exit_code, 0) << shown.err;
  const Json users = Json::parse(shown.out, nullptr, false);
  ASSERT_EQ(users.size(), 2u) << shown.out;
  EXPECT_EQ(users[0]["tenant"], "acme");
  EXPECT_EQ(users[0]["user_id"], ann);
  EXPECT_TRUE(users[0]["index"]["searchable"]) << shown.out;
  const Json event = trace(users[0]["event"]["id"]);
  EXPECT_EQ(event["accepted"]["by"], "user:ops");
  EXPECT_EQ(event["status"], "done");
  EXPECT_EQ(daemon_.mesh({"explain", "user", "none@acme.dev"}).exit_code, 3);

  EXPECT_EQ(why_not("ann", "ann@acme.dev")["reason"], "found");
  EXPECT_EQ(why_not("zzzz", "ann@acme.dev", {"--min-score", "0.9"})["reason"], "score");
  EXPECT_EQ(why_not("bob", "bob@acme.dev")["reason"], "other_tenant");
  EXPECT_EQ(why_not("bob", "carl@acme.dev")["reason"], "not_created");
  EXPECT_EQ(daemon_.call("users", "DELETE", "/users/" + std::to_string(ann), "acme:ops").status,
            204);
  daemon_.await_idle();
  EXPECT_EQ(why_not("ann", std::to_string(ann))["reason"], "deleted");
}

}  // namespace
}  // namespace mesh::e2e
