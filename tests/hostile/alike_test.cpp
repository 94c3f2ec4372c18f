// What is another tenant's and what is nobody's are answered alike: status, fields, text, limits.
#include <gtest/gtest.h>

#include "common/base/strings.h"
#include "tests/hostile/oracle.h"
#include "tests/hostile/tokens.h"
#include "tests/hostile/world.h"
#include "tests/support/raw_client.h"

namespace mesh::hostile {
namespace {

std::string replace_all(std::string text, const std::string& from, const std::string& to) {
  if (from.empty()) return text;
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

class Alike : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    world_ = std::make_unique<World>("telemetry: {metrics: {tenants: 3}}\n");
    ASSERT_TRUE(world_->start()) << world_->daemon.errors();
    world_->plant();
  }
  static void TearDownTestSuite() { world_.reset(); }

  static std::string token(const std::string& tenant) { return TrustedIssuer::get().token(tenant); }
  static void allow_unknown_types(const std::string& tenant) {
    ASSERT_EQ(world_
                  ->as_operator("POST", "/admin/v1/tenants",
                                Json{{"id", tenant}, {"allow_unknown_types", true}}.dump())
                  .status,
              201);
  }

  static std::string text_of(const std::string& method, const std::string& target,
                             const std::string& credential, const std::string& body = "",
                             const std::string& headers = "") {
    std::string text = method + " " + target +
                       " HTTP/1.1\r\nHost: t\r\nX-Request-Id: same\r\nAuthorization: Bearer " +
                       credential + "\r\n" + headers;
    if (!body.empty() && headers.find("Content-Type") == std::string::npos)
      text += "Content-Type: application/json\r\n";
    if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    return text + "\r\n" + body;
  }
  // The whole answer, byte by byte, but for the date and for `named` itself.
  static std::string ask(const std::string& role, const std::string& bytes,
                         const std::string& named) {
    test::RawClient wire(world_->daemon.address(role));
    const auto received = wire.exchange(bytes, {false});
    if (received.answers.size() != 1) return "no answer";
    EXPECT_EQ(find_secret(received.bytes), "");
    const auto date = received.bytes.find("Date: ");
    std::string text = received.bytes;
    text.erase(date, text.find("\r\n", date) - date);
    return replace_all(replace_all(std::move(text), percent_encode(named), "<it>"), named, "<it>");
  }

  static std::unique_ptr<World> world_;
};
std::unique_ptr<World> Alike::world_;

TEST_F(Alike, AVictimsThingAndNothingReadTheSame) {
  struct Pair {
    std::string role, method, target, theirs, nobodys, body = "";
  };
  const std::string task = world_->tasks().front();
  std::string no_task = task;
  no_task.back() = no_task.back() == '0' ? '1' : '0';
  const std::string patch = R"({"name":"changed"})";
  const std::vector<Pair> pairs{
      {"users", "GET", "/users/{}", "20", "98"},
      {"users", "PATCH", "/users/{}", "20", "98", patch},
      {"users", "DELETE", "/users/{}", "20", "98"},
      {"users", "GET", "/users?email={}", "known4@acme.dev", "known5@none.dev"},
      {"users", "GET", "/users?cursor={}", base64url_encode("users:19"),
       base64url_encode("users:97")},
      {"gateway", "GET", "/ai/users/search?query={}", "known4@acme.dev", "known5@none.dev"},
      {"gateway", "GET", "/ai/users/search?min_score=-1&limit=100&query={}", "known4@acme.dev",
       "known5@none.dev"},
      {"subscriber", "GET", "/api/v1/analytics/user/{}", "known-subject-1", "known-subject-9"},
      {"subscriber", "GET", "/api/v1/events/user/{}", "known-subject-1", "known-subject-9"},
      {"subscriber", "GET", "/api/v1/analytics/researcher/{}", "Dr. Known 1", "Dr. Known 9"},
      {"subscriber", "GET", "/api/v1/events/researcher/{}", "Dr. Known 1", "Dr. Known 9"},
      {"subscriber", "GET", "/api/v1/events/{}", "known-event-1-0", "known-event-9-9"},
      {"admin", "GET", "/admin/v1/traces/{}", "known-event-1-0", "known-event-9-9"},
      {"admin", "GET", "/admin/v1/users?email={}", "known4@acme.dev", "known5@none.dev"},
      {"admin", "GET", "/admin/v1/search/why-not?query=a&tenant=acme&who={}", "known4@acme.dev",
       "known5@none.dev"},
      {"admin", "GET", "/admin/v1/tasks/{}", task, no_task},
      {"admin", "POST", "/admin/v1/tasks/{}/cancel", task, no_task, "{}"},
      {"admin", "GET", "/admin/v1/events/{}", "known-event-1-0", "known-event-9-9"},
      {"admin", "GET", "/admin/v1/tenants/{}", "acme", "zzzz"},
      {"admin", "GET", "/admin/v1/ratelimits/{}", "acme", "zzzz"},
      {"admin", "GET", "/admin/v1/topics/{}/records?from=start&tenant=acme", "user.events",
       "none.events"},
      {"admin", "GET", "/admin/v1/dlq/{}/letters?tenant=acme", "chemical.events",
       "abcdefgh.events"},
      {"admin", "POST", "/admin/v1/dlq/{}/purge", "chemical.events", "abcdefgh.events",
       R"({"tenant":"acme"})"},
      {"admin", "POST", "/admin/v1/groups/{}/seek", "chemical", "abcdefgh", R"({"to":"end"})"},
      {"users", "GET", "/users?tenant_id={}", "acme", "zzzz"},
  };
  for (const auto& pair : pairs) {
    const auto answer = [&](const std::string& named) {
      return ask(pair.role,
                 text_of(pair.method, replace_all(pair.target, "{}", percent_encode(named)),
                         token("prober"), pair.body),
                 named);
    };
    EXPECT_EQ(answer(pair.theirs), answer(pair.nobodys)) << pair.method << " " << pair.target;
  }
}

TEST_F(Alike, HeadersThatNameAVictimAndNobodyReadTheSame) {
  for (const std::string form :
       {"X-Tenant-Id: {}\r\n", "X-Tenant-Id: {}\r\nX-Original-URL: /admin/v1/tenants/{}\r\n"}) {
    const auto answer = [&](const std::string& named) {
      return ask("users",
                 text_of("GET", "/users", token("prober"), "", replace_all(form, "{}", named)),
                 named);
    };
    EXPECT_EQ(answer("acme"), answer("zzzz")) << form;
  }
  const auto forged = [&](const std::string& named) {
    return ask("users",
               text_of("GET", "/users", TrustedIssuer::get().forgeries(named).front().token),
               named);
  };
  EXPECT_EQ(forged("acme"), forged("zzzz"));
}

// Each write has a place of its own in the outbox or the log, whoever writes it.
std::string without_place(std::string answer) {
  const std::string name = "Mesh-Position: ";
  const auto at = answer.find(name);
  if (at == answer.npos) return answer;
  const auto from = at + name.size();
  return answer.replace(from, answer.find('\r', from) - from, "<place>");
}

// Two fresh tenants do the same, one with what the victim has used before.
TEST_F(Alike, WhatAVictimUsedBeforeIsFreeForEverybodyElse) {
  struct Try {
    std::string role, target, body, headers, used, unused;
  };
  const std::string structured = "Content-Type: application/cloudevents+json\r\n";
  const std::vector<Try> tries{
      {"users", "/users/create", R"({"email":"known4@acme.dev","name":"N"})",
       "Idempotency-Key: {}\r\n", "known-create-4", "unused-key-abc"},
      {"users", "/users/create", R"({"email":"{}","name":"N"})", "", "known6@acme.dev",
       "known7@none.dev"},
      {"publisher", "/api/v1/events",
       R"({"specversion":"1.0","id":"{}","source":"/known","type":"analytics.recorded","data":{"user_id":"u","event_type":"e"}})",
       structured, "known-event-1-0", "known-event-9-9"},
      {"publisher", "/api/v1/events",
       R"({"specversion":"1.0","id":"x","source":"/known","type":"analytics.recorded","data":{"user_id":"u","event_type":"e"}})",
       structured + "Idempotency-Key: {}\r\n", "known-publish-known-event-1-0",
       "known-publish-known-event-9-9"},
  };
  int number = 0;
  for (const auto& one : tries) {
    const auto n = std::to_string(++number);
    const auto answer = [&](const std::string& named, const std::string& tenant) {
      const auto bytes =
          text_of("POST", one.target, token(tenant), replace_all(one.body, "{}", named),
                  replace_all(one.headers, "{}", named));
      return without_place(replace_all(ask(one.role, bytes, named), tenant, "<tenant>"));
    };
    const auto theirs = answer(one.used, "free-a" + n);
    EXPECT_EQ(theirs, answer(one.unused, "free-b" + n));
    EXPECT_TRUE(theirs.starts_with("HTTP/1.1 20")) << theirs;
    EXPECT_EQ(theirs.find("Idempotent-Replayed"), std::string::npos);
  }
}

TEST_F(Alike, AnEventIdTakenByOneTenantFirstStillCountsForAnother) {
  const std::string event =
      R"({"specversion":"1.0","id":"race-1","source":"/known","type":"analytics.recorded","data":{"user_id":"racer","event_type":"e"}})";
  const http::HeaderList type{{"Content-Type", "application/cloudevents+json"}};
  ASSERT_EQ(world_->daemon.call("publisher", "POST", "/api/v1/events", token("prober"), event, type)
                .status,
            202);
  world_->daemon.await_idle();
  ASSERT_EQ(world_->as_victim("publisher", "POST", "/api/v1/events", event, type).status, 202);
  world_->daemon.await_idle();
  EXPECT_EQ(
      world_->as_victim("subscriber", "GET", "/api/v1/analytics/user/racer").json()["total_events"],
      1);
  EXPECT_EQ(
      world_->daemon.call("subscriber", "GET", "/api/v1/analytics/user/racer", token("prober"))
          .json()["total_events"],
      1);
}

TEST_F(Alike, TopicsOfOthersCostATenantAsMuchAsNewOnes) {
  allow_unknown_types("topics");
  const auto publish = [&](const std::string& type) {
    const std::string body = R"({"specversion":"1.0","id":"t","source":"s","type":")" + type +
                             R"(.happened","data":{}})";
    return ask("publisher",
               text_of("POST", "/api/v1/events", token("topics"), body,
                       "Content-Type: application/cloudevents+json\r\n"),
               type);
  };
  ASSERT_EQ(
      world_
          ->as_victim(
              "publisher", "POST", "/api/v1/events",
              R"({"specversion":"1.0","id":"t","source":"s","type":"plans.happened","data":{}})",
              {{"Content-Type", "application/cloudevents+json"}})
          .status,
      202);
  std::string last;
  for (int i = 0; i < 100 && !last.starts_with("HTTP/1.1 422"); ++i)
    last = publish("own" + std::to_string(i));
  ASSERT_TRUE(last.starts_with("HTTP/1.1 422")) << "what one tenant may use is bounded";
  EXPECT_EQ(publish("plans"), publish("zzzzz"));
}

TEST_F(Alike, ALimitCountsTheSameForAVictimsThingAndForNothingAndForNobodyElse) {
  for (const char* tenant : {"limited", "loud"}) {
    ASSERT_EQ(
        world_->as_operator("POST", "/admin/v1/tenants", "{\"id\":\"" + std::string(tenant) + "\"}")
            .status,
        201);
    ASSERT_EQ(world_
                  ->as_operator("PUT", std::string("/admin/v1/ratelimits/") + tenant + "/users",
                                R"({"rate":1,"per":"24h","burst":5})")
                  .status,
              200);
  }
  const auto remaining = [&](const std::string& target) {
    test::RawClient wire(world_->daemon.address("users"));
    const auto received = wire.exchange(text_of("GET", target, token("limited")), {false});
    const std::string limit(received.answers.at(0).header("RateLimit"));
    return limit.substr(0, limit.find(";t="));
  };
  EXPECT_EQ(remaining("/users/20"), "\"users\";r=5");
  EXPECT_EQ(remaining("/users/98"), "\"users\";r=4");
  for (int i = 0; i < 20; ++i) world_->daemon.call("users", "GET", "/users/1", token("loud"));
  EXPECT_EQ(world_->daemon.call("users", "GET", "/users/1", token("loud")).status, 429);
  EXPECT_EQ(remaining("/users?tenant_id=limited"), "\"users\";r=3");
}

// Open by contract; with the ids of the busiest tenants for operators only, and with nothing else
// of them.
TEST_F(Alike, MetricsNameAFewTenantsAndNothingOfTheirs) {
  for (int i = 0; i < 20; ++i) {
    world_->daemon.call("gateway", "GET", "/ai/users/search?query=qzsecretquery",
                        token("crowd-" + std::to_string(i)));
  }
  for (const auto& role : kRoles) {
    const auto text = world_->daemon.call(role, "GET", "/metrics", "").body;
    EXPECT_EQ(find_secret(text), "") << role;
    for (const auto& known : world_->known())
      EXPECT_EQ(text.find(known), std::string::npos) << known;
    std::set<std::string> tenants;
    for (std::size_t at = 0; (at = text.find("tenant=\"", at)) != std::string::npos;) {
      at += 8;
      tenants.insert(text.substr(at, text.find('"', at) - at));
    }
    EXPECT_LE(tenants.size(), role == "admin" ? 4u : 1u) << "three, and `other`";
    EXPECT_TRUE(tenants.contains("other"));
  }
}

}  // namespace
}  // namespace mesh::hostile
