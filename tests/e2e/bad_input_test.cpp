// Bad input anywhere: a clear problem, and nothing is lost or half done.
#include <gtest/gtest.h>

#include "tests/e2e/daemon.h"
#include "tests/support/temp_dir.h"

namespace mesh::e2e {
namespace {

constexpr const char* kToken = "acme:alice";

class BadInput : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(daemon_.start()) << daemon_.errors(); }

  // Every problem is RFC 9457, names its request and carries a text for people.
  void expect_problem(const Answer& answer, int status, const std::string& what) {
    EXPECT_EQ(answer.status, status) << what << "\n" << answer.body;
    EXPECT_EQ(answer.header("Content-Type"), "application/problem+json") << what;
    const Json json = answer.json();
    ASSERT_TRUE(json.is_object()) << what << "\n" << answer.body;
    EXPECT_EQ(json["status"], status) << what;
    for (const char* member : {"type", "title", "detail", "instance", "request_id"}) {
      EXPECT_FALSE(json.value(member, "").empty()) << what << ": " << member << "\n" << answer.body;
    }
  }
  Answer create(const std::string& body, const http::HeaderList& headers = {}) {
    return daemon_.call("users", "POST", "/users/create", kToken, body, headers);
  }

  test::TempDir dir_;
  Daemon daemon_{dir_.file("data")};
};

TEST_F(BadInput, BodiesThatAreNoUserAreRefusedWithPointers) {
  struct Case {
    std::string body;
    int status;
    std::string pointer;
  };
  const std::vector<Case> cases{
      {"{", 400, ""},
      {"[]", 400, ""},
      {"\"x\"", 400, ""},
      {"{\"email\":\"a@b.dev\",\"email\":\"c@d.dev\",\"name\":\"N\"}", 400, ""},
      {"{\"email\":\"\xff\xfe@b.dev\",\"name\":\"N\"}", 400, ""},
      {std::string(200, '[') + std::string(200, ']'), 413, ""},
      {R"({"name":"N"})", 422, "/email"},
      {R"({"email":7,"name":"N"})", 422, "/email"},
      {R"({"email":"no-address","name":"N"})", 422, "/email"},
      {R"({"email":"a@b.dev","name":""})", 422, "/name"},
      {R"({"email":"a@b.dev","name":"N","admin":true})", 422, "/admin"},
  };
  for (const auto& c : cases) {
    const auto answer = create(c.body);
    expect_problem(answer, c.status, c.body);
    if (!c.pointer.empty()) {
      EXPECT_EQ(answer.json()["errors"][0]["pointer"], c.pointer) << answer.body;
    }
  }
  EXPECT_TRUE(daemon_.call("users", "GET", "/users", kToken).json().empty());
}

TEST_F(BadInput, TooLargeUntypedOrMisplacedBodiesAreRefused) {
  expect_problem(create(R"({"email":"a@b.dev","name":")" + std::string(2 << 20, 'x') + "\"}"), 413,
                 "2 MiB");
  expect_problem(create("email=a@b.dev", {{"Content-Type", "application/x-www-form-urlencoded"}}),
                 415, "form");
  expect_problem(daemon_.call("users", "GET", "/nowhere", kToken), 404, "no such route");
  const auto wrong = daemon_.call("users", "PUT", "/users/create", kToken, "{}");
  expect_problem(wrong, 405, "wrong method");
  EXPECT_EQ(wrong.header("Allow"), "OPTIONS, POST");
}

TEST_F(BadInput, ParametersOutOfRangeNameTheRange) {
  EXPECT_EQ(
      daemon_.call("gateway", "GET", "/ai/users/search?query=x&limit=0", kToken).json()["detail"],
      "query parameter limit: \"0\" is not a whole number from 1 to 100");
  for (const char* target :
       {"/users?limit=0", "/users?limit=1001", "/users?limit=-1",
        "/users?limit=99999999999999999999", "/users?limit=ten", "/users?cursor=garbage",
        "/users?cursor=dGVuYW50czox", "/users/0", "/users/abc", "/users/99999999999999999999",
        "/users?limit=1&limit=2", "/users?email=%C0%A0", "/users?email=%zz"}) {
    expect_problem(daemon_.call("users", "GET", target, kToken), 400, target);
  }
  for (const char* target :
       {"/ai/users/search", "/ai/users/search?query=", "/ai/users/search?query=x&limit=101",
        "/ai/users/search?query=x&min_score=2", "/ai/users/search?query=x&min_score=nan"}) {
    expect_problem(daemon_.call("gateway", "GET", target, kToken), 400, target);
  }
  expect_problem(daemon_.call("subscriber", "GET", "/api/v1/events/user/u?limit=101", kToken), 400,
                 "limit");
}

TEST_F(BadInput, CredentialsThatAreNoneAreRefused) {
  for (const char* token :
       {"acme", "acme:", ":alice", "acme:a:b", "ACME:alice", "-acme:alice", "acme:al ice"}) {
    const auto answer = daemon_.call("users", "GET", "/users", token);
    EXPECT_TRUE(answer.status == 401 || answer.status == 400) << token << " " << answer.body;
  }
  expect_problem(daemon_.call("users", "GET", "/users", kToken, "", {{"X-Tenant-Id", "globex"}}),
                 403, "differing tenant");
  expect_problem(daemon_.call("users", "GET", "/users", kToken, "", {{"X-Tenant-Id", "../etc"}}),
                 400, "malformed tenant");
}

TEST_F(BadInput, EventsOutsideTheCatalogueOrItsSchemasAreRefused) {
  const auto publish = [&](const std::string& body, const std::string& media) {
    return daemon_.call("publisher", "POST", "/api/v1/events", kToken, body,
                        {{"Content-Type", media}});
  };
  const char* kStructured = "application/cloudevents+json";
  expect_problem(
      publish(R"({"specversion":"1.0","id":"1","source":"s","type":"nobody.knows","data":{}})",
              kStructured),
      422, "unknown type");
  expect_problem(
      publish(
          R"({"specversion":"1.0","id":"1","source":"s","type":"user.created","data":{"id":1}})",
          kStructured),
      422, "not publishable");
  expect_problem(
      publish(
          R"({"specversion":"0.3","id":"1","source":"s","type":"analytics.recorded","data":{}})",
          kStructured),
      422, "version");
  expect_problem(publish(R"({"type":"analytics.recorded","data":{}})", kStructured), 422,
                 "attributes are missing");
  expect_problem(publish("[]", "application/cloudevents-batch+json"), 400, "empty batch");
  expect_problem(publish("{}", "application/json"), 415, "not a CloudEvent");
  expect_problem(publish("\n\n", "application/x-ndjson"), 400, "no lines");
  expect_problem(
      publish(
          R"({"specversion":"1.0","id":"1","source":"s","type":"analytics.recorded","data":{"user_id":"u","event_type":"e"},"data_base64":"AA=="})",
          kStructured),
      422, "both data");
  const auto schema = daemon_.call("publisher", "POST", "/api/v1/events/analytics", kToken,
                                   R"({"user_id":"u","event_type":"e","timestamp":"yesterday"})");
  expect_problem(schema, 422, "timestamp");
  EXPECT_EQ(schema.json()["errors"][0]["pointer"], "/timestamp") << schema.body;
}

TEST_F(BadInput, AdminRequestsNameWhatIsWrong) {
  const std::string token = daemon_.operator_token();
  const auto admin = [&](const char* method, const std::string& target,
                         const std::string& body = "") {
    return daemon_.call("admin", method, target, token, body);
  };
  expect_problem(admin("GET", "/admin/v1/topics/none"), 404, "topic");
  expect_problem(admin("GET", "/admin/v1/topics/user.events/records?from=soon"), 400, "bound");
  expect_problem(admin("GET", "/admin/v1/topics/user.events/records?positions=99:1"), 400,
                 "positions");
  expect_problem(admin("POST", "/admin/v1/groups/none/seek", R"({"to":"start"})"), 404, "group");
  expect_problem(admin("PUT", "/admin/v1/ratelimits/nobody/search", R"({"rate":1})"), 404,
                 "tenant");
  ASSERT_EQ(admin("POST", "/admin/v1/tenants", R"({"id":"acme"})").status, 201);
  expect_problem(admin("PUT", "/admin/v1/ratelimits/acme/search", R"({"rate":0})"), 422, "rate");
  expect_problem(admin("PUT", "/admin/v1/ratelimits/acme/flying", R"({"rate":1})"), 404, "scope");
  expect_problem(admin("POST", "/admin/v1/tenants", R"({"id":"Not Valid"})"), 422, "tenant id");
  expect_problem(admin("POST", "/admin/v1/replays", R"({"topic":"none","pipeline":"analytics"})"),
                 404, "replay topic");
  expect_problem(admin("POST", "/admin/v1/replays",
                       R"({"topic":"analytics.events","pipeline":"analytics","form":"start"})"),
                 422, "unknown field");
  expect_problem(
      admin("POST", "/admin/v1/replays", R"({"topic":"user.events","pipeline":"analytics"})"), 400,
      "another pipeline's topic");
  expect_problem(admin("GET", "/admin/v1/tasks/none"), 404, "task");
  expect_problem(admin("POST", "/admin/v1/indexes/rollback", "{}"), 409, "nothing to roll back to");
}

}  // namespace
}  // namespace mesh::e2e
