// A server on a free port that answers routes as the test says and remembers what it was asked.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/http/server.h"

namespace mesh::test {

class FakeMesh {
 public:
  using Answer = std::function<http::Response(const http::Request&)>;

  // {name} is a path part, as in http::Route.
  void on(std::string method, std::string pattern, Answer answer) {
    http::Route route;
    route.method = std::move(method);
    route.pattern = std::move(pattern);
    route.access = http::Access::open;
    route.pool = http::Pool::quick;  // an answer may wait for another request
    route.body =
        route.method == "GET" || route.method == "DELETE" ? http::Body::none : http::Body::bulk;
    route.handler = [this, answer = std::move(answer)](std::shared_ptr<const http::Request> request,
                                                       http::Responder respond) {
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(*request);
      }
      respond(answer(*request));
    };
    routes_.push_back(std::move(route));
  }
  void on(std::string method, std::string pattern, int status, Json body) {
    on(std::move(method), std::move(pattern),
       [status, body = std::move(body)](const http::Request&) {
         return http::Response::json(status, body);
       });
  }
  // A stream of these events, which then ends.
  void on_stream(std::string pattern, std::vector<http::ServerEvent> events) {
    http::Route route;
    route.method = "GET";
    route.pattern = std::move(pattern);
    route.access = http::Access::open;
    route.handler = [this, events = std::move(events)](std::shared_ptr<const http::Request> request,
                                                       http::Responder respond) {
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(*request);
      }
      const auto stream = respond.stream();
      for (const auto& event : events) stream->send(event);
    };
    routes_.push_back(std::move(route));
  }
  void on(std::string method, std::string pattern, Error error) {
    on(std::move(method), std::move(pattern),
       [error = std::move(error)](const http::Request&) { return http::Response::problem(error); });
  }

  http::ServerOptions options;

  // Starts at the first call; routes and options are fixed from then on.
  std::string url() {
    if (!server_) {
      server_ = std::make_unique<http::Server>(options, http::Hooks{}, system_clock(), metrics_);
      auto started = server_->start({{"127.0.0.1:0", {"all"}, std::move(routes_)}});
      if (!started) throw std::runtime_error(started.error().to_string());
    }
    return (options.tls ? "https://" : "http://") + server_->addresses().at(0);
  }

  std::vector<http::Request> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  http::Request last() { return requests().back(); }

 private:
  std::mutex mutex_;
  std::vector<http::Request> requests_;  // guarded by mutex_
  http::RouteTable routes_;
  Metrics metrics_;
  std::unique_ptr<http::Server> server_;  // last: its handlers use all of the above
};

}  // namespace mesh::test
