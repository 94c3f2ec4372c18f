#include "common/engines/qdrant/server.h"

#include <algorithm>

#include "common/base/backoff.h"
#include "common/base/mask.h"
#include "common/engines/qdrant/answers.h"
#include "common/http/retry_after.h"
#include "common/telemetry/log.h"

namespace mesh::qdrant {
namespace {

constexpr BackoffPolicy kRepeats{Duration{50}, Duration{1'000}};
constexpr Duration kLongestWait{86'400'000};  // more is passed over

http::ClientOptions client_options(const IndexOptions& options) {
  http::ClientOptions client;
  client.connect_timeout = std::min(client.connect_timeout, options.timeout);
  client.timeout = options.timeout;
  client.tls.ca_file = options.ca_file;
  client.tls.ca_setting = "qdrant.ca_file";
  return client;
}

// result_of, with when the server wishes to be asked again.
Result<Json> result_at(const Call& call, const http::Response& response, Timestamp now) {
  auto result = result_of(call, response);
  if (result) return result;
  const auto wait = http::retry_after(response, now);
  if (wait && *wait <= kLongestWait) result.error().retry_after = wait;
  return result;
}

}  // namespace

Result<IndexOptions> checked(IndexOptions options) {
  while (options.url.ends_with('/')) options.url.pop_back();
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  };
  if (!std::ranges::all_of(options.prefix, allowed) || options.prefix.size() > 100) {
    return fail(ErrorKind::invalid,
                "qdrant.prefix takes up to 100 letters, digits, '_', '-' and '.', not \"" +
                    options.prefix + "\"");
  }
  if (!options.url.starts_with("http://") && !options.url.starts_with("https://")) {
    return fail(ErrorKind::invalid,
                "qdrant.url must begin with http:// or https://, not \"" + options.url + "\"");
  }
  if (options.connections < 1 || options.timeout.count() < 1) {
    return fail(ErrorKind::invalid, "an index in Qdrant needs a time-out and a connection");
  }
  return options;
}

// One of the connections, for as long as it lives.
class Server::Turn {
 public:
  explicit Turn(Server& server) : server_(server) {
    std::unique_lock lock(server.mutex_);
    const auto free = [&] { return server.in_use_ < server.options_.connections; };
    has_ = free();
    if (!has_) {
      const bool in_time = server.clock_.wait_until(
          lock, server.free_, server.clock_.steady() + server.options_.timeout,
          [&] { return server.stopping_ || server.silent_ || free(); });
      has_ = in_time && !server.stopping_ && !server.silent_;
    }
    if (has_) ++server.in_use_;
  }
  ~Turn() {
    if (!has_) return;
    {
      std::lock_guard lock(server_.mutex_);
      --server_.in_use_;
    }
    server_.free_.notify_one();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  explicit operator bool() const { return has_; }

 private:
  Server& server_;
  bool has_ = false;
};

struct Server::Outcome {
  Result<Json> result;
  bool may_pass = false;
};

Server::Server(IndexOptions options, Clock& clock)
    : options_(std::move(options)), clock_(clock), client_(client_options(options_)) {}

void Server::stop() {
  std::lock_guard lock(mutex_);
  stopping_ = true;
  stop_.notify_all();
  begun_.notify_all();
  free_.notify_all();
}

std::optional<Error> Server::trouble() const {
  std::lock_guard lock(mutex_);
  return trouble_;
}

std::optional<Error> Server::silence() const {
  std::lock_guard lock(mutex_);
  return silent_ ? trouble_ : std::nullopt;
}

Result<Json> Server::ask(const Call& call) {
  // Not before each repeat: those are few, and what got no answer may well get one a moment later.
  if (auto silent = silence()) return fail(*std::move(silent));
  const auto give_up = clock_.steady() + options_.timeout * call.patience;
  bool maybe_done = false;
  for (int attempt = 1;; ++attempt) {
    auto outcome = ask_once(call);
    if (outcome.result) return std::move(outcome.result);
    ErrorKind& kind = outcome.result.error().kind;
    maybe_done = maybe_done || kind == ErrorKind::uncertain;
    // That a later try was not made says nothing of an earlier one.
    if (maybe_done && kind == ErrorKind::unavailable) kind = ErrorKind::uncertain;
    if (!outcome.may_pass || attempt > options_.max_retries) return std::move(outcome.result);
    const auto asked_for = outcome.result.error().retry_after;
    const auto wait = asked_for ? *asked_for : backoff_delay(kRepeats, attempt, random());
    // Who would have to wait for longer is told so.
    if (clock_.steady() + wait >= give_up || !pause(wait)) return std::move(outcome.result);
  }
}

Server::Outcome Server::ask_once(const Call& call) {
  const Turn turn(*this);
  if (!turn) {
    if (auto silent = silence()) return {fail(*std::move(silent)), false};
    return {fail(ErrorKind::unavailable,
                 "too many requests wait for the Qdrant server of the index (qdrant.url)",
                 std::to_string(options_.connections) + " are under way"),
            false};
  }
  if (auto version = minor_version(); !version) return {fail(version.error()), true};
  auto response = look(call);
  if (!response) return {no_answer(call, response.error()), true};
  auto result = result_at(call, *response, clock_.now());
  const bool good = result.has_value();
  return {std::move(result), !good && may_pass(*response)};
}

// Notes whether the server answers, and takes the mesh's key.
Result<http::Response> Server::look(const Call& call) {
  http::ClientRequest request;
  request.method = call.method;
  request.url = options_.url + call.path;
  request.body = call.body;
  request.timeout = options_.timeout * call.patience;
  if (!options_.api_key.empty()) request.headers.emplace_back("api-key", options_.api_key);
  if (!call.body.empty()) request.headers.emplace_back("Content-Type", "application/json");
  auto response = client_.send(request);
  // What it refuses with may cite what it was sent, and ends in a log.
  if (response && response->status >= 300) {
    response->body = masked(std::move(response->body), options_.api_key);
  }
  if (!response) {
    minor_version_ = 0;  // who answers next may be another version
    note(no_answer({call.method, call.path}, response.error()).value(), true);
  } else if (cannot_answer(*response)) {
    note(result_at(call, *response, clock_.now()).error());
  } else if (call.path != "/") {
    note(std::nullopt);
  }
  return response;
}

Result<int> Server::minor_version() {
  if (const int known = minor_version_) return known;
  const Call call{"GET", "/"};
  auto response = look(call);
  if (!response) return no_answer(call, response.error());
  auto version = version_of(*response);
  if (!version) {
    note(version.error());
    return fail(version.error());
  }
  minor_version_ = version->minor;
  return version->minor;
}

void Server::note(const std::optional<Error>& trouble, bool silent) {
  bool changed = false;
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return;
    changed = trouble_.has_value() != trouble.has_value() ||
              (trouble && trouble_->message != trouble->message);
    suspect_ = suspect_ || (trouble && !trouble_);
    trouble_ = trouble;
    silent_ = silent;
    if (suspect_) begun_.notify_all();
    if (silent_) free_.notify_all();
  }
  if (!changed) return;
  if (trouble) {
    log::warn("qdrant: the index cannot be used", {{"error", trouble->to_string()}});
  } else {
    log::info("qdrant: the index can be used");
  }
}

std::uint64_t Server::random() {
  std::lock_guard lock(mutex_);
  return random_();
}

// False where the server is being let go of.
bool Server::pause(Duration time) {
  std::unique_lock lock(mutex_);
  return !clock_.wait_until(lock, stop_, clock_.steady() + time, [this] { return stopping_; });
}

bool Server::rest(Duration time) {
  std::unique_lock lock(mutex_);
  clock_.wait_until(lock, begun_, clock_.steady() + time, [this] { return stopping_ || suspect_; });
  // Only now: trouble that began since the caller's last look is not slept over.
  suspect_ = false;
  return !stopping_;
}

}  // namespace mesh::qdrant
