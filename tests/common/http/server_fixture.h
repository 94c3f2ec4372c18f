// A server on a free port with a clock that only the test moves, and routes that tell what they
// were asked.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/base/strings.h"
#include "common/http/server.h"
#include "tests/support/manual_clock.h"
#include "tests/support/raw_client.h"

namespace mesh::http {

using test::get;
using test::post;
using test::RawClient;

class ServerTest : public ::testing::Test {
 protected:
  ServerTest() {
    options.workers = 1;  // so that sync() is a fence
    hooks.authenticate = [](const Request& request, const Route&) -> Result<Principal> {
      const auto token = request.header("Authorization");
      if (!token) return fail(ErrorKind::unauthenticated, "A credential is needed.");
      return Principal{Principal::Kind::tenant_user, *TenantId::parse("acme"), std::string(*token)};
    };
    options.refusal_pause = Duration{0};  // the clock stands still
  }

  // The handler answers with what it saw.
  static Route echo(std::string method, std::string pattern, Body body = Body::none,
                    Access access = Access::open) {
    Route route;
    route.method = std::move(method);
    route.pattern = std::move(pattern);
    route.access = access;
    route.body = body;
    route.handler = [](std::shared_ptr<const Request> request, Responder respond) {
      Json seen{{"method", request->method}, {"path", request->path}, {"body", request->body}};
      for (const auto& [name, value] : request->path_params) seen["params"][name] = value;
      for (const auto& [name, value] : request->query) seen["query"][name] = value;
      for (const auto& [name, value] : request->headers) seen["headers"][to_lower(name)] = value;
      respond(Response::json(200, seen));
    };
    return route;
  }
  // The handler keeps the responder; see take_responder.
  Route kept(std::string pattern) {
    Route route = echo("POST", std::move(pattern), Body::event);
    route.handler = [this](std::shared_ptr<const Request>, Responder respond) {
      std::lock_guard lock(mutex_);
      responders_.push_back(std::move(respond));
      came_.notify_all();
    };
    return route;
  }
  // Waits until a request has reached the handler of a kept route.
  Responder take_responder() {
    std::unique_lock lock(mutex_);
    came_.wait(lock, [&] { return !responders_.empty(); });
    Responder first = std::move(responders_.front());
    responders_.erase(responders_.begin());
    return first;
  }

  void start(RouteTable routes = {echo("GET", "/echo")}) {
    routes.push_back(echo("GET", "/fence"));
    server = std::make_unique<Server>(options, hooks, clock, metrics, spans);
    const auto started = server->start({{"127.0.0.1:0", {"users"}, std::move(routes)}});
    ASSERT_TRUE(started) << started.error().to_string();
  }
  RawClient connect() { return RawClient(server->addresses().at(0)); }
  // When this returns, the server has seen what was sent before on any connection.
  void sync() {
    auto client = connect();
    ASSERT_EQ(client.ask(get("/fence", "Connection: close\r\n")).status, 200);
  }
  bool exposes(const std::string& line) { return metrics.expose().find(line) != std::string::npos; }

  ManualClock clock;
  Metrics metrics;
  ServerOptions options;
  Hooks hooks;
  Spans* spans = nullptr;

 private:
  std::mutex mutex_;
  std::condition_variable came_;
  std::vector<Responder> responders_;  // guarded by mutex_

 protected:
  std::unique_ptr<Server> server;  // last: its handlers use all of the above
};

}  // namespace mesh::http
