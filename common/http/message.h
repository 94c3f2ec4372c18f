// HTTP requests and responses as the services see them; nothing of the library below.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/error.h"
#include "common/base/json.h"
#include "common/domain/client_certificate.h"
#include "common/domain/tenant.h"
#include "common/http/event_stream.h"
#include "common/telemetry/trace_context.h"

namespace mesh::http {

using HeaderList = std::vector<std::pair<std::string, std::string>>;

// A whole request, routed, authenticated and admitted.
struct Request {
  std::string method;                                      // "GET"
  std::string path;                                        // decoded, without the query
  std::vector<std::pair<std::string, std::string>> query;  // decoded, in order
  std::map<std::string, std::string> path_params;          // decoded
  HeaderList headers;
  std::string body;
  std::string remote;                                    // "127.0.0.1:51234"
  std::shared_ptr<const ClientCertificate> certificate;  // verified; null: none was presented
  std::string request_id;
  TraceContext trace;
  std::string parent_span;  // of the client, in whose trace it is; empty: the trace begins here
  std::optional<Principal> principal;  // set on routes that ask for one

  // Case-insensitive; nothing where it is missing.
  std::optional<std::string_view> header(std::string_view name) const;
  // The last value of a query parameter; a parameter given twice with different values is refused
  // before the handler runs (400).
  std::optional<std::string_view> param(std::string_view name) const;
  // The media type of the body, lower case, without parameters; "" where there is none.
  std::string content_type() const;
  // Only on routes with Access::tenant.
  const TenantId& tenant() const { return *principal->tenant; }
};

struct Response {
  int status = 200;
  HeaderList headers;
  std::string body;

  static Response json(int status, const Json& body);
  static Response json_text(int status, std::string json);
  static Response text(int status, std::string body,
                       std::string_view content_type = "text/plain; charset=utf-8");
  static Response no_content() { return {204, {}, {}, {}}; }
  // RFC 9457 problem+json of an error: status_of(kind), title, detail = message, errors, and
  // Retry-After where the error or the kind has one. `instance` and `request_id` are added by the
  // chain. The cause is not in it; the chain logs it.
  static Response problem(const Error& error);
  // The same for what only HTTP knows: 405, 408, 431, …
  static Response problem(int status, std::string_view detail);
  // 500 for an exception out of `where`, which the log alone is told.
  static Response failure(const std::string& where, const std::exception& exception);
  Response&& with(std::string name, std::string value) &&;
  // Kept for the log of problems; never sent.
  std::string log_cause;
  // Of an answer of Responder::stream alone, and in place of a body.
  std::shared_ptr<EventQueue> events{};
};

// The `type` of the problem of an `uncertain` error, which shares its status with others. Every
// other problem is told by its status: about:blank.
inline constexpr std::string_view kUncertainProblem = "urn:problem-type:mesh:uncertain";

// The `type` of 429 where a rate limit or a quota is used up.
inline constexpr const char* kQuotaProblem =
    "https://iana.org/assignments/http-problem-types#quota-exceeded";

// The one place where a kind becomes a status.
int status_of(ErrorKind kind);

// Answers a request, now or later, from any thread, without blocking. Copies share one answer:
// the first counts. When the last copy goes without an answer the client gets 500.
class Responder {
 public:
  using Send = std::function<void(Response)>;
  using OnGone = std::function<void(std::function<void()>)>;
  using OnWorker = std::function<bool(std::function<void()>)>;
  explicit Responder(Send send, OnGone on_gone = {}, OnWorker on_worker = {});
  void operator()(Response response) const;
  void operator()(const Error& error) const { (*this)(Response::problem(error)); }
  // Answers 200 with a stream of events, which goes on until the stream that is returned is closed
  // or goes, the client leaves, or the server drains. Never null; where the request was answered
  // already it is over at once. Where no further stream may be open, the client gets 503 or 429
  // (ServerOptions::max_streams) and the stream is over. To HEAD it is over, too. For routes of GET
  // whose answer in the description is api::gives_events.
  std::shared_ptr<EventStream> stream(StreamOptions options = {}) const;
  // Calls `gone` once, at once where it is so already, when the client sends no more (it may have
  // left, or wait for the answer nevertheless) or the server has given the request up, or has ended
  // its stream; not where the handler closed that itself. For whoever keeps an answer back for
  // long, or streams; of two calls the last counts. `gone` runs on the thread of the connection,
  // must not block, and is not called any more once the server has stopped.
  void when_gone(std::function<void()> gone) const;
  // Runs `work`, which answers, on the route's pool, or that of quick ones, in the turn of the
  // request's tenant: for a request that has waited without a thread and now goes on. False, and
  // nothing runs, where the pool has no room. An exception out of `work` is answered with 500.
  bool on_worker(std::function<void()> work) const;

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

// A plain function: parse → call → answer. `request` lives until the answer is given.
using Handler = std::function<void(std::shared_ptr<const Request> request, Responder respond)>;

}  // namespace mesh::http
