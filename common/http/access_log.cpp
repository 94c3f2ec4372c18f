#include "common/http/access_log.h"

#include "common/telemetry/log.h"

namespace mesh::http {
namespace {

// Or why it was refused is known to the log alone.
bool failed(const Response& response) {
  return response.status >= 500 || !response.log_cause.empty();
}

const TenantId* tenant_of(const Exchange& exchange, bool at_rest) {
  const auto& principal = exchange.request.principal;
  return at_rest && principal && principal->tenant ? &*principal->tenant : nullptr;
}

// How long it took, without the time for which its answer was kept back.
SteadyTime::duration worked(const Exchange& exchange, const Ending& ending) {
  return exchange.held_since().value_or(ending.ended) - exchange.started;
}

// The pattern and not the path: paths hold ids and addresses of people. Where there is none, the
// path is for who looks for a fault.
std::string route_of(const Exchange& exchange, log::Level level) {
  if (exchange.route != nullptr) return exchange.route->pattern;
  return level == log::Level::debug ? exchange.instance : "-";
}

}  // namespace

void log_access(const Exchange& exchange, const Response& response, const Ending& ending) {
  const auto took = ending.ended - exchange.started;
  const bool slow = worked(exchange, ending) > exchange.listener->options.slow_request;
  const auto level = failed(response) || slow ? log::Level::info : log::Level::debug;
  if (!log::enabled(level)) return;
  const Request& request = exchange.request;
  const auto* tenant = tenant_of(exchange, ending.at_rest);
  log::write(level, "http request",
             {{"request_id", request.request_id},
              {"trace_id", request.trace.trace_id},
              {"tenant", tenant != nullptr ? tenant->str() : std::string()},
              {"method", request.method},
              {"route", route_of(exchange, level)},
              {"status", response.status},
              {"micros", std::chrono::duration_cast<std::chrono::microseconds>(took).count()},
              {"bytes_in", ending.bytes_in},
              {"bytes_out", response.body.size()},
              {"remote", request.remote},
              {"cause", response.log_cause}});
}

void log_stream(const Exchange& exchange, const StreamEnding& ending) {
  const auto level = ending.dropped > 0 ? log::Level::info : log::Level::debug;
  if (!log::enabled(level)) return;
  const auto took = ending.ended - exchange.started;
  const auto* tenant = tenant_of(exchange, true);
  log::write(level, "event stream ended",
             {{"request_id", exchange.request.request_id},
              {"trace_id", exchange.request.trace.trace_id},
              {"tenant", tenant != nullptr ? tenant->str() : std::string()},
              {"route", route_of(exchange, level)},
              {"millis", std::chrono::duration_cast<std::chrono::milliseconds>(took).count()},
              {"events", ending.events},
              {"dropped", ending.dropped},
              {"bytes_out", ending.bytes},
              {"remote", exchange.request.remote}});
}

bool end_span(Spans& spans, const Exchange& exchange, const Response& response,
              const Ending& ending) {
  if (exchange.route == nullptr || exchange.route->probe) return false;
  const Request& request = exchange.request;
  // What a client did wrong is no error of the server's (OpenTelemetry's conventions for HTTP).
  const bool error = response.status >= 500;
  if (!spans.keeps(request.trace, error, worked(exchange, ending))) return false;
  Span span{.context = request.trace,
            .parent = request.parent_span,
            .name = request.method + " " + exchange.route->pattern,
            .kind = Span::Kind::server,
            .start = exchange.started,
            .end = ending.ended};
  const auto bytes = [](std::size_t n) { return static_cast<std::int64_t>(n); };
  span.attributes = {{"http.request.method", request.method},
                     {"http.route", exchange.route->pattern},
                     {"http.response.status_code", std::int64_t{response.status}},
                     {"http.request.body.size", bytes(ending.bytes_in)},
                     {"http.response.body.size", bytes(response.body.size())},
                     {"mesh.request_id", request.request_id}};
  if (const auto* tenant = tenant_of(exchange, ending.at_rest)) {
    span.attributes.emplace_back("mesh.tenant", tenant->str());
  }
  // The cause is for the log alone: it may quote what is a tenant's.
  if (error) span.error = "";
  spans.end(std::move(span));
  return true;
}

}  // namespace mesh::http
