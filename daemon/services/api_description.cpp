#include "daemon/services/api_description.h"

#include <map>
#include <set>

#include "common/base/strings.h"
#include "daemon/services/api_schemas.h"

namespace mesh::services {
namespace {

using http::Access;
using http::Route;

// In the order in which the page shows them.
constexpr std::pair<const char*, const char*> kTags[] = {
    {"users", "The users of a tenant."},
    {"search", "Finding users."},
    {"publishing", "Events into the log."},
    {"activity", "What was counted of published events."},
    {"log", "Topics, records and single events."},
    {"groups", "Consumer groups and their offsets."},
    {"dead letters", "Events that a pipeline could not take."},
    {"tenants", "The records of tenants."},
    {"rate limits", "The rate limits of tenants."},
    {"usage", "Which tenants use how much."},
    {"indexes", "Generations of the user index."},
    {"tasks", "Long work: replays, backups and the rest."},
    {"console", "The web console, and who is signed in to it."},
    {"process", "The running process: configuration and checks."},
    {"health", "For whoever watches over the server, and this description."},
};

const std::map<int, const char*> kProblems{
    {400, "The request is malformed: its target, a parameter, a header field or its JSON."},
    {401, "There is no credential, or it is not valid."},
    {403, "The credential is good, but not for this."},
    {404, "There is no such thing here."},
    {408, "The request came too slowly."},
    {409, "Something is in the way: it exists already, or is in use."},
    {412, "It is not at the version that If-Match names."},
    {413, "The request is too large."},
    {415, "The body is of another media type or coding."},
    {421, "The Host is none of this server's."},
    {422,
     "The body does not fit its schema, or what it says cannot be done; `errors` points at it."},
    {429, "The rate limit is used up."},
    {431, "The header fields are too large."},
    {500, "The server failed; its log has the reason under the request id."},
    {503,
     "Something that this needs is not there now, or the server is too busy; try again. Of the "
     "type "
     "`urn:problem-type:mesh:uncertain` it may be done all the same, as a whole or in part."},
    {504, "Something that this needs did not answer in time; it may have been done."},
};

Json string_schema() { return {{"type", "string"}}; }

// --- what the chain reads --------------------------------------------------------------------

Json component_parameters() {
  const Json tenant{{"$ref", "#/components/schemas/TenantId"}};
  const auto header = [](const char* name, const char* description, Json schema) {
    return Json{{"name", name}, {"in", "header"}, {"description", description}, {"schema", schema}};
  };
  return {
      {"Tenant",
       header("X-Tenant-Id",
              "The tenant: for the operator's token, and where there is no credential. With a "
              "tenant's own credential it may only repeat it.",
              tenant)},
      {"TenantInQuery",
       {{"name", "tenant_id"},
        {"in", "query"},
        {"description", "The same as X-Tenant-Id."},
        {"schema", tenant}}},
      {"ForTenant",
       header("X-Tenant-Id",
              "In whose name the operator asks: the request counts against this tenant's rate "
              "limit.",
              string_schema())},
      {"RequestId",
       header("X-Request-Id",
              "The request's name in logs and answers: 1 to 128 printable ASCII characters; "
              "anything else is replaced.",
              string_schema())},
      {"TraceParent",
       header("traceparent", "The trace that the request is part of (W3C Trace Context).",
              {{"type", "string"},
               {"examples",
                Json::array({"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"})}})},
      {"TraceState", header("tracestate", "Goes along with traceparent.", string_schema())},
  };
}

std::vector<const char*> chain_parameters(const Route& route) {
  std::vector<const char*> names;
  if (route.access == Access::operator_) {
    if (!route.scope.empty()) names = {"ForTenant"};
  } else if (route.access != Access::open) {
    names = {"Tenant", "TenantInQuery"};
  }
  names.push_back("RequestId");
  if (route.access != Access::open) names.insert(names.end(), {"TraceParent", "TraceState"});
  return names;
}

bool takes_certificates(const ApiInfo& info) {
  return info.user_certificates || info.operator_certificates;
}

Json security(const Route& route, const ApiInfo& info) {
  const auto scheme = [](const char* name) { return Json{{name, Json::array()}}; };
  Json any = Json::array();
  if (route.access == Access::operator_) {
    any.push_back(scheme("operator"));
    if (info.operator_certificates) any.push_back(scheme("certificate"));
  } else if (route.access != Access::open) {
    any = {scheme("tenant"), scheme("operator")};
    if (takes_certificates(info)) any.push_back(scheme("certificate"));
    if (route.access == Access::tenant_or_anonymous && info.anonymous_tenant) {
      // The empty requirement of OpenAPI: it may be asked without a credential.
      any.push_back(Json::object());
    }
  }
  return any;
}

// --- what the chain answers ------------------------------------------------------------------

Json component_headers() {
  const auto header = [](const char* description, Json schema, bool required = false) {
    Json json{{"description", description}, {"schema", std::move(schema)}};
    if (required) json["required"] = true;
    return json;
  };
  return {
      {"RequestId", header("The request's name in logs.", string_schema(), true)},
      {"RetryAfter",
       header("Seconds to wait before the next try.", {{"type", "integer"}, {"minimum", 1}}, true)},
      {"AcceptedCodings", header("The codings that a body may have.", string_schema())},
      {"Challenge", header("Why, as RFC 6750 has it.", string_schema(), true)},
      {"RateLimitPolicy",
       header("Where a limit holds: `\"<scope>\";q=<units>;w=<seconds>`, the steady rate.",
              string_schema())},
      {"RateLimit",
       header("Where a limit holds: `\"<scope>\";r=<units left>;t=<seconds until it is full>`.",
              string_schema())},
      {"Replayed", header("`true`: the answer is the one that was given first under this "
                          "Idempotency-Key.",
                          string_schema())},
  };
}

Json header_ref(const char* name) {
  return {{"$ref", "#/components/headers/" + std::string(name)}};
}

Json chain_headers(const Route& route) {
  Json headers{{"X-Request-Id", header_ref("RequestId")}};
  if (!route.scope.empty()) {
    headers["RateLimit-Policy"] = header_ref("RateLimitPolicy");
    headers["RateLimit"] = header_ref("RateLimit");
  }
  return headers;
}

Json problem_content() {
  return {{"application/problem+json", {{"schema", {{"$ref", "#/components/schemas/Problem"}}}}}};
}

Json component_responses() {
  Json all = Json::object();
  for (const auto& [status, description] : kProblems) {
    // A refused request may have been counted.
    Json headers{{"X-Request-Id", header_ref("RequestId")},
                 {"RateLimit-Policy", header_ref("RateLimitPolicy")},
                 {"RateLimit", header_ref("RateLimit")}};
    if (status == 401) headers["WWW-Authenticate"] = header_ref("Challenge");
    if (status == 415) headers["Accept-Encoding"] = header_ref("AcceptedCodings");
    if (status == 429 || status == 503) headers["Retry-After"] = header_ref("RetryAfter");
    all["Problem" + std::to_string(status)] = {{"description", description},
                                               {"headers", std::move(headers)},
                                               {"content", problem_content()}};
  }
  return all;
}

// Where an operator may name a tenant that does not exist: Hooks::authenticate answers.
bool may_name_a_stranger(const Route& route) {
  if (route.access == Access::operator_) {
    return std::ranges::find(route.parameters, "tenant", &http::Parameter::name) !=
           route.parameters.end();
  }
  return route.access != Access::open && route.method != "POST";
}

std::set<int> problems_of(const Route& route) {
  // The head is read, and a body is taken or dropped, before a route is looked at.
  std::set<int> all{400, 408, 413, 421, 431, 503};
  all.insert(route.problems.begin(), route.problems.end());
  if (route.access != Access::open) all.insert({401, 403, 500});
  if (!route.scope.empty()) all.insert(429);
  if (may_name_a_stranger(route)) all.insert(404);
  if (route.body != http::Body::none) all.insert(415);
  return all;
}

// --- what a row says -------------------------------------------------------------------------

Json media_of(const std::vector<http::Content>& content) {
  Json all = Json::object();
  for (const auto& one : content) all[one.media] = {{"schema", one.schema}};
  return all;
}

Json parameter(const http::Parameter& p) {
  Json json{{"name", p.name}, {"in", p.in}, {"description", p.description}, {"schema", p.schema}};
  // The chain takes no NUL in a target.
  Json& schema = json["schema"];
  if (p.in != "header" && schema.value("type", "") == "string" && !schema.contains("pattern") &&
      !schema.contains("enum")) {
    schema["pattern"] = "^[^\\u0000]*$";
  }
  if (p.required || p.in == "path") json["required"] = true;
  return json;
}

bool takes_key(const Route& route) {
  return std::ranges::find(route.parameters, "Idempotency-Key", &http::Parameter::name) !=
         route.parameters.end();
}

Json answer_of(const Route& route, const http::Answer& answer) {
  Json headers = Json::object();
  for (const auto& field : answer.headers) {
    Json& header =
        headers[field.name] = {{"description", field.description}, {"schema", field.schema}};
    if (field.required) header["required"] = true;
  }
  headers.update(chain_headers(route));
  if (takes_key(route)) headers["Idempotent-Replayed"] = header_ref("Replayed");
  Json json{{"description", answer.description}, {"headers", std::move(headers)}};
  if (!answer.content.empty()) json["content"] = media_of(answer.content);
  if (!answer.links.is_null()) json["links"] = answer.links;
  return json;
}

Json answers_of(const Route& route) {
  std::map<int, Json> by_status;
  for (const auto& answer : route.answers) by_status[answer.status] = answer_of(route, answer);
  for (const int status : problems_of(route)) {
    const auto [own, other] = by_status.try_emplace(
        status, Json{{"$ref", "#/components/responses/Problem" + std::to_string(status)}});
    // A status may be both an answer of the row and a problem of the chain: it has two contents.
    if (!other) own->second["content"].update(problem_content());
  }
  Json all = Json::object();
  for (auto& [status, json] : by_status) all[std::to_string(status)] = std::move(json);
  return all;
}

// A body without members that have to be there may be left out.
bool may_be_empty(const Json& schema) {
  const auto* known = &schema;
  if (const auto it = schema.find("$ref"); it != schema.end()) {
    const auto& name = it->get_ref<const std::string&>();
    known = &api_schemas().at(name.substr(name.rfind('/') + 1));
  }
  return known->value("type", "") == "object" && !known->contains("required") &&
         !known->contains("minProperties");
}

Json operation_of(const Route& route, const ApiInfo& info) {
  Json operation{{"operationId", route.operation},
                 {"tags", Json::array({route.tag})},
                 {"summary", route.summary}};
  if (!route.details.empty()) operation["description"] = route.details;
  operation["parameters"] = Json::array();
  for (const auto& p : route.parameters) operation["parameters"].push_back(parameter(p));
  for (const auto* name : chain_parameters(route)) {
    operation["parameters"].push_back({{"$ref", "#/components/parameters/" + std::string(name)}});
  }
  if (!route.request.empty()) {
    operation["requestBody"] = {{"required", !may_be_empty(route.request.front().schema)},
                                {"content", media_of(route.request)}};
  }
  operation["responses"] = answers_of(route);
  if (route.access != Access::open) {
    operation["security"] = security(route, info);
  }
  return operation;
}

// Every component that is named from `json`, and from those.
void collect(const Json& json, const Json& components, Json& used) {
  if (json.is_object()) {
    if (const auto it = json.find("$ref"); it != json.end() && it->is_string()) {
      const Json::json_pointer place(
          it->get_ref<const std::string&>().substr(std::string_view("#/components").size()));
      if (!used.contains(place)) {
        // Before its own references are followed: schemas that name each other would never end.
        used[place] = components.at(place);
        collect(components.at(place), components, used);
      }
    }
  }
  if (json.is_structured()) {
    for (const auto& value : json) collect(value, components, used);
  }
}

Json security_schemes(const ApiInfo& info) {
  Json all{
      {"tenant",
       {{"type", "http"},
        {"scheme", "bearer"},
        {"description",
         "A tenant's credential: with `auth.mode: jwt` a token of the issuer, with `auth.mode: "
         "dev` "
         "`<tenant>:<user>`."}}},
      {"operator",
       {{"type", "http"},
        {"scheme", "bearer"},
        {"description",
         "The operator's token, `<data_dir>/operator.token`. On routes of tenants it acts for the "
         "tenant that X-Tenant-Id names."}}},
  };
  if (takes_certificates(info)) {
    std::string whose = info.user_certificates ? "a tenant's user" : "an operator";
    if (info.user_certificates && info.operator_certificates) whose += " or an operator";
    all["certificate"] = {{"type", "mutualTLS"},
                          {"description",
                           "A client certificate that `auth.client_certificate` "
                           "makes that of " +
                               whose + ", as configured at the start."}};
  }
  return all;
}

}  // namespace

Json api_description(const ApiInfo& info, const http::RouteTable& routes) {
  Json paths = Json::object();
  std::set<std::string> tags;
  bool closed = false;
  for (const auto& route : routes) {
    paths[route.pattern][to_lower(route.method)] = operation_of(route, info);
    tags.insert(route.tag);
    closed = closed || route.access != Access::open;
  }
  Json servers = Json::array({{{"url", "/"}, {"description", "Where this description is from."}}});
  const bool all_addresses =
      info.server.starts_with("0.0.0.0:") || info.server.starts_with("[::]:");
  if (!info.server.empty() && !all_addresses) {
    servers.push_back({{"url", (info.tls ? "https://" : "http://") + info.server},
                       {"description", "As configured."}});
  }
  Json all{{"openapi", "3.1.0"},
           {"info",
            {{"title", info.title},
             {"version", info.version},
             {"description",
              "GET routes answer HEAD too. Bodies may be sent with `Content-Encoding: gzip` or "
              "`zstd`. Errors are problem+json (RFC 9457)."}}},
           {"servers", std::move(servers)},
           {"tags", Json::array()},
           {"paths", std::move(paths)}};
  for (const auto& [name, description] : kTags) {
    if (tags.contains(name)) all["tags"].push_back({{"name", name}, {"description", description}});
  }
  const Json components{{"schemas", api_schemas()},
                        {"responses", component_responses()},
                        {"parameters", component_parameters()},
                        {"headers", component_headers()}};
  Json used = Json::object();
  // Only what this listener's routes name: each listener has a part of the API.
  collect(all["paths"], components, used);
  if (closed) used["securitySchemes"] = security_schemes(info);
  all["components"] = std::move(used);
  return all;
}

}  // namespace mesh::services
