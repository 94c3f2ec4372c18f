#include "tests/support/otlp_receiver.h"

#include <fstream>
#include <set>
#include <sstream>

#include "tests/support/described.h"

namespace mesh::test {
namespace {

const Json& description() {
  static const Json read = [] {
    std::ifstream file(MESH_SOURCE_DIR "/tests/peers/otlp/traces.json");
    std::stringstream text;
    text << file.rdbuf();
    return Json::parse(text.str());
  }();
  return read;
}

// What a schema cannot say.
std::string misfit_of(const Json& span) {
  const auto nanos = [&](const char* key) { return std::stoull(span.at(key).get<std::string>()); };
  if (nanos("endTimeUnixNano") < nanos("startTimeUnixNano")) return "a span ends before it starts";
  std::set<std::string> keys;
  for (const auto& attribute : span.value("attributes", Json::array())) {
    const auto key = attribute.at("key").get<std::string>();
    if (!keys.insert(key).second) return "a span has the attribute " + key + " twice";
  }
  return {};
}

}  // namespace

std::vector<Json> otlp_spans(const std::string& body) {
  std::vector<Json> all;
  const Json request = Json::parse(body);
  for (const auto& of : request.at("resourceSpans")) {
    for (const auto& scope : of.at("scopeSpans")) {
      for (const auto& span : scope.at("spans")) all.push_back(span);
    }
  }
  return all;
}

std::string otlp_misfit(const std::string& body) {
  // Refuses names that are there twice as well.
  const auto json = parse_json(body, {.max_bytes = 64 << 20});
  if (!json) return json.error().message;
  auto why =
      misfit(description(), {{"$ref", "#/components/schemas/ExportTraceServiceRequest"}}, *json);
  if (!why.empty()) return why;
  for (const Json& span : otlp_spans(body)) {
    if (why = misfit_of(span); !why.empty()) return why;
  }
  return {};
}

std::string attribute_of(const Json& span, const std::string& key) {
  for (const auto& attribute : span.value("attributes", Json::array())) {
    if (attribute.at("key") == key) return attribute.at("value").front().get<std::string>();
  }
  return {};
}

ScriptedAnswer OtlpReceiver::take(const ScriptedRequest& request) {
  const auto type = request.headers.find("content-type");
  std::string why;
  if (request.method != "POST" || request.target != "/v1/traces") {
    why = "nobody listens at " + request.method + " " + request.target;
  } else if (type == request.headers.end() || type->second != "application/json") {
    why = "the content type is not application/json";
  } else {
    why = otlp_misfit(request.body);
  }
  std::lock_guard lock(mutex_);
  headers_ = request.headers;
  if (!why.empty()) {
    complaints_.push_back(why);
    return {.status = 400, .body = R"({"code":3,"message":"bad request"})"};
  }
  for (auto& span : otlp_spans(request.body)) spans_.push_back(std::move(span));
  return {.body = R"({"partialSuccess":{}})", .headers = {{"Content-Type", "application/json"}}};
}

std::vector<Json> OtlpReceiver::spans() const {
  std::lock_guard lock(mutex_);
  return spans_;
}

std::vector<std::string> OtlpReceiver::complaints() const {
  std::lock_guard lock(mutex_);
  return complaints_;
}

std::map<std::string, std::string> OtlpReceiver::headers() const {
  std::lock_guard lock(mutex_);
  return headers_;
}

}  // namespace mesh::test
