#include "common/engines/openai/model_server.h"

#include <algorithm>
#include <cmath>

#include "common/base/mask.h"
#include "common/base/strings.h"
#include "common/http/retry_after.h"
#include "common/telemetry/log.h"

namespace mesh::openai {
namespace {

constexpr std::size_t kMaxAnswerBytes = 64 << 20;  // 256 vectors of 4096 numbers are 24 MB as text
constexpr std::size_t kMaxWords = 300;
constexpr std::size_t kBytesPerToken = 4;

std::string without_slash(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

ModelOptions tidy(ModelOptions options) {
  options.base_url = without_slash(std::move(options.base_url));
  return options;
}

std::optional<Duration> retry_after_of(const http::Response& response, Timestamp now) {
  for (const auto& [name, value] : response.headers) {
    if (to_lower(name) != "retry-after-ms") continue;
    // OpenAI's own, and the more exact one.
    const auto ms = parse_double(trim(value));
    if (ms && *ms >= 0 && *ms < 1e9) return Duration(static_cast<std::int64_t>(std::ceil(*ms)));
  }
  return http::retry_after(response, now);
}

std::optional<std::uint64_t> count_of(const Json& usage, const char* name) {
  const auto number = usage.find(name);
  if (number == usage.end() || !number->is_number()) return std::nullopt;
  const auto value = number->get<double>();
  if (!(value >= 0 && value < 1e15)) return std::nullopt;
  return static_cast<std::uint64_t>(value);
}

// What the server says of its error: {"error":{"message":…}}, {"error":"…"}, {"message":…} or
// {"detail":…}. For the log: it may quote what it was sent.
std::string words_of(const http::Response& response) {
  const auto json = parse_json(response.body, {.max_bytes = 64 << 10});
  std::string words;
  if (json && json->is_object()) {
    Json at = *json;
    for (const char* name : {"error", "message", "detail"}) {
      if (at.is_object() && at.contains(name)) at = Json(at.at(name));
    }
    words = at.is_string() ? at.get<std::string>() : dump(at);
  } else {
    words = response.body.substr(0, kMaxWords);
  }
  if (words.size() > kMaxWords) words.resize(kMaxWords);
  return "HTTP " + std::to_string(response.status) + ": " + words;
}

}  // namespace

ModelServer::ModelServer(ModelOptions options, Clock& clock)
    : options_(tidy(std::move(options))),
      clock_(clock),
      client_({.timeout = options_.timeout,
               .max_response_bytes = kMaxAnswerBytes,
               .tls = {.ca_file = options_.ca_file, .ca_setting = "openai.ca_file"}}),
      pace_(clock, options_.max_in_flight, options_.max_per_minute),
      breaker_(clock, {}) {}

Result<Json> ModelServer::post(const std::string& path, const Json& body, Purpose purpose) {
  const std::string text = dump(body);
  const SteadyTime patient_until = clock_.steady() + options_.patience;
  while (true) {
    bool again = false;
    // What follows would else never come where the rate allows one a minute: the first request
    // would be sent and paid for again and again.
    const auto turn = purpose == Purpose::work ? Pace::Turn::own : Pace::Turn::follows;
    auto place = pace_.enter(patient_until, patient_until + options_.timeout, turn);
    if (!place) {
      Error error = std::move(place.error());
      // That a rate of our own is kept is no trouble of the server.
      if (error.kind == ErrorKind::rate_limited) {
        error.kind = ErrorKind::unavailable;
        return fail(std::move(error));
      }
      std::lock_guard lock(mutex_);
      trouble_ = error;
      return fail(std::move(error));
    }
    auto answer = exchange(path, text, purpose, again);
    if (!again) return answer;
  }
}

// One request. `again`: the server asks for a pause, which Pace now keeps.
Result<Json> ModelServer::exchange(const std::string& path, const std::string& body,
                                   Purpose purpose, bool& again) {
  // A proof goes beside the breaker, one for each request that was let through: a record that
  // breaks the server as the breaker's trial would else hold it open.
  if (purpose != Purpose::proof && !breaker_.allow()) {
    std::lock_guard lock(mutex_);
    Error error = trouble_.value_or(
        Error{ErrorKind::unavailable, "the model's server was down", {}, {}, {}, {}});
    error.retry_after =
        std::max(Duration(1), std::chrono::ceil<Duration>(breaker_.open_until() - clock_.steady()));
    return fail(std::move(error));
  }
  return send(path, body, purpose, again);
}

Result<Json> ModelServer::send(const std::string& path, const std::string& body, Purpose purpose,
                               bool& again) {
  http::ClientRequest request{.method = "POST", .url = options_.base_url + path, .body = body};
  request.headers.emplace_back("Content-Type", "application/json");
  if (!options_.api_key.empty()) {
    request.headers.emplace_back("Authorization", "Bearer " + options_.api_key);
  }
  const SteadyTime sent = clock_.steady();
  auto response = client_.send(request);
  // What it refuses with may cite what it was sent, and ends in a log.
  if (response && response->status != 200) {
    response->body = masked(std::move(response->body), options_.api_key);
  }
  if (response) return judged(*response, sent, purpose, again);
  const Error& error = response.error();
  if (error.kind == ErrorKind::timeout) {
    const std::string late = "the model's server does not answer within " +
                             std::to_string(options_.timeout.count()) + " ms (openai.timeout)";
    return maybe_down({late, late}, purpose, error.cause);
  }
  if (error.kind == ErrorKind::invalid) {
    return down("the model's server cannot be asked: check openai.base_url and openai.api_key_file",
                error.message);
  }
  if (error.kind == ErrorKind::too_large) {
    return senseless("is of over " + std::to_string(kMaxAnswerBytes) + " bytes", purpose);
  }
  // Where it stands is nothing for a tenant.
  return down("the model's server cannot be reached: check openai.base_url",
              error.message + (error.cause.empty() ? "" : ": " + error.cause));
}

Result<Json> ModelServer::judged(const http::Response& response, SteadyTime sent, Purpose purpose,
                                 bool& again) {
  const int status = response.status;
  const std::string words = status == 200 ? std::string() : words_of(response);
  const auto retry_after = status == 200 ? std::nullopt : retry_after_of(response, clock_.now());
  if (status == 429 || (status == 503 && retry_after)) {
    // It is there, and says when: no case for the breaker.
    breaker_.succeeded();
    pace_.throttled(sent, retry_after, status);
    log::debug("the model's server asks for a pause",
               {{"status", status}, {"requests_at_once", pace_.allowed()}, {"cause", words}});
    again = true;
    return fail(ErrorKind::unavailable, "the model's server takes no more requests for now", words);
  }
  if (status == 400 || status == 413 || status == 422) {
    answered();
    return fail(ErrorKind::unprocessable,
                "the model's server refuses this (" + std::to_string(status) + ")", words);
  }
  // What a server says of its key, its address or itself, whatever it is asked.
  if (status == 401 || status == 404 || status == 503) {
    return down(complaint(status).of_all, words);
  }
  // A firewall, a proxy or a process that broke may answer so to this alone.
  if (status != 200) return maybe_down(complaint(status), purpose, words);
  auto json = parse_json(response.body, {.max_bytes = kMaxAnswerBytes});
  if (!json) return senseless("is no JSON", purpose, json.error().message);
  if (!json->is_object()) return senseless("is no object", purpose);
  return json;
}

ModelServer::Complaint ModelServer::complaint(int status) const {
  const std::string code = " (" + std::to_string(status) + ")";
  if (status == 401 || status == 403) {
    return {options_.api_key.empty() ? "the model's server asks for an API key" + code +
                                           ": name its file by openai.api_key_file"
                                     : "the model's server refuses the API key" + code +
                                           ": put a valid one into openai.api_key_file",
            "the model's server refuses to answer" + code};
  }
  if (status == 404) {
    const std::string unknown = "the model's server knows no model " + options_.model +
                                ", or nothing at this address" + code;
    return {unknown + ": check " + options_.model_setting + " and openai.base_url", unknown};
  }
  const std::string what =
      (status >= 500 || status == 408 ? "the model's server fails"
                                      : "the model's server answers unlike OpenAI's API") +
      code;
  return {status >= 500 || status == 408 ? what : what + ": check openai.base_url", what};
}

tl::unexpected<Error> ModelServer::maybe_down(Complaint complaint, Purpose purpose,
                                              std::string cause) {
  // What breaks at some records alone would else open the breaker for all others. Its trial has to
  // be told of, since it lets nobody else through before.
  if (purpose == Purpose::proof || breaker_.state() == CircuitBreaker::State::half_open) {
    breaker_.failed();
  }
  Error error = noted(ErrorKind::uncertain, std::move(complaint.of_all), std::move(cause));
  if (purpose != Purpose::proof) error.message = std::move(complaint.of_this);
  return fail(std::move(error));
}

tl::unexpected<Error> ModelServer::down(std::string message, std::string cause) {
  breaker_.failed();
  return fail(noted(ErrorKind::unavailable, std::move(message), std::move(cause)));
}

Error ModelServer::noted(ErrorKind kind, std::string message, std::string cause) {
  Error error{kind, std::move(message), std::move(cause), {}, {}, {}};
  std::lock_guard lock(mutex_);
  trouble_ = error;
  trouble_->kind = ErrorKind::unavailable;
  return error;
}

void ModelServer::served() {
  pace_.served();
  answered();
}

void ModelServer::answered() {
  breaker_.succeeded();
  std::lock_guard lock(mutex_);
  trouble_.reset();
}

tl::unexpected<Error> ModelServer::senseless(const std::string& what, Purpose purpose,
                                             std::string cause) {
  const std::string answer = "the answer of the model's server " + what;
  return maybe_down({answer + ": check openai.base_url and " + options_.model_setting, answer},
                    purpose, std::move(cause));
}

Tokens ModelServer::tokens(const Json& answer, std::size_t input_bytes, std::size_t output_bytes) {
  const auto usage = answer.find("usage");
  if (usage != answer.end() && usage->is_object()) {
    const auto total = count_of(*usage, "total_tokens"), input = count_of(*usage, "prompt_tokens"),
               output = count_of(*usage, "completion_tokens");
    if (total || input) {
      // Some servers say the sum alone: what is not said to be output counts as input.
      const std::uint64_t out =
          output.value_or(total && input && *total > *input ? *total - *input : 0);
      const std::uint64_t in = input.value_or(total ? *total - std::min(*total, out) : 0);
      return {in, out};
    }
  }
  const auto estimate = [](std::size_t bytes) {
    return (bytes + kBytesPerToken - 1) / kBytesPerToken;
  };
  {
    std::lock_guard lock(mutex_);
    if (std::exchange(told_estimates_, true))
      return {estimate(input_bytes), estimate(output_bytes)};
  }
  log::warn("the model's server does not say what a request used: tokens are estimated",
            {{"model", options_.model}, {"bytes_per_token", kBytesPerToken}});
  return {estimate(input_bytes), estimate(output_bytes)};
}

std::optional<Error> ModelServer::trouble() const {
  std::lock_guard lock(mutex_);
  return trouble_;
}

}  // namespace mesh::openai
