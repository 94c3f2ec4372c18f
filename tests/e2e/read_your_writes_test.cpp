// A writer that waits reads its own write; one that cannot is told what is durable.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/daemon.h"
#include "tests/support/temp_dir.h"

namespace mesh::e2e {
namespace {

using testing::HasSubstr;

constexpr const char* kAcme = "acme:ada";
const http::HeaderList kJson{{"Content-Type", "application/json"}};
const http::HeaderList kLines{{"Content-Type", "application/x-ndjson"}};

class ReadYourWrites : public ::testing::Test {
 protected:
  void start(std::string roles = {}) {
    daemon_.reset();
    daemon_ = std::make_unique<Daemon>(dir_.file("data"),
                                       roles.empty() ? "" : "roles: [" + roles + "]\n");
    ASSERT_TRUE(daemon_->start()) << daemon_->errors();
  }
  Answer create(const std::string& email, const std::string& query = {},
                http::HeaderList headers = {}) {
    headers.insert(headers.end(), kJson.begin(), kJson.end());
    return daemon_->call("users", "POST", "/users/create" + query, kAcme,
                         dump({{"email", email}, {"name", "Someone"}}), headers);
  }
  std::size_t found(const std::string& text, const std::string& query = {}) {
    const auto answer =
        daemon_->call("gateway", "GET", "/ai/users/search?query=" + text + query, kAcme);
    EXPECT_EQ(answer.status, 200) << answer.body;
    const Json results = answer.json()["results"];
    return static_cast<std::size_t>(
        std::ranges::count_if(results, [&](const Json& hit) { return hit["email"] == text; }));
  }
  Outcome mesh(std::vector<std::string> arguments, const std::string& input = {}) {
    arguments.insert(arguments.end(), {"--tenant", "acme"});
    return daemon_->mesh(std::move(arguments), input);
  }

  test::TempDir dir_;
  std::unique_ptr<Daemon> daemon_;
};

TEST_F(ReadYourWrites, WhatAWriteWaitedForIsFoundByTheNextSearch) {
  start();
  for (int i = 0; i < 20; ++i) {
    const std::string email = "u" + std::to_string(i) + "@acme.dev";
    const auto made = create(email, "?ack=searchable");
    ASSERT_EQ(made.status, 201) << made.body;
    EXPECT_EQ(found(email), 1u) << email;
    const auto id = std::to_string(made.json()["id"].get<int>());
    const auto gone =
        daemon_->call("users", "DELETE", "/users/" + id, kAcme, "", {{"Prefer", "wait=10"}});
    ASSERT_EQ(gone.status, 204) << gone.body;
    EXPECT_EQ(gone.header("Preference-Applied"), "wait=10");
    EXPECT_EQ(found(email), 0u) << email;
  }
  const auto batch = daemon_->call("users", "POST", "/users/batch?ack=searchable", kAcme,
                                   R"({"email":"b1@acme.dev","name":"B"})"
                                   "\n"
                                   R"({"email":"b2@acme.dev","name":"B"})",
                                   kLines);
  ASSERT_EQ(batch.status, 200) << batch.body;
  EXPECT_EQ(found("b1@acme.dev") + found("b2@acme.dev"), 2u);
}

TEST_F(ReadYourWrites, ASearchSeesTheWriteWhosePositionItNames) {
  start();
  for (int i = 0; i < 20; ++i) {
    const std::string email = "u" + std::to_string(i) + "@acme.dev";
    const auto position = create(email).header("Mesh-Position");
    EXPECT_EQ(found(email, "&min_position=" + position), 1u) << position;
  }
}

TEST_F(ReadYourWrites, APositionIsGoodAfterARestartAndForItsTenantAlone) {
  start();
  const auto position = create("ann@acme.dev").header("Mesh-Position");
  start();
  EXPECT_EQ(found("ann@acme.dev", "&min_position=" + position), 1u);
  const auto search = "/ai/users/search?query=ann&min_position=" + position;
  const auto foreign = daemon_->call("gateway", "GET", search, "globex:eve");
  EXPECT_EQ(foreign.status, 400);
  EXPECT_THAT(foreign.body, HasSubstr("is no position of a write of tenant globex"));
}

TEST_F(ReadYourWrites, ACountedEventIsInItsSummary) {
  start();
  for (int i = 1; i <= 10; ++i) {
    const auto published =
        daemon_->call("publisher", "POST", "/api/v1/events/analytics?ack=counted", kAcme,
                      R"({"user_id":"7","event_type":"login"})", kJson);
    ASSERT_EQ(published.status, 202) << published.body;
    EXPECT_FALSE(published.json().contains("pending")) << published.body;
    EXPECT_EQ(daemon_->call("subscriber", "GET", "/api/v1/analytics/user/7", kAcme)
                  .json()["total_events"],
              i);
  }
}

// No process runs the pipelines: the write is durable, and nobody can see it yet.
TEST_F(ReadYourWrites, WithoutAPipelineItIsSaidWhatIsDurable) {
  start("users, gateway, publisher, admin");
  const http::HeaderList patient{{"Prefer", "wait=1"}, {"Idempotency-Key", "k"}};
  const auto made = create("late@acme.dev", "", patient);
  EXPECT_EQ(made.status, 202) << made.body;
  EXPECT_EQ(made.json()["email"], "late@acme.dev");
  EXPECT_EQ(made.json()["pending"]["reached"], "log");
  EXPECT_EQ(create("in.log@acme.dev", "?ack=log").status, 201);
  const auto published =
      daemon_->call("publisher", "POST", "/api/v1/events", kAcme,
                    R"({"type":"analytics.recorded","data":{"user_id":"7","event_type":"e"}})",
                    {{"Content-Type", "application/x-ndjson"}, {"Prefer", "wait=1"}});
  EXPECT_EQ(published.status, 202);
  EXPECT_EQ(published.json()["pending"]["ack"], "counted") << published.body;
  const auto position = made.header("Mesh-Position");
  EXPECT_EQ(daemon_
                ->call("gateway", "GET", "/ai/users/search?query=x&min_position=" + position, kAcme,
                       "", {{"Prefer", "wait=1"}})
                .status,
            503);
  const auto by_tool = mesh(
      {"users", "create", "--email", "tool@acme.dev", "--name", "T", "--wait=1s", "-o", "json"});
  EXPECT_EQ(by_tool.exit_code, 7);
  EXPECT_EQ(Json::parse(by_tool.out)["email"], "tool@acme.dev");
  EXPECT_THAT(by_tool.err, HasSubstr("durable, but not searchable after 1s"));

  start();
  const auto again = create("late@acme.dev", "", {{"Prefer", "wait=25"}, {"Idempotency-Key", "k"}});
  EXPECT_EQ(again.status, 201) << again.body;
  EXPECT_EQ(again.header("Idempotent-Replayed"), "true");
  EXPECT_EQ(found("late@acme.dev"), 1u);
}

TEST_F(ReadYourWrites, TheToolChainsAWriteAndASearch) {
  start();
  const auto made =
      mesh({"users", "create", "--email", "ann@acme.dev", "--name", "Ann", "-o", "json"});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  const std::string position = Json::parse(made.out)["position"];
  const auto search =
      mesh({"search", "ann@acme.dev", "--min-position", position, "--wait", "-o", "json"});
  ASSERT_EQ(search.exit_code, 0) << search.err;
  EXPECT_EQ(Json::parse(search.out)[0]["email"], "ann@acme.dev");

  ASSERT_EQ(mesh({"users", "update", "1", "--name", "Anna Renamed", "--wait"}).exit_code, 0);
  EXPECT_THAT(mesh({"search", "Anna Renamed"}).out, HasSubstr("Anna Renamed"));
  ASSERT_EQ(mesh({"users", "delete", "--yes", "--wait", "1"}).exit_code, 0);
  EXPECT_THAT(mesh({"search", "Anna Renamed"}).out, testing::Not(HasSubstr("Anna Renamed")));

  const auto imported = mesh({"users", "import", "-", "--wait=20s", "-o", "json"},
                             "email,name\nc1@acme.dev,C\nc2@acme.dev,C\n");
  ASSERT_EQ(imported.exit_code, 0) << imported.err;
  EXPECT_EQ(found("c1@acme.dev") + found("c2@acme.dev"), 2u);

  const auto published =
      mesh({"events", "publish", "--type", "analytics.recorded", "--data",
            R"({"user_id":"9","event_type":"login"})", "--ack", "counted", "-o", "json"});
  ASSERT_EQ(published.exit_code, 0) << published.err;
  const std::string place = Json::parse(published.out)["position"];
  EXPECT_GT(place.size(), 64u);
  EXPECT_EQ(place.find_first_of("~."), place.npos)
      << "it shows no sequence and no offset: " << place;
  EXPECT_EQ(
      daemon_->call("subscriber", "GET", "/api/v1/analytics/user/9", kAcme).json()["total_events"],
      1);
  EXPECT_EQ(
      mesh({"events", "publish", "--type", "order.placed", "--data", "{}", "--ack", "searchable"})
          .exit_code,
      2);
  EXPECT_EQ(
      mesh({"users", "create", "--email", "x@acme.dev", "--name", "X", "--wait=soon"}).exit_code,
      2);
}

}  // namespace
}  // namespace mesh::e2e
