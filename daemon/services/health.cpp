#include "daemon/services/health.h"

#include <algorithm>

#include "common/http/syntax.h"
#include "daemon/services/api_description.h"
#include "daemon/services/api_page.h"
#include "daemon/services/api_parts.h"

namespace mesh::services {
namespace {

// A line for each, without the details, which are for operators: the route is open to anybody.
std::string states(const std::vector<Check>& dependencies) {
  std::string lines;
  for (const auto& one : dependencies) {
    lines += (one.ok ? "[+]" : "[-]") + one.name + (one.ok ? " ok\n" : " failed\n");
  }
  return lines;
}

constexpr std::string_view kText = "text/plain; version=0.0.4; charset=utf-8";
constexpr std::string_view kOpenMetrics =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";

// The text format for who asks for none: people with a browser, and scrapers of old.
Metrics::Form form_for(std::string_view accept) {
  const double open = http::weight_of(accept, "application/openmetrics-text");
  return open > 0 && open >= http::weight_of(accept, "text/plain") ? Metrics::Form::open_metrics
                                                                   : Metrics::Form::text;
}

std::vector<http::Answer> metrics_answers() {
  auto answer = api::gives_text(
      "text/plain", "The metrics: in the text format of Prometheus, or in OpenMetrics.");
  auto open = answer.content.front();
  open.media = "application/openmetrics-text";
  answer.content.push_back(std::move(open));
  return {std::move(answer)};
}

}  // namespace

http::RouteTable health_routes(HealthDeps deps, const http::RouteTable& routes) {
  using http::Response;
  const auto shared = std::make_shared<HealthDeps>(std::move(deps));
  const auto open = [](const char* pattern, const char* operation, const char* summary,
                       std::vector<http::Answer> answers, http::Handler handler) {
    return http::Route{.method = "GET",
                       .pattern = pattern,
                       .access = http::Access::open,
                       .operation = operation,
                       .tag = "health",
                       .summary = summary,
                       .answers = std::move(answers),
                       .handler = std::move(handler)};
  };
  const auto healthy = [shared](auto, auto respond) {
    respond(Response::json(
        200, {{"status", "ok"}, {"service", shared->service}, {"version", shared->version}}));
  };
  const auto ready = [shared](auto request, auto respond) {
    const std::string why = shared->not_ready();
    const std::string told = request->param("verbose") ? states(shared->dependencies()) : "";
    respond(why.empty() ? Response::text(200, told + "ready\n")
                        : Response::text(503, told + "not ready: " + why + "\n"));
  };
  const std::vector<http::Answer> readiness{
      api::gives_text("text/plain", "It can do its work."),
      api::gives_text("text/plain", "It starts or ends: why it is not ready.", 503)};
  http::RouteTable table{
      open("/health", "getHealth", "Name and version of the service",
           {api::gives("Health", "It answers.")}, healthy),
      open("/livez", "getLiveness", "The process answers",
           {api::gives_text("text/plain", "It does.")},
           [](auto, auto respond) { respond(Response::text(200, "ok\n")); }),
      open("/readyz", "getReadiness", "The process can do its work", readiness, ready),
      open("/healthz", "getHealthz", "As /health", {api::gives("Health", "It answers.")}, healthy),
      open("/metrics", "getMetrics", "Prometheus metrics", metrics_answers(),
           [shared](auto request, auto respond) {
             const auto form = form_for(request->header("Accept").value_or(""));
             // The route is open to anybody, so names of tenants are not shown to all who ask.
             respond(Response::text(200,
                                    shared->metrics.expose(shared->names_tenants(*request), form),
                                    form == Metrics::Form::text ? kText : kOpenMetrics)
                         .with("Vary", "Accept"));
           }),
  };
  for (auto& route : table) {
    route.probe = true;
    if (route.pattern != "/readyz") continue;
    route.parameters = {
        api::query("verbose", "With any value: a line for each thing that the process depends on.",
                   {{"type", "string"}})};
    route.details =
        "A dependency that failed does not make it unready: what it can do without it goes on, and "
        "every other process would be as badly off.";
  }
  // The two below are no probes, nor what they describe: nothing that watches over the server asks
  // for them.
  const auto text = std::make_shared<std::string>(), html = std::make_shared<std::string>();
  table.push_back(open(
      "/openapi.json", "getApiDescription", "This description, OpenAPI 3.1",
      {api::gives_value(Json{{"type", "object"}}, "The description.")},
      [text](auto, auto respond) { respond(Response::text(200, *text, "application/json")); }));
  table.push_back(open("/docs", "getApiPage", "This description, for people",
                       {api::gives_text("text/html", "A page.")}, [html](auto, auto respond) {
                         respond(Response::text(200, *html, "text/html; charset=utf-8"));
                       }));
  http::RouteTable described = routes;
  described.insert(described.end(), table.begin(), table.end());
  const Json description = api_description(
      {"mesh " + shared->service, shared->version, shared->address, shared->tls,
       shared->anonymous_tenant, shared->user_certificates, shared->operator_certificates},
      described);
  *text = dump(description);
  *html = api_page(description);
  return table;
}

}  // namespace mesh::services
