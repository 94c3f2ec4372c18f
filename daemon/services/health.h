// What every listener answers beside its own routes: health, metrics, the API description.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/http/route.h"
#include "common/telemetry/metrics.h"
#include "daemon/services/check.h"

namespace mesh::services {

struct HealthDeps {
  std::string service;  // "user-service", "meshd", …
  std::string version;
  // Empty: ready. Else what is not, for people.
  std::function<std::string()> not_ready;
  // What the process depends on; does not block. Anybody sees names and states.
  std::function<std::vector<Check>()> dependencies;
  Metrics& metrics;
  // Whether who asks for /metrics may see tenants' names.
  std::function<bool(const http::Request&)> names_tenants;
  std::string address{};          // of the listener, for its description; empty: not known yet
  bool anonymous_tenant = false;  // see ApiInfo
  bool tls = false;
  bool user_certificates = false, operator_certificates = false;  // see ApiInfo
};

// /health, /livez, /readyz, /healthz, /metrics, and /openapi.json and /docs of `routes`.
http::RouteTable health_routes(HealthDeps deps, const http::RouteTable& routes);

}  // namespace mesh::services
