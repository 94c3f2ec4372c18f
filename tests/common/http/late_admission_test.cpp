// The limiter asks a server: no loop waits for it, and what is asked meanwhile stays in order.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "common/http/server.h"
#include "tests/common/http/server_fixture.h"
#include "tests/support/eventually.h"
#include "tests/support/later_limiter.h"

namespace mesh::http {
namespace {

using std::chrono::milliseconds;
using test::eventually;

constexpr RatePolicy kPolicy{10, std::chrono::seconds(1), 9};
constexpr auto kLateToken = "Authorization: alice\r\n";

class LateAdmission : public ServerTest {
 protected:
  LateAdmission() {
    hooks.admit = [this](const TenantId& tenant, const std::string& scope,
                         const Hooks::Later& later) -> std::optional<Hooks::Admitted> {
      const auto decision = limiter->take(tenant, scope, kPolicy, 1, later);
      EXPECT_FALSE(decision);
      return std::nullopt;
    };
    hooks.decided = [this](const TenantId& tenant, const std::string& scope,
                           Result<RateDecision> decision) -> Hooks::Admitted {
      EXPECT_EQ(tenant.str(), "acme");
      EXPECT_EQ(scope, "search");
      if (decision) return Hooks::Admission{kPolicy, *decision};
      ++unavailable;
      if (allow_when_unavailable) return std::optional<Hooks::Admission>();
      return fail(ErrorKind::unavailable, "rate limits cannot be checked now",
                  decision.error().message);
    };
    hooks.answered = [this](const Hooks::Answered& answer) { last_status = answer.status; };
  }
  ~LateAdmission() override {
    server.reset();
    if (stopping_.joinable()) stopping_.join();
  }

  Result<RateDecision> decide() {
    if (broken) return fail(ErrorKind::unavailable, "redis at 10.0.0.1 is down");
    return RateDecision{allowed, 10, 4, milliseconds(2'100), milliseconds(1'500)};
  }
  static Route limited(std::string method, std::string pattern, Body body = Body::none) {
    Route route = echo(std::move(method), std::move(pattern), body, Access::tenant);
    route.scope = "search";
    return route;
  }
  Route kept_and_limited() {
    Route route = kept("/kept");
    route.access = Access::tenant;
    route.scope = "search";
    return route;
  }
  void start_routes() {
    start({limited("GET", "/limited/{n}"), limited("POST", "/limited", Body::bulk),
           kept_and_limited()});
  }
  static std::string ask(const std::string& path, const std::string& headers = "") {
    return get(path, kLateToken + headers);
  }
  static std::string head(std::size_t length, const std::string& headers = "") {
    return "POST /limited HTTP/1.1\r\nHost: t\r\n" + std::string(kLateToken) + headers +
           "Content-Length: " + std::to_string(length) + "\r\n\r\n";
  }
  void stop_beside(Duration drain) {
    stopping_ = std::thread([this, drain] { server->stop(drain); });
    clock.await_waiters(1);
  }

  std::atomic<bool> allowed{true}, broken{false}, allow_when_unavailable{false};
  std::atomic<int> unavailable{0}, last_status{0};
  std::unique_ptr<test::LaterLimiter> limiter =
      std::make_unique<test::LaterLimiter>([this](auto&&...) { return decide(); });

 private:
  std::thread stopping_;
};

TEST_F(LateAdmission, TheLoopServesOthersMeanwhile) {
  start_routes();
  limiter->hold();
  auto waiting = connect();
  waiting.send(ask("/limited/1"));
  limiter->await_asked(1);
  EXPECT_EQ(connect().ask(get("/fence")).status, 200) << "on the same loop";
  limiter->release();
  const auto reply = waiting.read();
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.header("RateLimit-Policy"), "\"search\";q=10;w=1");
  EXPECT_EQ(reply.header("RateLimit"), "\"search\";r=4;t=2");
}

TEST_F(LateAdmission, PipelinedRequestsAreAnsweredInTheirOrder) {
  start_routes();
  limiter->hold();
  auto client = connect();
  client.send(ask("/limited/1") + get("/fence") + ask("/limited/2") + head(5) + "hello" +
              ask("/limited/3"));
  limiter->await_asked(1);
  sync();
  limiter->release();
  EXPECT_EQ(client.read().json()["path"], "/limited/1");
  EXPECT_EQ(client.read().json()["path"], "/fence");
  EXPECT_EQ(client.read().json()["path"], "/limited/2");
  EXPECT_EQ(client.read().json()["body"], "hello");
  EXPECT_EQ(client.read().json()["path"], "/limited/3");
}

TEST_F(LateAdmission, ManyConnectionsHaveTheirOwnDecisions) {
  start_routes();
  std::vector<RawClient> clients;
  for (int i = 0; i < 50; ++i) {
    clients.push_back(connect());
    for (int n = 0; n < 4; ++n) clients.back().send(ask("/limited/" + std::to_string(n)));
  }
  for (auto& client : clients) {
    for (int n = 0; n < 4; ++n)
      EXPECT_EQ(client.read().json()["path"], "/limited/" + std::to_string(n));
  }
}

TEST_F(LateAdmission, BodiesComeBeforeOrAfterTheDecision) {
  start_routes();
  auto client = connect();
  EXPECT_EQ(client.ask(head(5) + "hello").json()["body"], "hello");
  limiter->hold();
  client.send(head(6) + "bef");
  limiter->await_asked(1);
  sync();
  client.send("ore");
  sync();
  limiter->release();
  EXPECT_EQ(client.read().json()["body"], "before");
  client.send(head(5));
  limiter->await_answers();
  client.send("after");
  EXPECT_EQ(client.read().json()["body"], "after");
  client.send("POST /limited HTTP/1.1\r\nHost: t\r\n" + std::string(kLateToken) +
              "Transfer-Encoding: chunked\r\n\r\n3\r\nchu\r\n4\r\nnked\r\n0\r\n\r\n");
  EXPECT_EQ(client.read().json()["body"], "chunked");
}

TEST_F(LateAdmission, NoBodyIsHeldBeforeTheDecision) {
  allowed = false;
  start_routes();
  limiter->hold();
  auto client = connect();
  client.send(head(8 << 20) + std::string(64 << 10, 'x'));
  limiter->await_asked(1);
  sync();
  EXPECT_EQ(server->buffered_bytes(), 0u);
  limiter->release();
  client.send(std::string((8 << 20) - (64 << 10), 'x'));
  const auto reply = client.read();
  EXPECT_EQ(reply.status, 429);
  EXPECT_EQ(reply.header("Retry-After"), "3");
  EXPECT_EQ(reply.header("RateLimit"), "\"search\";r=4;t=3");
  EXPECT_TRUE(client.closed_by_server());
}

TEST_F(LateAdmission, AShortBodyOfARefusedRequestKeepsTheConnectionInStep) {
  allowed = false;
  start_routes();
  limiter->hold();
  auto client = connect();
  client.send(head(5) + "GET /" + get("/fence"));
  limiter->await_asked(1);
  limiter->release();
  EXPECT_EQ(client.read().status, 429);
  EXPECT_EQ(client.read().json()["path"], "/fence");
}

TEST_F(LateAdmission, WhoWaitsToBeAskedForItsBodyIsAskedOnceAdmitted) {
  start_routes();
  limiter->hold();
  auto client = connect();
  client.send(head(5, "Expect: 100-continue\r\n"));
  limiter->await_asked(1);
  sync();
  limiter->release();
  EXPECT_EQ(client.read().status, 100);
  EXPECT_EQ(client.ask("hello").json()["body"], "hello");
  allowed = false;
  EXPECT_EQ(client.ask(head(5, "Expect: 100-continue\r\n")).status, 429);
  EXPECT_TRUE(client.closed_by_server());
}

TEST_F(LateAdmission, ABodyThatStopsComingAfterTheDecisionHasItsWholeTime) {
  start_routes();
  limiter->hold();
  auto client = connect();
  client.send(head(100) + "x");
  limiter->await_asked(1);
  clock.advance(options.admission_timeout - milliseconds(1));
  sync();  // the loop has seen the time
  limiter->release();
  limiter->await_answers();
  sync();
  clock.advance(options.body_timeout - milliseconds(1));
  sync();
  EXPECT_EQ(last_status, 0);
  clock.advance(milliseconds(1));
  EXPECT_EQ(client.read().status, 408);
}

TEST_F(LateAdmission, AClientThatLeftMeanwhileIsForgotten) {
  start_routes();
  limiter->hold();
  auto client = connect();
  client.send(ask("/limited/1"));
  limiter->await_asked(1);
  client.leave();
  EXPECT_TRUE(eventually([&] { return last_status == 499; }));
  limiter->release();
  limiter->await_answers();
  sync();
  EXPECT_EQ(connect().ask(ask("/limited/2")).status, 200);
}

TEST_F(LateAdmission, AClientThatSendsNoMoreStillHasItsAnswer) {
  start_routes();
  limiter->hold();
  auto client = connect();
  client.send(ask("/limited/1"));
  limiter->await_asked(1);
  client.finish_sending();
  sync();
  limiter->release();
  EXPECT_EQ(client.read().status, 200);
}

TEST_F(LateAdmission, ADecisionThatDoesNotComeInTimeIsAsTheHookSays) {
  start_routes();
  limiter->hold();
  auto client = connect();
  client.send(ask("/limited/1"));
  limiter->await_asked(1);
  clock.advance(options.admission_timeout);
  const auto denied = client.read();
  EXPECT_EQ(denied.status, 503);
  EXPECT_EQ(denied.header("Retry-After"), "1");
  allow_when_unavailable = true;
  client.send(ask("/limited/2"));
  limiter->await_asked(2);
  clock.advance(options.admission_timeout);
  const auto let_through = client.read();
  EXPECT_EQ(let_through.json()["path"], "/limited/2");
  EXPECT_EQ(let_through.header("RateLimit"), "");
  EXPECT_EQ(unavailable, 2);
  // What comes now is nobody's answer, and the next request has its own.
  client.send(ask("/limited/3") + ask("/limited/4"));
  limiter->release();
  EXPECT_EQ(client.read().json()["path"], "/limited/3");
  EXPECT_EQ(client.read().json()["path"], "/limited/4");
  EXPECT_EQ(unavailable, 2);
}

TEST_F(LateAdmission, ADecisionThatIsLostEndsWithItsTimeToo) {
  start_routes();
  limiter->hold();
  auto client = connect();
  client.send(ask("/limited/1"));
  limiter->await_asked(1);
  limiter->drop();
  sync();
  clock.advance(options.admission_timeout);
  EXPECT_EQ(client.read().status, 503);
}

TEST_F(LateAdmission, AnErrorOfTheLimiterIsAsTheHookSays) {
  broken = true;
  start_routes();
  auto client = connect();
  const auto denied = client.ask(ask("/limited/1"));
  EXPECT_EQ(denied.status, 503);
  EXPECT_EQ(denied.body.find("redis"), std::string::npos);
  allow_when_unavailable = true;
  EXPECT_EQ(client.ask(ask("/limited/1")).status, 200);
}

// The second decision was taken for the answer of the handler.
TEST_F(LateAdmission, ADecisionToldTwiceIsHeardOnce) {
  limiter = std::make_unique<test::LaterLimiter>([this](auto&&...) { return decide(); }, 2);
  start_routes();
  auto client = connect();
  client.send(post("/kept", "x", kLateToken));
  const auto responder = take_responder();
  limiter->await_answers();
  sync();
  responder(Response::text(200, "the handler's"));
  EXPECT_EQ(client.read().body, "the handler's");
}

TEST_F(LateAdmission, AHookThatThrowsIs500) {
  hooks.decided = [](auto&&...) -> Hooks::Admitted { throw std::runtime_error("secret"); };
  start_routes();
  EXPECT_EQ(connect().ask(ask("/limited/1")).status, 500);
}

TEST_F(LateAdmission, TheTimeOfAnAnswerBeginsWithTheHandler) {
  start_routes();
  limiter->hold();
  auto client = connect();
  client.send(post("/kept", "x", kLateToken));
  limiter->await_asked(1);
  clock.advance(options.admission_timeout - milliseconds(1));
  sync();  // the loop has seen the time
  limiter->release();
  const auto responder = take_responder();
  sync();
  clock.advance(options.answer_timeout - milliseconds(1));
  sync();
  EXPECT_EQ(last_status, 0);
  clock.advance(milliseconds(1));
  EXPECT_EQ(client.read().status, 503);
}

TEST_F(LateAdmission, ADrainWaitsForTheDecision) {
  start_routes();
  limiter->hold();
  auto client = connect();
  client.send(ask("/limited/1"));
  limiter->await_asked(1);
  stop_beside(milliseconds(10'000));
  limiter->release();
  const auto reply = client.read();
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.header("Connection"), "close");
}

TEST_F(LateAdmission, AStopEndsTheWait) {
  start_routes();
  limiter->hold();
  auto client = connect();
  client.send(ask("/limited/1"));
  limiter->await_asked(1);
  server->stop(milliseconds(0));
  EXPECT_EQ(client.read().status, 503);
  server.reset();
  limiter->release();
  limiter->await_answers();  // it goes nowhere
}

}  // namespace
}  // namespace mesh::http
