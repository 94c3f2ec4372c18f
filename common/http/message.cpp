#include "common/http/message.h"

#include <atomic>

#include "common/base/strings.h"
#include "common/http/event_queue.h"
#include "common/http/syntax.h"

namespace mesh::http {
namespace {

Response problem_of(int status, std::string_view detail, const std::vector<FieldError>& fields,
                    std::string_view type = "about:blank") {
  Json body{{"type", std::string(type)},
            {"title", std::string(reason_phrase(status))},
            {"status", status},
            {"detail", std::string(detail)}};
  if (!fields.empty()) {
    Json& errors = body["errors"] = Json::array();
    for (const auto& field : fields) {
      errors.push_back({{"pointer", field.pointer}, {"detail", field.detail}});
    }
  }
  return {status, {{"Content-Type", "application/problem+json"}}, dump(body), {}};
}

// The seconds of Retry-After.
std::string seconds_text(Duration wait) {
  return std::to_string(
      std::max<std::int64_t>(std::chrono::ceil<std::chrono::seconds>(wait).count(), 1));
}

// draft-ietf-httpapi-ratelimit-headers-11, with `limit` and `ends` where it is a quota.
Response used_up(const Error& error) {
  const UsedUp& what = *error.used_up;
  Json body{{"type", kQuotaProblem},
            {"title", std::string(reason_phrase(429))},
            {"status", 429},
            {"detail", error.message},
            {"violated-policies", Json::array({what.policy})}};
  if (what.limit > 0 || !what.ends.empty()) body["limit"] = what.limit;
  if (!what.ends.empty()) body["ends"] = what.ends;
  return {429,
          {{"Content-Type", "application/problem+json"},
           {"Retry-After", seconds_text(error.retry_after.value_or(std::chrono::seconds(1)))}},
          dump(body),
          error.cause};
}

}  // namespace

std::optional<std::string_view> Request::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (equal_ignore_case(key, name)) return value;
  }
  return std::nullopt;
}

std::optional<std::string_view> Request::param(std::string_view name) const {
  for (auto it = query.rbegin(); it != query.rend(); ++it) {
    if (it->first == name) return it->second;
  }
  return std::nullopt;
}

std::string Request::content_type() const {
  const auto value = header("Content-Type").value_or("");
  return to_lower(trim(value.substr(0, value.find(';'))));
}

Response Response::json(int status, const Json& body) { return json_text(status, dump(body)); }

Response Response::json_text(int status, std::string json) {
  return {status, {{"Content-Type", "application/json"}}, std::move(json), {}};
}

Response Response::text(int status, std::string body, std::string_view content_type) {
  return {status, {{"Content-Type", std::string(content_type)}}, std::move(body), {}};
}

Response Response::problem(const Error& error) {
  if (error.used_up) return used_up(error);
  Response response = error.kind == ErrorKind::uncertain
                          ? problem_of(503, error.message, error.fields, kUncertainProblem)
                          : problem_of(status_of(error.kind), error.message, error.fields);
  // These two ask the client to come again, so that they always say when; a second, where nobody
  // knows better.
  const bool later = response.status == 429 || response.status == 503;
  if (error.retry_after || later) {
    response.headers.emplace_back(
        "Retry-After", seconds_text(error.retry_after.value_or(std::chrono::seconds(1))));
  }
  response.log_cause = error.cause;
  return response;
}

Response Response::problem(int status, std::string_view detail) {
  Response response = problem_of(status, detail, {});
  if (status == 503) response.headers.emplace_back("Retry-After", "1");
  return response;
}

Response&& Response::with(std::string name, std::string value) && {
  headers.emplace_back(std::move(name), std::move(value));
  return std::move(*this);
}

int status_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::invalid:
      return 400;
    case ErrorKind::unauthenticated:
      return 401;
    case ErrorKind::forbidden:
      return 403;
    case ErrorKind::not_found:
      return 404;
    case ErrorKind::conflict:
      return 409;
    case ErrorKind::too_large:
      return 413;
    case ErrorKind::unsupported:
      return 415;
    case ErrorKind::unprocessable:
      return 422;
    case ErrorKind::rate_limited:
      return 429;
    case ErrorKind::unavailable:
      return 503;
    case ErrorKind::uncertain:
      return 503;
    case ErrorKind::timeout:
      return 504;
    // The process stopped the work; another may do it.
    case ErrorKind::cancelled:
      return 503;
    case ErrorKind::corrupt:
      return 500;
    case ErrorKind::internal:
      return 500;
  }
  return 500;
}

Response Response::failure(const std::string& where, const std::exception& exception) {
  return problem({ErrorKind::internal,
                  "The request failed; report it with its request id.",
                  "exception in " + where + ": " + exception.what(),
                  {},
                  {}});
}

struct Responder::Shared {
  Shared(Send s, OnGone g, OnWorker w)
      : send(std::move(s)), on_gone(std::move(g)), on_worker(std::move(w)) {}
  // Who drops its responder would leave the client waiting.
  ~Shared() {
    if (answered.load(std::memory_order_acquire)) return;
    send(Response::problem({ErrorKind::internal,
                            "The request was not answered; report it with its "
                            "request id.",
                            "the handler dropped its responder",
                            {},
                            {}}));
  }
  const Send send;
  const OnGone on_gone;
  const OnWorker on_worker;
  std::atomic<bool> answered{false};
};

Responder::Responder(Send send, OnGone on_gone, OnWorker on_worker)
    : shared_(std::make_shared<Shared>(std::move(send), std::move(on_gone), std::move(on_worker))) {
}

void Responder::operator()(Response response) const {
  // A handler that gives up and a completion may both answer; the second one is dropped here, and
  // not sent to another request of the connection.
  if (!shared_->answered.exchange(true)) shared_->send(std::move(response));
}

std::shared_ptr<EventStream> Responder::stream(StreamOptions options) const {
  auto queue = std::make_shared<EventQueue>(std::move(options));
  Response response{200, {{"Content-Type", "text/event-stream"}}, {}, {}, queue};
  // Proxies of nginx's kind would gather events into pages of memory before they pass them on.
  response.headers.emplace_back("X-Accel-Buffering", "no");
  for (const auto& field : queue->options().headers) response.headers.push_back(field);
  if (shared_->answered.exchange(true)) {
    queue->end();
  } else {
    shared_->send(std::move(response));
  }
  return std::make_shared<EventStream>(std::move(queue));
}

void Responder::when_gone(std::function<void()> gone) const {
  if (shared_->on_gone) shared_->on_gone(std::move(gone));
}

bool Responder::on_worker(std::function<void()> work) const {
  auto guarded = [respond = *this, work = std::move(work)] {
    try {
      work();
    } catch (const std::exception& e) {
      respond(Response::failure("the handler", e));
    }
  };
  if (shared_->on_worker) return shared_->on_worker(std::move(guarded));
  // A responder of tests has no pool: the work runs where it was asked for.
  guarded();
  return true;
}

}  // namespace mesh::http
