// Routes: one row per endpoint, all that the chain and the API description need to know of it.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "common/http/message.h"

namespace mesh::http {

enum class Access {
  open,                 // health, metrics, API description
  tenant,               // a tenant's credential, or the operator acting for a tenant
  tenant_or_anonymous,  // the same; without a credential the configured anonymous tenant
  operator_,            // the operator token
};

enum class Body {
  none,  // a body of GET and DELETE, at most max_body_bytes, is dropped; of other methods it is 400
         // The others take gzip and zstd too (Content-Encoding); their limits hold as sent and
         // decoded.
  json,  // application/json or +json is required (415), at most max_body_bytes
  event,  // any media type, at most max_body_bytes: the handler decides
  bulk,   // any media type, at most max_bulk_body_bytes
};

struct Parameter {
  std::string name;
  std::string in;  // "query", "path", "header"
  std::string description;
  std::string type = "string";  // JSON Schema type
  bool required = false;
};

struct Route {
  std::string method;
  std::string pattern;  // "/users/{id}": a {name} is one path segment, percent-decoded
  Access access = Access::tenant;
  std::string scope{};  // of the rate limit; empty: none
  Body body = Body::none;
  // Runs on the pool for such routes. Without it the handler runs on the thread that serves its
  // connection and many others: it must be done, or have put its Responder aside, within about a
  // millisecond.
  bool blocking = false;
  // For whoever watches over the server: also answered where it has no connection left.
  bool probe = false;
  std::string summary{};  // one line, for the API description
  std::vector<Parameter> parameters{};
  Handler handler{};
};

using RouteTable = std::vector<Route>;

}  // namespace mesh::http
