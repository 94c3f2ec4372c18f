// What every listener answers beside its own routes: health, metrics, the API description.
#pragma once

#include <functional>
#include <string>

#include "common/http/route.h"
#include "common/telemetry/metrics.h"

namespace mesh::services {

struct HealthDeps {
  std::string service;  // "user-service", "meshd", …
  std::string version;
  // Empty: ready. Else what is not, for people.
  std::function<std::string()> not_ready;
  Metrics& metrics;
  // Whether who asks for /metrics may see tenants' names.
  std::function<bool(const http::Request&)> names_tenants;
};

// /health, /livez, /readyz, /healthz, /metrics, and /openapi.json and /docs of `routes`.
http::RouteTable health_routes(HealthDeps deps, const http::RouteTable& routes);

// OpenAPI 3.1 of a route table.
Json openapi(const std::string& title, const std::string& version, const http::RouteTable& routes);

}  // namespace mesh::services
