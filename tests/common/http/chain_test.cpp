#include <gtest/gtest.h>

#include "common/http/server.h"
#include "common/telemetry/recent_log.h"
#include "common/telemetry/trace_context.h"
#include "tests/common/http/server_fixture.h"
#include "tests/support/kept_spans.h"

namespace mesh::http {
namespace {

constexpr auto kToken = "Authorization: Bearer acme:alice\r\n";

TEST_F(ServerTest, ACredentialIsNeededWhereTheRouteAsksForOne) {
  start({echo("GET", "/mine", Body::none, Access::tenant)});
  auto client = connect();
  const auto refused = client.ask(get("/mine"));
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(refused.header("WWW-Authenticate"), "Bearer realm=\"mesh\"");
  EXPECT_EQ(client.ask(get("/mine", kToken)).status, 200);
}

TEST_F(ServerTest, TheHandlerSeesThePrincipal) {
  Route route = echo("GET", "/who", Body::none, Access::tenant);
  route.handler = [](std::shared_ptr<const Request> request, Responder respond) {
    respond(Response::text(200, request->tenant().str() + " " + request->principal->user));
  };
  start({route});
  auto client = connect();
  EXPECT_EQ(client.ask(get("/who", kToken)).body, "acme Bearer acme:alice");
}

TEST_F(ServerTest, DecidingFieldsMayBeThereOnlyOnce) {
  start({echo("GET", "/mine", Body::none, Access::tenant)});
  auto client = connect();
  EXPECT_EQ(client.ask(get("/mine", std::string(kToken) + "authorization: Bearer b:b\r\n")).status,
            400);
  EXPECT_EQ(client.ask(get("/mine", "X-Tenant-Id: a\r\nX-Tenant-Id: a\r\n")).status, 400);
}

TEST_F(ServerTest, AnswersOfLimitedRoutesCarryTheLimit) {
  RateDecision decision{true, 101, 99, {}, std::chrono::milliseconds(1'500)};
  hooks.admit = [&](const TenantId& tenant, const std::string& scope,
                    const Hooks::Later&) -> Result<Hooks::Admission> {
    EXPECT_EQ(tenant.str(), "acme");
    EXPECT_EQ(scope, "search");
    return Hooks::Admission{{600, std::chrono::minutes(1), 100}, decision};
  };
  Route route = echo("GET", "/search", Body::none, Access::tenant);
  route.scope = "search";
  start({route});
  auto client = connect();
  const auto passed = client.ask(get("/search", kToken));
  EXPECT_EQ(passed.status, 200);
  EXPECT_EQ(passed.header("RateLimit-Policy"), "\"search\";q=600;w=60");
  EXPECT_EQ(passed.header("RateLimit"), "\"search\";r=99;t=2");

  decision = {false, 101, 0, std::chrono::milliseconds(2'100), std::chrono::seconds(60)};
  const auto denied = client.ask(get("/search", kToken));
  EXPECT_EQ(denied.status, 429);
  EXPECT_EQ(denied.header("Retry-After"), "3");
  EXPECT_EQ(denied.header("RateLimit"), "\"search\";r=0;t=3");
  EXPECT_EQ(denied.json()["type"],
            "https://iana.org/assignments/http-problem-types#quota-exceeded");
  EXPECT_EQ(denied.json()["violated-policies"], Json::array({"search"}));
  EXPECT_EQ(denied.json()["instance"], "/search");
}

// q was what may come at once, beside the w of the steady rate.
TEST_F(ServerTest, TheStatedPolicyIsTheRateThatIsEnforced) {
  RatePolicy policy{500, std::chrono::seconds(1), 1'999};
  hooks.admit = [&](const TenantId&, const std::string&,
                    const Hooks::Later&) -> Result<Hooks::Admission> {
    return Hooks::Admission{policy, {true, policy.burst + 1, policy.burst, {}, {}}};
  };
  Route route = echo("GET", "/search", Body::none, Access::tenant);
  route.scope = "search";
  start({route});
  auto client = connect();
  const auto stated = [&] { return client.ask(get("/search", kToken)).header("RateLimit-Policy"); };
  EXPECT_EQ(stated(), "\"search\";q=500;w=1");
  policy = {30, std::chrono::milliseconds(250), 0};
  EXPECT_EQ(stated(), "\"search\";q=120;w=1");
  policy = {9, std::chrono::milliseconds(1'500), 0};
  EXPECT_EQ(stated(), "\"search\";q=12;w=2");
}

TEST_F(ServerTest, AnswersOfUnlimitedScopesStateNoLimit) {
  hooks.admit = [](const TenantId&, const std::string&,
                   const Hooks::Later&) -> Result<std::optional<Hooks::Admission>> {
    return std::nullopt;
  };
  Route route = echo("GET", "/search", Body::none, Access::tenant);
  route.scope = "search";
  start({route});
  auto client = connect();
  const auto answer = client.ask(get("/search", kToken));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("RateLimit-Policy"), "");
  EXPECT_EQ(answer.header("RateLimit"), "");
}

TEST_F(ServerTest, AnOperatorWhoActsForATenantUsesUpNothing) {
  hooks.authenticate = [](const Request&, const Route&) -> Result<Principal> {
    return Principal{Principal::Kind::operator_for_tenant, TenantId::parse("acme").value(),
                     "operator"};
  };
  hooks.admit = [](const TenantId&, const std::string&,
                   const Hooks::Later&) -> Result<Hooks::Admission> {
    ADD_FAILURE() << "the tenant's limit was asked";
    return Hooks::Admission{};
  };
  Route route = echo("GET", "/search", Body::none, Access::tenant);
  route.scope = "search";
  start({route});
  EXPECT_EQ(connect().ask(get("/search", kToken)).status, 200);
}

TEST_F(ServerTest, TheOperatorIsLimitedOnlyInATenantsName) {
  hooks.authenticate = [](const Request&, const Route&) -> Result<Principal> {
    return Principal{Principal::Kind::operator_, std::nullopt, "operator"};
  };
  hooks.admit = [](const TenantId& tenant, const std::string&,
                   const Hooks::Later&) -> Result<Hooks::Admission> {
    EXPECT_EQ(tenant.str(), "acme");
    return Hooks::Admission{{1, std::chrono::hours(1), 0}, {false, 1, 0, {}, {}}};
  };
  Route route = echo("GET", "/admin", Body::none, Access::operator_);
  route.scope = "admin";
  start({route});
  auto client = connect();
  EXPECT_EQ(client.ask(get("/admin", kToken)).status, 200);
  EXPECT_EQ(client.ask(get("/admin", "X-Tenant-Id: -no-tenant-\r\n")).status, 200);
  EXPECT_EQ(client.ask(get("/admin", "X-Tenant-Id: acme\r\n")).status, 429);
  EXPECT_EQ(client.ask(get("/admin?tenant_id=acme", kToken)).status, 429);
}

TEST_F(ServerTest, ALimiterThatIsDownIs503WithRetryAfter) {
  hooks.admit = [](const TenantId&, const std::string&,
                   const Hooks::Later&) -> Result<Hooks::Admission> {
    return fail(ErrorKind::unavailable, "Try again later.", "redis at 10.0.0.1 is down");
  };
  Route route = echo("GET", "/search", Body::none, Access::tenant);
  route.scope = "search";
  start({route});
  auto client = connect();
  const auto reply = client.ask(get("/search", kToken));
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.header("Retry-After"), "1");
  EXPECT_EQ(reply.body.find("redis"), std::string::npos);
}

TEST_F(ServerTest, WhatCannotBeCheckedWithoutWaitingIsCheckedOnAWorker) {
  const auto loop = std::make_shared<std::thread::id>();
  std::vector<std::pair<bool, bool>> asked;  // may it block, does it run on the loop
  hooks.check = [&, loop](const Request& request, const Route&,
                          bool may_block) -> std::optional<Status> {
    asked.emplace_back(may_block, std::this_thread::get_id() == *loop);
    if (request.path == "/known") return Status{};
    if (!may_block) return std::nullopt;
    if (request.path == "/there") return Status{};
    return fail(ErrorKind::not_found, "there is no such tenant");
  };
  hooks.authenticate = [loop, was = hooks.authenticate](const Request& request,
                                                        const Route& route) {
    *loop = std::this_thread::get_id();
    return was(request, route);
  };
  std::vector<int> told;
  hooks.answered = [&](const Hooks::Answered& answer) { told.push_back(answer.status); };
  start({echo("GET", "/known", Body::none, Access::tenant),
         echo("GET", "/there", Body::none, Access::tenant),
         echo("GET", "/gone", Body::none, Access::tenant), echo("GET", "/open")});
  auto client = connect();
  EXPECT_EQ(client.ask(get("/known", kToken)).status, 200);
  EXPECT_EQ(asked, (decltype(asked){{false, true}}));
  asked.clear();
  EXPECT_EQ(client.ask(get("/there", kToken)).status, 200);
  EXPECT_EQ(asked, (decltype(asked){{false, true}, {true, false}}));
  const auto gone = client.ask(get("/gone", kToken));
  EXPECT_EQ(gone.status, 404);
  EXPECT_EQ(gone.json()["detail"], "there is no such tenant");
  EXPECT_EQ(told, (std::vector{200, 200})) << "what was asked of no tenant is no tenant's use";
  asked.clear();
  EXPECT_EQ(client.ask(get("/open")).status, 200);
  EXPECT_EQ(client.ask(get("/known")).status, 401);
  EXPECT_TRUE(asked.empty()) << "of nobody there is nothing to check";
}

TEST_F(ServerTest, AHookThatThrowsIs500AndStaysInside) {
  hooks.authenticate = [](const Request&, const Route&) -> Result<Principal> {
    throw std::runtime_error("secret");
  };
  start({echo("GET", "/mine", Body::none, Access::tenant)});
  auto client = connect();
  const auto reply = client.ask(get("/mine", kToken));
  EXPECT_EQ(reply.status, 500);
  EXPECT_EQ(reply.body.find("secret"), std::string::npos);
}

TEST_F(ServerTest, AnswersToTenantsAreTold) {
  std::vector<std::pair<std::string, int>> told;
  hooks.answered = [&](const Hooks::Answered& answer) {
    told.emplace_back(answer.tenant.str(), answer.status);
  };
  start({echo("GET", "/mine", Body::none, Access::tenant)});
  auto client = connect();
  client.ask(get("/mine", kToken));
  client.ask(get("/mine"));
  client.ask(get("/echo"));
  EXPECT_EQ(told, (std::vector<std::pair<std::string, int>>{{"acme", 200}}));
}

TEST_F(ServerTest, RequestIdsAreEchoedOrMade) {
  start();
  auto client = connect();
  EXPECT_EQ(client.ask(get("/echo", "X-Request-Id: abc-1\r\n")).header("X-Request-Id"), "abc-1");
  const auto first = client.ask(get("/echo")).header("X-Request-Id");
  const auto second = client.ask(get("/echo")).header("X-Request-Id");
  EXPECT_FALSE(first.empty());
  EXPECT_NE(first, second);
  const std::string too_long(129, 'a');
  EXPECT_NE(client.ask(get("/echo", "X-Request-Id: " + too_long + "\r\n")).header("X-Request-Id"),
            too_long);
}

TEST_F(ServerTest, ATraceIsContinuedOrMade) {
  Route route = echo("GET", "/trace");
  route.handler = [](std::shared_ptr<const Request> request, Responder respond) {
    respond(Response::text(200, request->trace.traceparent()));
  };
  start({route});
  auto client = connect();
  const std::string parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const auto child = client.ask(get("/trace", "traceparent: " + parent + "\r\n")).body;
  EXPECT_EQ(child.substr(0, 36), parent.substr(0, 36));
  EXPECT_NE(child, parent);
  EXPECT_EQ(child.substr(52), "-01");
  EXPECT_TRUE(TraceContext::parse(client.ask(get("/trace", "traceparent: 00-bad\r\n")).body));
}

// The last line of the access log; null where it has none.
Json last_access(const std::string& request_id) {
  for (const auto& line : log::recent()) {
    const Json json = Json::parse(line);
    if (json["message"] == "http request" && json["request_id"] == request_id) return json;
  }
  return nullptr;
}

TEST_F(ServerTest, TheAccessLogHasOneLineOfWhatFailedOrWasSlow) {
  options.slow_request = Duration{250};
  Route failing = echo("GET", "/fails/{id}", Body::none, Access::tenant);
  failing.handler = [](std::shared_ptr<const Request>, Responder respond) {
    respond(Error{ErrorKind::internal, "It broke.", "the disk", {}, {}});
  };
  start({failing, kept("/slow"), echo("GET", "/fine")});
  auto client = connect();
  const auto id = [](const std::string& text) { return "X-Request-Id: " + text + "\r\n"; };
  client.ask(get("/fine", id("fine")));
  EXPECT_EQ(last_access("fine"), nullptr) << "at info there is no line of what went well";

  client.ask(get("/fails/7", kToken + id("fails")));
  const Json failed = last_access("fails");
  ASSERT_NE(failed, nullptr);
  EXPECT_EQ(failed["level"], "info");
  EXPECT_EQ(failed["tenant"], "acme");
  EXPECT_EQ(failed["route"], "/fails/{id}") << "no ids";
  EXPECT_EQ(failed["status"], 500);
  EXPECT_EQ(failed["bytes_in"], 0);
  EXPECT_GT(failed["bytes_out"], 10);
  EXPECT_EQ(failed["cause"], "the disk");
  EXPECT_EQ(failed["trace_id"].get<std::string>().size(), 32u);

  const auto slow = [&](const std::string& name, Duration takes, bool held, Duration before = {}) {
    client.send(post("/slow", "12345", "Content-Type: text/plain\r\n" + id(name)));
    const auto respond = take_responder();
    clock.advance(before);
    if (held) respond.when_gone([] {});
    clock.advance(takes);
    respond(Response::text(200, "done"));
    EXPECT_EQ(client.read().status, 200);
    return last_access(name);
  };
  const Json line = slow("slow", Duration{251}, false);
  ASSERT_NE(line, nullptr);
  EXPECT_EQ(line["micros"], 251'000);
  EXPECT_EQ(line["bytes_in"], 5);
  EXPECT_EQ(line["bytes_out"], 4);
  EXPECT_EQ(slow("quick", Duration{250}, false), nullptr);
  EXPECT_EQ(slow("held", Duration{5'000}, true), nullptr) << "it asked to wait";
  EXPECT_NE(slow("slow-first", Duration{5'000}, true, Duration{251}), nullptr);
}

TEST_F(ServerTest, TheAccessLogHasNoPathAtInfo) {
  options.slow_request = Duration{-1};  // all are slow
  start({echo("GET", "/fine")});
  auto client = connect();
  EXPECT_EQ(client.ask(get("/users/t@acme.dev", "X-Request-Id: no-route\r\n")).status, 404);
  const Json line = last_access("no-route");
  ASSERT_NE(line, nullptr);
  EXPECT_EQ(line["level"], "info");
  EXPECT_EQ(line["route"], "-");
}

TEST_F(ServerTest, ARequestIsASpanOfItsTrace) {
  test::KeptSpans kept(clock, {.sample = 0});
  spans = &kept.get();
  options.slow_request = Duration{250};
  Route probe = echo("GET", "/livez");
  probe.probe = true;
  Route failing = echo("GET", "/fails/{id}", Body::none, Access::tenant);
  failing.handler = [](std::shared_ptr<const Request>, Responder respond) {
    respond(Error{ErrorKind::internal, "It broke.", "the disk", {}, {}});
  };
  start({echo("GET", "/fine"), failing, probe});
  auto client = connect();
  const std::string parent =
      "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n";
  client.ask(get("/fine", parent));
  client.ask(get("/fine"));
  client.ask(get("/livez", parent));
  client.ask(get("/none", parent));
  client.ask(get("/fails/7", kToken));
  EXPECT_TRUE(metrics.expose(true, Metrics::Form::open_metrics)
                  .find("trace_id=\"0af7651916cd43dd8448eb211c80319c\"") != std::string::npos)
      << "an exemplar";
  const auto all = kept.all();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0]["name"], "GET /fine");
  EXPECT_EQ(all[0]["kind"], 2);
  EXPECT_EQ(all[0]["traceId"], "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(all[0]["parentSpanId"], "b7ad6b7169203331");
  EXPECT_EQ(all[1]["name"], "GET /fails/{id}") << "failed, though no head asked for it";
  EXPECT_FALSE(all[1].contains("parentSpanId"));
  EXPECT_EQ(all[1]["status"]["code"], 2);
  EXPECT_FALSE(all[1]["status"].contains("message")) << "the cause is for the log alone";
  EXPECT_EQ(test::attribute_of(all[1], "http.response.status_code"), "500");
  EXPECT_EQ(test::attribute_of(all[1], "mesh.tenant"), "acme");
  server->stop(Duration{0});
}

TEST_F(ServerTest, RequestsAreCountedByRouteAndStatus) {
  start({echo("GET", "/users/{id}")});
  auto client = connect();
  client.ask(get("/users/1"));
  client.ask(get("/users/2"));
  client.ask(get("/nowhere"));
  EXPECT_TRUE(
      exposes("mesh_http_requests_total{listener=\"users\",method=\"GET\","
              "route=\"/users/{id}\",status=\"200\"} 2"));
  EXPECT_TRUE(
      exposes("mesh_http_requests_total{listener=\"users\",method=\"GET\",route=\"none\","
              "status=\"404\"} 1"));
  EXPECT_TRUE(exposes("mesh_http_request_seconds_count{route=\"/users/{id}\"} 2"));
}

}  // namespace
}  // namespace mesh::http
