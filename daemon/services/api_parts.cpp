#include "daemon/services/api_parts.h"

namespace mesh::services::api {
namespace {

constexpr const char* kJson = "application/json";

Json entity_tag_schema() { return {{"type", "string"}, {"examples", Json::array({"\"3\""})}}; }

}  // namespace

Json ref(std::string_view schema) {
  return {{"$ref", "#/components/schemas/" + std::string(schema)}};
}

Json integer(const IntRange& range) {
  return {{"type", "integer"},
          {"minimum", range.low},
          {"maximum", range.high},
          {"default", range.fallback}};
}

Json number(const NumberRange& range) {
  return {{"type", "number"},
          {"minimum", range.low},
          {"maximum", range.high},
          {"default", range.fallback}};
}

Json one_of(const std::vector<std::string>& values, std::string_view fallback) {
  Json schema{{"type", "string"}, {"enum", values}};
  if (!fallback.empty()) schema["default"] = fallback;
  return schema;
}

Json bound(std::string_view fallback) {
  return {{"allOf", Json::array({ref("Bound")})}, {"default", fallback}};
}

http::Parameter path(std::string name, std::string description, Json schema) {
  return {std::move(name), "path", std::move(description), std::move(schema), true};
}

http::Parameter query(std::string name, std::string description, Json schema) {
  return {std::move(name), "query", std::move(description), std::move(schema)};
}

http::Parameter required(http::Parameter parameter) {
  parameter.required = true;
  return parameter;
}

http::Parameter limit(const std::string& what, const IntRange& range) {
  return query("limit", "How many " + what + " one answer has at most.", integer(range));
}

http::Parameter cursor(const std::string& source) {
  return query("cursor", "Where the list goes on: " + source + ".",
               {{"type", "string"}, {"minLength", 1}});
}

http::Parameter wait(const std::string& what) {
  return query("wait", "For how many seconds the answer may be held back until " + what + ".",
               integer(kWaitSeconds));
}

http::Parameter tenant_of_path() { return path("tenant", "The tenant's id.", ref("TenantId")); }

http::Parameter tenant_filter() {
  return query("tenant", "Only what is of this tenant; empty: of everyone.",
               {{"type", "string"}, {"pattern", "^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)?$"}});
}

http::Parameter idempotency_key(std::size_t longest) {
  return {
      "Idempotency-Key",
      "header",
      "A text of the client's own for this request. The same request under the same key is done "
      "once within 24 hours; its repetition gets the first answer, with `Idempotent-Replayed`. "
      "Another request under it is 422, one that is still under way 409.",
      {{"type", "string"}, {"minLength", 1}, {"maxLength", longest}}};
}

http::Parameter if_match() {
  return {"If-Match", "header",
          "Change only the version that this entity tag names (412 where it is another by now); "
          "several with commas between, or `*` for any.",
          entity_tag_schema()};
}

http::Parameter if_none_match() {
  return {"If-None-Match", "header",
          "The entity tag of a version that is known: 304 while it is still so.",
          entity_tag_schema()};
}

std::vector<http::Content> json(std::string_view schema) { return {{kJson, ref(schema)}}; }

std::vector<http::Content> no_members() { return json("NoMembers"); }

std::vector<http::Content> lines(const std::string& example) {
  return {{"application/x-ndjson",
           {{"type", "string"},
            {"format", "binary"},
            {"description", "JSON objects in UTF-8, one a line."},
            {"minLength", 1},
            {"examples", Json::array({example + "\n"})}}}};
}

http::Answer gives_value(Json schema, std::string description, int status) {
  return {status, std::move(description), {{kJson, std::move(schema)}}};
}

http::Answer gives(std::string_view schema, std::string description, int status) {
  return gives_value(ref(schema), std::move(description), status);
}

http::Answer gives_text(std::string media, std::string description, int status) {
  return {status, std::move(description), {{std::move(media), {{"type", "string"}}}}};
}

http::Answer gives_events(std::string description,
                          const std::vector<std::pair<std::string, Json>>& data) {
  // OpenAPI 3.1 has no word for the parts of a stream: the body is text, and the annotation says
  // what is in it.
  Json types = Json::object();
  for (const auto& [type, schema] : data) types[type.empty() ? "message" : type] = schema;
  types[http::kLostEvent] = {
      {"type", "object"},
      {"description", "So many events were dropped here, since the reader was too slow."},
      {"properties", {{"dropped", {{"type", "integer"}, {"minimum", 1}}}}},
      {"required", {"dropped"}}};
  Json schema{{"type", "string"},
              {"description",
               "Server-sent events (WHATWG HTML, 9.2): `data` of each is JSON as x-events says by "
               "its type; a comment comes every 15 s where there is none."},
              {"x-events", std::move(types)}};
  return {200, std::move(description), {{"text/event-stream", std::move(schema)}}};
}

http::Answer nothing(std::string description) { return {204, std::move(description)}; }

http::Answer not_modified() {
  return with_etag({304, "It is still the version that If-None-Match names."});
}

http::Answer starts_task(std::string description) {
  return leads_to(with_header(gives("Task", std::move(description), 202),
                              header("Location", "The path of the task.")),
                  {"getTask", "cancelTask"}, "id", "id");
}

http::Parameter header(std::string name, std::string description, Json schema) {
  return {std::move(name), "header", std::move(description), std::move(schema), true};
}

http::Answer with_header(http::Answer answer, http::Parameter field) {
  answer.headers.push_back(std::move(field));
  return answer;
}

http::Answer with_etag(http::Answer answer) {
  return with_header(std::move(answer),
                     header("ETag", "The entity tag of this version.", entity_tag_schema()));
}

http::Answer leads_to(http::Answer answer, std::initializer_list<std::string_view> operations,
                      const std::string& parameter, const std::string& member) {
  for (const auto operation : operations) {
    answer.links[std::string(operation)] = {
        {"operationId", operation}, {"parameters", {{parameter, "$response.body#/" + member}}}};
  }
  return answer;
}

http::RouteTable for_operators(std::string_view tag, http::RouteTable table) {
  for (auto& route : table) {
    route.access = http::Access::operator_;
    route.tag = tag;
  }
  return table;
}

}  // namespace mesh::services::api
