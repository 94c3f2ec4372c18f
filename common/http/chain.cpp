#include "common/http/chain.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>

#include "common/base/ids.h"
#include "common/base/strings.h"
#include "common/http/host_check.h"
#include "common/http/syntax.h"
#include "common/telemetry/log.h"

namespace mesh::http {
namespace {

constexpr std::size_t kMaxRequestId = 128;
constexpr std::size_t kMaxInstance = 512;

// A prefix of this process, and a count of twelve hexadecimal digits.
// Counted, not drawn: no call of the random generator for each request.
std::string new_request_id() {
  static const std::string first = random_hex(6) + "-000000000000";
  static std::atomic<std::uint64_t> count{0};
  std::string id = first;
  std::uint64_t n = count.fetch_add(1, std::memory_order_relaxed);
  for (auto digit = id.rbegin(); n != 0; n >>= 4) *digit++ = "0123456789abcdef"[n & 15];
  return id;
}

bool is_request_id(std::string_view text) {
  return !text.empty() && text.size() <= kMaxRequestId &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

// Most parts of most targets need no decoding.
std::optional<std::string> decode(std::string_view text, bool plus_is_space) {
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x80 && c != '%' && c != '+';
  });
  if (plain) return std::string(text);
  auto decoded = percent_decode(text, plus_is_space);
  // Whoever keeps C strings would read another name.
  if (decoded && decoded->find('\0') != std::string::npos) return std::nullopt;
  return decoded;
}

Refusal read_query(std::string_view query, Request& request) {
  while (!query.empty()) {
    const auto pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    if (pair.empty()) continue;
    const auto equals = std::min(pair.find('='), pair.size());
    auto name = decode(pair.substr(0, equals), true);
    auto value = decode(pair.substr(std::min(equals + 1, pair.size())), true);
    if (!name || !value) {
      return Response::problem(400,
                               "The query holds a broken percent-encoding or text that is "
                               "not UTF-8.");
    }
    const auto before = request.param(*name);
    // A proxy may have judged the one, and the handler would read the other.
    if (before && *before != *value) {
      return Response::problem(
          400, "The parameter '" + *name + "' is given twice with different values.");
    }
    // Twice the same is kept: a client that repeats itself contradicts nobody.
    request.query.emplace_back(std::move(*name), std::move(*value));
  }
  return std::nullopt;
}

std::int64_t whole_seconds(std::chrono::microseconds time) {
  return std::chrono::ceil<std::chrono::seconds>(time).count();
}

// "<scope>";<name>=<number>;<name>=<number>
std::string limit_field(std::string_view scope, std::string_view first, std::int64_t first_value,
                        std::string_view second, std::int64_t second_value) {
  std::string text;
  text.reserve(scope.size() + 48);
  char digits[20];
  const auto append = [&](std::string_view name, std::int64_t value) {
    const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    text.append(";").append(name).append("=").append(digits, end);
  };
  text.append("\"").append(scope).append("\"");
  append(first, first_value);
  append(second, second_value);
  return text;
}

// draft-ietf-httpapi-ratelimit-headers-11. The policy is the steady rate: `q` units in `w` whole
// seconds; `r` may be more, since a burst may come at once. After a denial `t` is when the next
// unit passes, so that Retry-After does not precede it.
HeaderList limit_headers(const std::string& scope, const Hooks::Admission& admission) {
  const auto& [policy, decision] = admission;
  const auto window = std::max<std::int64_t>(whole_seconds(policy.per), 1);
  const auto quota = policy.rate * std::chrono::seconds(window) / policy.per;
  const auto wait = decision.allowed ? decision.reset_after : decision.retry_after;
  HeaderList headers;
  headers.reserve(2);
  headers.emplace_back("RateLimit-Policy", limit_field(scope, "q", quota, "w", window));
  headers.emplace_back("RateLimit",
                       limit_field(scope, "r", decision.remaining, "t", whole_seconds(wait)));
  return headers;
}

Response over_limit(const std::string& scope, const RateDecision& decision) {
  Error error{ErrorKind::rate_limited,
              "The rate limit '" + scope + "' of the tenant is used up.",
              {},
              {},
              std::chrono::ceil<Duration>(decision.retry_after)};
  error.used_up = UsedUp{scope, 0, {}};
  return Response::problem(error);
}

// In whose name the operator asks, if in anyone's: it counts against that tenant's limit. The
// operator has none.
std::optional<TenantId> named_tenant(const Request& request) {
  auto named = request.header("X-Tenant-Id");
  // The header first, as the hook that authenticates reads them; a request with both and a
  // difference was refused there.
  if (!named) named = request.param("tenant_id");
  if (!named) return std::nullopt;
  auto tenant = TenantId::parse(*named);
  return tenant ? std::optional(std::move(*tenant)) : std::nullopt;
}

// Whose limit the request counts against; null: nobody's. `named` keeps what a request names.
const TenantId* limited_tenant(const Exchange& exchange, std::optional<TenantId>& named) {
  const auto& principal = exchange.request.principal;
  if (exchange.route->scope.empty() || !principal) return nullptr;
  // What an operator does for a tenant is not the tenant's use.
  if (principal->kind == Principal::Kind::operator_for_tenant) return nullptr;
  if (principal->tenant) return &*principal->tenant;
  // Routes for operators: what names no tenant counts against none.
  named = named_tenant(exchange.request);
  return named ? &*named : nullptr;
}

Refusal apply_limit(Exchange& exchange, const Hooks::Admitted& admitted) {
  if (!admitted) return Response::problem(admitted.error());
  if (!*admitted) return std::nullopt;
  const std::string& scope = exchange.route->scope;
  exchange.limit_headers = limit_headers(scope, **admitted);
  if ((*admitted)->decision.allowed) return std::nullopt;
  return over_limit(scope, (*admitted)->decision);
}

const std::string* find_header(const HeaderList& headers, std::string_view name) {
  for (const auto& [key, value] : headers) {
    if (equal_ignore_case(key, name)) return &value;
  }
  return nullptr;
}

}  // namespace

void identify(Request& request, const Spans* spans) {
  const auto given = request.header("X-Request-Id");
  request.request_id = given && is_request_id(*given) ? std::string(*given) : new_request_id();
  const auto parent = request.header("traceparent");
  const auto context = parent ? TraceContext::parse(*parent) : std::nullopt;
  if (!context) {
    request.trace = spans != nullptr ? spans->begin_trace() : TraceContext::make(false);
    return;
  }
  request.trace = context->child();
  request.parent_span = context->span_id;
  for (const auto& [name, value] : request.headers) {
    if (equal_ignore_case(name, "tracestate")) request.trace.add_state(value);
  }
}

Refusal check_headers(const Request& request) {
  // Of two, a proxy in front may have judged the other.
  static constexpr std::array<std::string_view, 5> kSingle{
      "Authorization", "X-Tenant-Id", "Content-Type", "Content-Encoding", "Idempotency-Key"};
  for (const auto single : kSingle) {
    int count = 0;
    for (const auto& [name, value] : request.headers) count += equal_ignore_case(name, single);
    if (count > 1) {
      return Response::problem(400, "The header field " + std::string(single) + " is there twice.");
    }
  }
  return std::nullopt;
}

Refusal read_target(std::string_view target, Exchange& exchange) {
  const auto path = target.substr(0, target.find('?'));
  auto decoded = decode(path, false);
  if (!decoded) {
    return Response::problem(400,
                             "The path holds a broken percent-encoding or text that is not "
                             "UTF-8.");
  }
  exchange.request.path = std::move(*decoded);
  const auto query = target.substr(std::min(path.size() + 1, target.size()));
  return read_query(query, exchange.request);
}

Refusal find_route(std::string_view path, Exchange& exchange) {
  Request& request = exchange.request;
  // OPTIONS asks about the whole server (RFC 9110 §9.3.7).
  if (path == "*") {
    return Response::no_content().with("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
  }
  // The path as sent: decoded, an escaped slash would divide a segment.
  auto match = exchange.listener->router.find(request.method, path);
  exchange.route = match.route;
  if (match.route != nullptr) {
    for (auto& [name, value] : match.params) request.path_params[name] = std::move(value);
    return std::nullopt;
  }
  if (match.allow.empty()) {
    return Response::problem(404, "There is nothing at this path; /openapi.json lists what is.");
  }
  // Before any credential is asked for, since a browser's preflight carries none.
  if (request.method == "OPTIONS") return Response::no_content().with("Allow", match.allow);
  return Response::problem(405, "The path does not have this method; it has " + match.allow + ".")
      .with("Allow", match.allow);
}

Refusal check_host(const Exchange& exchange) {
  const auto& allowed = exchange.listener->options.allowed_hosts;
  if (!allowed) return std::nullopt;
  const auto host = exchange.request.header("Host");
  // Who sends no host is no browser, and only a browser can be led here by a name of others.
  if (!host || host->empty() || is_allowed_host(*host, *allowed)) return std::nullopt;
  return Response::problem(421, "This server does not answer for the host " + std::string(*host) +
                                    ": use its address or localhost, or add the name to "
                                    "http.allowed_hosts.");
}

Refusal check_coding(Exchange& exchange) {
  if (exchange.route->body == Body::none) return std::nullopt;
  const auto field = exchange.request.header("Content-Encoding");
  if (!field) return std::nullopt;
  const auto coding = parse_content_coding(*field);
  if (!coding) {
    return Response::problem(415, "The body must be sent as it is or in one of the codings " +
                                      std::string(kAcceptedCodings) + ".")
        .with("Accept-Encoding", std::string(kAcceptedCodings));
  }
  exchange.coding = *coding;
  return std::nullopt;
}

Refusal check_body(const Exchange& exchange, bool has_body) {
  if (!has_body) return std::nullopt;
  const Request& request = exchange.request;
  const Body body = exchange.route->body;
  if (body == Body::none) {
    const auto& method = request.method;
    // It means nothing there (RFC 9110 §9.3), though many clients send an empty object.
    if (method == "GET" || method == "HEAD" || method == "DELETE") return std::nullopt;
    return Response::problem(400, "This request takes no body.");
  }
  const auto type = request.content_type();
  if (body == Body::json && type != "application/json" && !type.ends_with("+json")) {
    return Response::problem(415, "The body must be JSON; send Content-Type: application/json.");
  }
  // Whoever reads it: JSON, also of an event or in lines, has no other encoding (RFC 8259 §8.1).
  if (type.find("json") != std::string::npos &&
      !is_utf8_media(request.header("Content-Type").value_or(""))) {
    return Response::problem(415, "JSON is read as UTF-8; send it so, with charset=utf-8 or none.");
  }
  return std::nullopt;
}

std::size_t body_limit(const Route& route, const ServerOptions& options) {
  return route.body == Body::bulk ? options.max_bulk_body_bytes : options.max_body_bytes;
}

Response buffers_full() {
  return Response::problem(503, "Too many bytes of request bodies are held; try again later.");
}

Refusal decode_body(Exchange& exchange) {
  Request& request = exchange.request;
  const auto coding = std::exchange(exchange.coding, ContentCoding::identity);
  if (request.body.empty() || coding == ContentCoding::identity) return std::nullopt;
  const std::size_t limit = body_limit(*exchange.route, exchange.listener->options);
  // Both texts are in memory while it is decoded, so both are counted.
  const std::string encoded = std::move(request.body);
  bool too_large = false;
  const auto keep = [&](std::size_t size) {
    too_large = size > limit;
    return !too_large &&
           exchange.memory.grow(encoded.size() + size, request.remote, exchange.tenant());
  };
  const Decoded outcome = decode_content(coding, encoded, keep, request.body);
  if (outcome == Decoded::ok) return std::nullopt;
  std::string().swap(request.body);  // nobody will read it: free before the answer goes out
  exchange.memory = {};
  if (outcome == Decoded::broken) {
    return Response::problem(
        400, "The body is not of the coding that Content-Encoding names, or it was cut off.");
  }
  if (too_large) {
    return Response::problem(413, "The body is too large once it is decoded: more than " +
                                      std::to_string(limit) + " bytes.");
  }
  return buffers_full();
}

std::string instance_of(std::string_view target) {
  const auto path = target.substr(0, std::min(target.find('?'), kMaxInstance));
  return path.empty() ? "/" : std::string(path);
}

Refusal open_exchange(std::string_view target, Exchange& exchange) {
  identify(exchange.request, exchange.listener->spans);
  // After identify: also a refusal for its headers has a request id that its sender can name.
  if (auto refusal = check_headers(exchange.request)) return refusal;
  exchange.instance = instance_of(target);
  // Ahead of the route, so that a page of another site does not even learn which paths there are.
  if (auto refusal = check_host(exchange)) return refusal;
  if (auto refusal = read_target(target, exchange)) return refusal;
  if (auto refusal = find_route(target.substr(0, target.find('?')), exchange)) return refusal;
  return check_coding(exchange);
}

constexpr const char* kChallenge = "Bearer realm=\"mesh\"";

// RFC 6750, 3: no error code for who came without a bearer token.
std::string challenge(const Request& request, const Error& error) {
  const auto credential = request.header("Authorization");
  if (!credential || !to_lower(trim(*credential)).starts_with("bearer ")) return kChallenge;
  std::string description;
  for (const char c : error.message) {
    // What a description may hold (RFC 6750 §3).
    const bool allowed = c >= ' ' && c <= '~' && c != '"' && c != '\\';
    description += allowed ? c : '?';
  }
  return std::string(kChallenge) + ", error=\"invalid_token\", error_description=\"" + description +
         "\"";
}

Refusal authenticate(Exchange& exchange, const Hooks& hooks) {
  const Access access = exchange.route->access;
  if (access == Access::open) return std::nullopt;
  if (!hooks.authenticate) {
    return Response::problem({ErrorKind::internal,
                              "The request cannot be authenticated.",
                              "the server has no authenticate hook",
                              {},
                              {}});
  }
  auto principal = hooks.authenticate(exchange.request, *exchange.route);
  if (!principal) {
    auto refusal = Response::problem(principal.error());
    if (refusal.status != 401) return refusal;
    return std::move(refusal).with("WWW-Authenticate",
                                   challenge(exchange.request, principal.error()));
  }
  // The operator's token is good on these routes, in the name of a tenant.
  if (access != Access::operator_ && !principal->tenant) {
    return Response::problem(400, "Name the tenant: send X-Tenant-Id.");
  }
  exchange.request.principal = std::move(*principal);
  return std::nullopt;
}

Refusal check_further(Exchange& exchange, const Hooks& hooks) {
  if (!hooks.check || !exchange.request.principal) return std::nullopt;
  const auto holds = hooks.check(exchange.request, *exchange.route, false);
  // Also where it was refused: a request of a tenant that does not exist must not be told as that
  // tenant's (is_its_tenants).
  exchange.unchecked = !holds || !*holds;
  if (!holds || *holds) return std::nullopt;
  return Response::problem(holds->error());
}

Refusal check_blocking(Exchange& exchange, const Hooks& hooks) {
  const auto holds = hooks.check(exchange.request, *exchange.route, true);
  exchange.vouched = holds && *holds;
  if (exchange.vouched) return std::nullopt;
  return Response::problem(holds ? holds->error()
                                 : Error{ErrorKind::internal,
                                         "The request could not be checked.",
                                         "the hook answered nothing though it may block",
                                         {},
                                         {}});
}

bool admit(Exchange& exchange, const Hooks& hooks, const Hooks::Later& later, Refusal& refusal) {
  std::optional<TenantId> named;
  const TenantId* tenant = limited_tenant(exchange, named);
  if (tenant == nullptr || !hooks.admit) return true;
  const auto admitted = hooks.admit(*tenant, exchange.route->scope, later);
  if (!admitted) return false;
  refusal = apply_limit(exchange, *admitted);
  return true;
}

Refusal end_admission(Exchange& exchange, const Hooks& hooks, Result<RateDecision> decision) {
  std::optional<TenantId> named;
  const TenantId& tenant = *limited_tenant(exchange, named);  // that was asked about
  return apply_limit(exchange, hooks.decided(tenant, exchange.route->scope, std::move(decision)));
}

void complete(const Exchange& exchange, Response& response, bool at_rest) {
  const auto type = find_header(response.headers, "Content-Type");
  // The text is patched and not read anew: problems come in floods, when a limit or a bound is
  // reached.
  if (type != nullptr && *type == "application/problem+json" && response.body.ends_with('}')) {
    const Json extra{{"instance", exchange.instance}, {"request_id", exchange.request.request_id}};
    response.body.back() = ',';
    response.body += dump(extra).substr(1);
  }
  if (response.status == 401 && find_header(response.headers, "WWW-Authenticate") == nullptr) {
    response.headers.emplace_back("WWW-Authenticate", kChallenge);
  }
  // Answers are of one tenant; a shared cache must not give them to another.
  if (find_header(response.headers, "Cache-Control") == nullptr) {
    response.headers.emplace_back("Cache-Control", "no-store");
  }
  add_cors_headers(exchange.listener->options.cors, exchange.request, response);
  response.headers.reserve(response.headers.size() + 3);
  response.headers.emplace_back("X-Request-Id", exchange.request.request_id);
  // A worker may still be writing them.
  if (!at_rest) return;
  response.headers.insert(response.headers.end(), exchange.limit_headers.begin(),
                          exchange.limit_headers.end());
}

}  // namespace mesh::http
