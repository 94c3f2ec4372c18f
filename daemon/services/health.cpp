#include "daemon/services/health.h"

namespace mesh::services {
namespace {

using http::Access;
using http::Response;

std::string html_escape(std::string_view text) {
  std::string out;
  for (char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

const char* access_text(Access access) {
  switch (access) {
    case Access::open:
      return "open";
    case Access::tenant:
      return "tenant";
    case Access::tenant_or_anonymous:
      return "tenant (or anonymous in dev mode)";
    case Access::operator_:
      return "operator";
  }
  return "";
}

// One page, no script, nothing from elsewhere.
std::string docs_page(const std::string& title, const std::string& version,
                      const http::RouteTable& routes) {
  std::string page = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>" +
                     html_escape(title) +
                     "</title><style>body{font:16px/1.5 "
                     "system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
                     "table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:."
                     "35rem .6rem;border-bottom:1px solid #ddd;"
                     "vertical-align:top}code{font-size:.95em}small{color:#555}</style><h1>" +
                     html_escape(title) + " <small>" + html_escape(version) +
                     "</small></h1><p>Machine-readable: <a href=\"/openapi.json\">"
                     "/openapi.json</a></p><table><tr><th>Route<th>Credential<th>What it does";
  for (const auto& route : routes) {
    page += "<tr><td><code>" + html_escape(route.method + " " + route.pattern) + "</code><td>" +
            access_text(route.access) + "<td>" + html_escape(route.summary);
    for (const auto& parameter : route.parameters) {
      page += "<br><small><code>" + html_escape(parameter.name) + "</code> (" +
              html_escape(parameter.in) + "): " + html_escape(parameter.description) + "</small>";
    }
  }
  return page + "</table></html>\n";
}

}  // namespace

Json openapi(const std::string& title, const std::string& version, const http::RouteTable& routes) {
  Json paths = Json::object();
  for (const auto& route : routes) {
    std::string method = route.method;
    for (char& c : method) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    Json parameters = Json::array();
    for (const auto& p : route.parameters) {
      parameters.push_back({{"name", p.name},
                            {"in", p.in},
                            {"description", p.description},
                            {"required", p.required || p.in == "path"},
                            {"schema", {{"type", p.type}}}});
    }
    Json operation{{"summary", route.summary},
                   {"parameters", std::move(parameters)},
                   {"responses",
                    {{"2XX", {{"description", "done"}}},
                     {"default",
                      {{"description", "an RFC 9457 problem"},
                       {"content",
                        {{"application/problem+json",
                          {{"schema", {{"$ref", "#/components/schemas/Problem"}}}}}}}}}}}};
    if (route.body != http::Body::none) {
      const char* media = route.body == http::Body::json ? "application/json" : "*/*";
      operation["requestBody"] = {{"content", {{media, Json::object()}}}};
    }
    if (route.access != Access::open) {
      const char* scheme = route.access == Access::operator_ ? "operator" : "tenant";
      operation["security"] = Json::array({Json{{scheme, Json::array()}}});
    }
    paths[route.pattern][method] = std::move(operation);
  }
  const Json bearer{{"type", "http"}, {"scheme", "bearer"}};
  return {{"openapi", "3.1.0"},
          {"info", {{"title", title}, {"version", version}}},
          {"paths", std::move(paths)},
          {"components",
           {{"securitySchemes", {{"tenant", bearer}, {"operator", bearer}}},
            {"schemas",
             {{"Problem",
               {{"type", "object"},
                {"required", Json::array({"type", "title", "status"})},
                {"properties",
                 {{"type", {{"type", "string"}}},
                  {"title", {{"type", "string"}}},
                  {"status", {{"type", "integer"}}},
                  {"detail", {{"type", "string"}}},
                  {"instance", {{"type", "string"}}},
                  {"request_id", {{"type", "string"}}},
                  {"errors", {{"type", "array"}, {"items", {{"type", "object"}}}}}}}}}}}}}};
}

http::RouteTable health_routes(HealthDeps deps, const http::RouteTable& routes) {
  const auto shared = std::make_shared<HealthDeps>(std::move(deps));
  const auto open = [](const char* pattern, const char* summary, http::Handler handler) {
    return http::Route{.method = "GET",
                       .pattern = pattern,
                       .access = Access::open,
                       .summary = summary,
                       .handler = std::move(handler)};
  };
  const auto probe = [&](const char* pattern, const char* summary, http::Handler handler) {
    auto route = open(pattern, summary, std::move(handler));
    route.probe = true;
    return route;
  };
  const auto healthy = [shared](auto, auto respond) {
    respond(Response::json(
        200, {{"status", "ok"}, {"service", shared->service}, {"version", shared->version}}));
  };
  const auto ready = [shared](auto, auto respond) {
    const std::string why = shared->not_ready();
    respond(why.empty() ? Response::text(200, "ready\n")
                        : Response::text(503, "not ready: " + why + "\n"));
  };
  http::RouteTable table{
      probe("/health", "Name and version of the service", healthy),
      probe("/livez", "The process answers",
            [](auto, auto respond) { respond(Response::text(200, "ok\n")); }),
      probe("/readyz", "The process can do its work", ready),
      probe("/healthz", "As /readyz", ready),
      probe("/metrics", "Prometheus metrics",
            [shared](auto request, auto respond) {
              respond(Response::text(200, shared->metrics.expose(shared->names_tenants(*request)),
                                     "text/plain; version=0.0.4; charset=utf-8"));
            }),
  };
  http::RouteTable described = routes;
  described.insert(described.end(), table.begin(), table.end());
  const std::string title = "mesh " + shared->service;
  table.push_back(
      open("/openapi.json", "This description",
           [text = dump(openapi(title, shared->version, described))](auto, auto respond) {
             respond(Response::text(200, text, "application/json"));
           }));
  table.push_back(open("/docs", "This description, for people",
                       [html = docs_page(title, shared->version, described)](auto, auto respond) {
                         respond(Response::text(200, html, "text/html; charset=utf-8"));
                       }));
  return table;
}

}  // namespace mesh::services
