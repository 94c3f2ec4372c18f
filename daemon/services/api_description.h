// The API description of a listener, OpenAPI 3.1, from its route table.
//
// A row says what is its own: operation, parameters, bodies, answers, its handler's problems. What
// the chain does for every route follows from access, scope and body, and is said here once:
// credentials, the statuses of its refusals, and the header fields that it reads and adds.
#pragma once

#include <string>

#include "common/http/route.h"

namespace mesh::services {

struct ApiInfo {
  std::string title;
  std::string version;
  // Where it listens, "127.0.0.1:8081"; empty: not known before it is bound. That of all addresses
  // of a machine (0.0.0.0, [::]) is nobody's to ask and left out.
  std::string server;
  bool tls = false;
  bool anonymous_tenant = false;  // whether Access::tenant_or_anonymous needs no credential
  // Whether clients' certificates are asked for, and some are a tenant's user's, or an operator's.
  bool user_certificates = false, operator_certificates = false;
};

// Self-contained: the component schemas (api_schemas.h) that the routes name are in it.
Json api_description(const ApiInfo& info, const http::RouteTable& routes);

}  // namespace mesh::services
