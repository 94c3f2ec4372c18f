#include "common/client/transport.h"

#include <algorithm>

#include "common/base/strings.h"
#include "common/client/problem.h"

namespace mesh::client {
namespace {

// As much as http::Client takes of an answer; deeper than the default, since records are nested in
// items and letters.
constexpr JsonLimits kAnswerLimits{64, 64 << 20};
constexpr int kMaxPages = 100'000;  // a server that never ends its list does not hold us for ever

std::string target_of(const Call& call) {
  std::string target = call.path;
  // A path that came out of a Link has its query already.
  char separator = target.find('?') == target.npos ? '?' : '&';
  for (const auto& [name, value] : call.query) {
    if (value.empty()) continue;
    target += separator + percent_encode(name) + '=' + percent_encode(value);
    separator = '&';
  }
  return target;
}

// The operator's token opens /admin/v1; on tenants' routes it stands in where no token was given
// and then acts for the tenant of X-Tenant-Id.
const std::string& credential(const Options& options, Role role) {
  const bool admin = role == Role::admin;
  if (admin) return options.operator_token.empty() ? options.token : options.operator_token;
  return options.token.empty() ? options.operator_token : options.token;
}

http::HeaderList headers_of(const Options& options, const Call& call) {
  http::HeaderList headers = call.headers;
  // Who asks for something else says so.
  const bool accepts =
      std::ranges::any_of(headers, [](const auto& field) { return field.first == "Accept"; });
  if (!accepts) headers.emplace_back("Accept", "application/json");
  if (!call.body.empty()) headers.emplace_back("Content-Type", call.content_type);
  // Nothing that says who asks, neither credential nor tenant.
  if (call.open) return headers;
  if (const auto& token = credential(options, call.role); !token.empty()) {
    headers.emplace_back("Authorization", "Bearer " + token);
  }
  if (!options.tenant.empty()) {
    headers.emplace_back("X-Tenant-Id", options.tenant);
  }
  return headers;
}

// A structured-field string (RFC 8941): quoted, backslash before quotes and backslashes.
std::string quoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

Result<Json> body_of(const Call& call, const std::string& text) {
  auto body = parse_json(text, kAnswerLimits);
  if (body) return body;
  return fail(
      ErrorKind::internal,
      "the answer to " + call.method + " " + call.path + " is not JSON: is this address a meshd?",
      body.error().message);
}

std::string at_pointer(const Json& body, const char* pointer) {
  const Json::json_pointer place(pointer);
  if (!body.is_object() || !body.contains(place)) return {};
  return body[place].is_string() ? body[place].get<std::string>() : std::string{};
}

}  // namespace

Client::Impl::Impl(Options given)
    : options(std::move(given)),
      http(http::ClientOptions{
          .timeout = options.timeout, .user_agent = options.user_agent, .tls = options.tls}) {}

Result<http::ClientRequest> Client::Impl::request_of(const Call& call) const {
  // run.json names the listeners that a meshd has: a role without one is not at the default
  // address.
  const std::string& base = options.endpoints.of(call.role);
  if (base.empty()) {
    return fail(
        ErrorKind::unavailable,
        "no address is known for the " + std::string(to_string(call.role)) +
            " role: this meshd does not run it; name its server with --server or a context");
  }
  http::ClientRequest request;
  request.method = call.method;
  request.url = base + target_of(call);
  request.headers = headers_of(options, call);
  request.body = call.body;
  Duration timeout = options.timeout + call.extra_wait;
  // The deadline is of all requests together: each may take what those before it left.
  if (options.deadline) {
    const auto left = *options.deadline - system_clock().steady();
    timeout = std::min(timeout, std::chrono::duration_cast<Duration>(left));
    if (timeout.count() <= 0)
      return fail(ErrorKind::timeout, "there was no time left to ask " + base);
  }
  request.timeout = timeout;
  return request;
}

void Client::Impl::observe(const std::string& method, const std::string& url,
                           const http::Response* response, SteadyTime begin) const {
  if (!options.observe) return;
  Exchange exchange{method, url, {}, 0, {}};
  if (response != nullptr) {
    exchange.status = response->status;
    exchange.request_id = header_of(*response, "x-request-id").value_or("");
  }
  exchange.took = std::chrono::duration_cast<Duration>(system_clock().steady() - begin);
  options.observe(exchange);
}

Result<http::Response> Client::Impl::exchange(const Call& call) {
  const auto begin = system_clock().steady();
  const auto request = MESH_TRY(request_of(call));
  auto response = http.send(request);
  observe(request.method, request.url, response ? &*response : nullptr, begin);
  return response;
}

Result<http::StreamEnd> Client::Impl::stream(const Call& call, const http::StreamReading& reading) {
  const auto begin = system_clock().steady();
  const auto request = MESH_TRY(request_of(call));
  auto end = http.stream(request, reading);
  observe(request.method, request.url, end ? &end->response : nullptr, begin);
  if (!end) return end;
  if (end->response.status >= 300) return fail(error_of(end->response));
  // A stop may come before the head of the answer.
  if (!end->streamed && !end->stopped) {
    return fail(ErrorKind::internal, "the answer to " + call.method + " " + call.path +
                                         " is no stream of events: is this address a meshd?");
  }
  return end;
}

Result<http::Response> Client::Impl::send(const Call& call) {
  auto response = exchange(call);
  if (response && response->status >= 300) return fail(error_of(*response));
  return response;
}

Result<Json> Client::Impl::json(const Call& call) {
  std::string text;
  return json(call, text);
}

Result<Wrote> Client::Impl::write(Call call, const WriteOptions& wishes) {
  // headers_of adds that of Options: with both the header would be there twice, which meshd
  // refuses.
  if (!wishes.tenant.empty()) call.headers.emplace_back("X-Tenant-Id", wishes.tenant);
  call.query.emplace_back("ack", wishes.ack);
  prefer_wait(call, wishes.wait_seconds);
  if (!wishes.idempotency_key.empty()) {
    call.headers.emplace_back("Idempotency-Key", quoted(wishes.idempotency_key));
  }
  auto response = MESH_TRY(send(call));
  Wrote wrote;
  // A deletion answers 204 with nothing, or 202 with what it waits for.
  if (!response.body.empty()) {
    wrote.body = MESH_TRY(body_of(call, response.body));
  }
  wrote.replayed = header_of(response, "idempotent-replayed") == "true";
  wrote.written.position = header_of(response, "mesh-position").value_or("");
  const auto applied = header_of(response, "preference-applied").value_or("");
  // The server bounds what was asked for, and says for how long it could have waited.
  if (applied.starts_with("wait=")) {
    wrote.written.waited = parse_int(std::string_view(applied).substr(5)).value_or(0);
  }
  wrote.written.pending = at_pointer(wrote.body, "/pending/ack");
  return wrote;
}

Result<Json> Client::Impl::json(const Call& call, std::string& text) {
  auto response = MESH_TRY(send(call));
  text = std::move(response.body);
  return body_of(call, text);
}

Result<std::vector<Json>> Client::Impl::items(Call call, int limit, Keep keep) {
  std::vector<Json> all;
  std::string text;
  for (int page = 0; page < kMaxPages; ++page) {
    auto body = MESH_TRY(json(call, text));
    if (keep != nullptr) keep_items(body, text, keep);
    const auto items = body.is_object() ? body.find("items") : body.end();
    if (items == body.end() || !items->is_array()) return unexpected_form(call.path);
    for (Json& item : *items) {
      // The last page may have more than what is missing.
      if (limit > 0 && static_cast<int>(all.size()) == limit) return all;
      all.push_back(std::move(item));
    }
    const auto next = body.find("next");
    if (next == body.end() || !next->is_string() ||
        (limit > 0 && static_cast<int>(all.size()) >= limit)) {
      return all;
    }
    std::erase_if(call.query, [](const auto& parameter) { return parameter.first == "cursor"; });
    call.query.emplace_back("cursor", next->get<std::string>());
  }
  return fail(ErrorKind::internal, "the list " + call.path + " does not end");
}

void keep_items(Json& answer, std::string_view text, Keep keep) {
  const auto items = answer.is_object() ? answer.find("items") : answer.end();
  if (items == answer.end() || !items->is_array()) return;
  // Texts and values are of one document, so that their indexes agree.
  const auto texts = element_texts(member_text(text, "items"));
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if ((*items)[i].is_object()) keep((*items)[i], texts[i]);
  }
}

std::string path_of(std::initializer_list<std::string_view> parts) {
  std::string path;
  for (const auto part : parts) path += '/' + percent_encode(part);
  return path;
}

void prefer_wait(Call& call, std::optional<std::int64_t> seconds) {
  if (!seconds) return;
  call.headers.emplace_back("Prefer", "wait=" + std::to_string(*seconds));
  // Else the time-out of the exchange would end it while the server waits as it was asked to.
  call.extra_wait = std::chrono::seconds{*seconds};
}

tl::unexpected<Error> unexpected_form(std::string_view what) {
  return fail(ErrorKind::internal, "the server's answer for " + std::string(what) +
                                       " is not of the expected form: do client and server "
                                       "have the same version?");
}

}  // namespace mesh::client
