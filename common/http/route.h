// Routes: one row per endpoint, all that the chain and the API description need to know of it.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "common/domain/token_roles.h"
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

// The types below are for the API description (OpenAPI 3.1). A schema is a JSON Schema; what is
// named once and used by several rows is {"$ref": "#/components/schemas/User"}.

// A part of the path, a parameter of the query or a header field of a request; or a header field of
// an answer.
struct Parameter {
  std::string name;
  std::string in;  // "query", "path", "header"
  std::string description;
  Json schema = {{"type", "string"}};
  bool required = false;  // those in the path always are
};

// A body in one media type.
struct Content {
  std::string media;
  Json schema;
};

struct Answer {
  int status = 200;
  std::string description;
  std::vector<Content> content{};    // none: it has no body
  std::vector<Parameter> headers{};  // beside those that the chain adds
  Json links{};                      // to what can be asked next: OpenAPI links by name, or null
};

// Where a handler runs. None: on the thread that serves its connection and many others; it must be
// done, or have put its Responder aside, within about a millisecond. The others block a thread of
// their pool: so those that wait long, however many, keep nobody from a short look at a store.
enum class Pool {
  none,
  quick,  // waits for a store, or computes a little
  slow,   // waits for a model, many commits or a scan, or computes for long
};

// What an answer has of what events and users hold, which not everybody who operates the mesh may
// see (Principal::hides_payloads).
enum class Payloads {
  none,
  omitted,  // the handler leaves it out for who may not
  shown,    // there is nothing without it: who may not is refused
};

struct Route {
  std::string method;
  std::string pattern;  // "/users/{id}": a {name} is one path segment, percent-decoded
  Access access = Access::tenant;
  std::string scope{};  // of the rate limit; empty: none
  Body body = Body::none;
  // Those of `none` run on `quick` where their body is large or encoded, or they have a key.
  Pool pool = Pool::none;
  // For whoever watches over the server: also answered where it has no connection left.
  bool probe = false;
  // Changes nothing, though its method says so.
  bool read_only = false;
  // Changes nothing that another request has not put into the audit log already.
  bool unaudited = false;
  Payloads payloads = Payloads::none;
  // Of tenants' routes: whose tokens it takes beside a writer's. None: a reader's where it changes
  // nothing, else nobody's.
  std::vector<TokenRole> token_roles{};

  // For the API description, as is the rest but for the handler.
  std::string operation{};  // "createUser", the same in every version; no other route has it
  std::string tag{};        // the group of operations that it is shown in
  std::string summary{};    // one line
  std::string details{};    // what a line does not hold, in CommonMark
  std::vector<Parameter> parameters{};
  std::vector<Content> request{};  // of the body, by media type
  std::vector<Answer> answers{};   // those that are no problem
  // The statuses of problems that the handler answers; those of the chain follow from the fields
  // above.
  std::vector<int> problems{};

  Handler handler{};
};

using RouteTable = std::vector<Route>;

// By its method (HEAD is a GET) and read_only.
inline bool changes_something(const Route& route) {
  return !route.read_only && route.method != "GET";
}

}  // namespace mesh::http
