// The middleware chain as plain functions, in the order in which a request passes them. A step
// that refuses the request answers it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/http/exchange.h"
#include "common/http/server.h"
#include "common/telemetry/spans.h"

namespace mesh::http {

using Refusal = std::optional<Response>;

// The client's X-Request-Id where it is 1–128 printable ASCII characters, else a new one; the
// client's traceparent continued, else a new trace. `spans`: null where no traces are sent.
void identify(Request& request, const Spans* spans = nullptr);
// A field that decides who asks or what the body is may be there only once.
Refusal check_headers(const Request& request);
// Path and query, decoded. 400 for a broken escape, invalid UTF-8, a zero byte, and a parameter
// given twice with different values.
Refusal read_target(std::string_view target, Exchange& exchange);
// 404; 405 with Allow; OPTIONS is answered here where no route has it. `path` as sent.
Refusal find_route(std::string_view path, Exchange& exchange);
// 421 for a host that options.allowed_hosts does not have.
Refusal check_host(const Exchange& exchange);
// Notes the coding of the body where the route takes one; 415 for one that is not known.
Refusal check_coding(Exchange& exchange);

// The path of a target, cut where it is very long: `instance` of problems.
std::string instance_of(std::string_view target);

// All of the above, for a request whose method and headers are set; its body need not have come.
Refusal open_exchange(std::string_view target, Exchange& exchange);

// Route::body, for a request with a body or without: 400, 415.
Refusal check_body(const Exchange& exchange, bool has_body);
// The longest body of the route, as sent and decoded.
std::size_t body_limit(const Route& route, const ServerOptions& options);
// The answer where a body would take more than its share of the buffers.
Response buffers_full();
// Undoes the coding of the whole body: 400 where it is not of that coding, 413, 503. Takes long for
// a large one.
Refusal decode_body(Exchange& exchange);

// The steps that ask the hooks.
Refusal authenticate(Exchange& exchange, const Hooks& hooks);
// Notes in the exchange where that has to be asked again, by check_blocking.
Refusal check_further(Exchange& exchange, const Hooks& hooks);
Refusal check_blocking(Exchange& exchange, const Hooks& hooks);
// False where the limiter will call what `later` made: then `end_admission` goes on. Else `refusal`
// is set, or not.
[[nodiscard]] bool admit(Exchange& exchange, const Hooks& hooks, const Hooks::Later& later,
                         Refusal& refusal);
Refusal end_admission(Exchange& exchange, const Hooks& hooks, Result<RateDecision> decision);

// The headers that every answer carries; `instance` and `request_id` of a problem.
// `at_rest` is false where a worker may still be at work on the exchange (the answer came too late,
// or the client left): then what the hooks write is not read.
void complete(const Exchange& exchange, Response& response, bool at_rest = true);
}  // namespace mesh::http
