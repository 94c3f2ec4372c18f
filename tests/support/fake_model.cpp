#include "tests/support/fake_model.h"

#include <cstring>
#include <nlohmann/json.hpp>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include "common/base/strings.h"
#include "common/engines/computed/computed_extractor.h"
#include "common/engines/hashing/hashing_embedder.h"
#include "tests/support/tenant_texts.h"

namespace mesh::test {
namespace {

// What OpenAI's description says of the members that we send; others are refused.
constexpr const char* kEmbeddingsSchema = R"({
  "type": "object", "additionalProperties": false, "required": ["model", "input"],
  "properties": {
    "model": {"type": "string", "minLength": 1},
    "input": {"type": "array", "minItems": 1, "maxItems": 2048,
              "items": {"type": "string", "minLength": 1}},
    "dimensions": {"type": "integer", "minimum": 1}}})";
constexpr const char* kChatSchema = R"({
  "type": "object", "additionalProperties": false,
  "required": ["model", "messages", "response_format"],
  "properties": {
    "model": {"type": "string", "minLength": 1},
    "temperature": {"type": "number", "minimum": 0, "maximum": 2},
    "max_tokens": {"type": "integer", "minimum": 1},
    "max_completion_tokens": {"type": "integer", "minimum": 1},
    "messages": {"type": "array", "minItems": 1, "items": {
      "type": "object", "additionalProperties": false, "required": ["role", "content"],
      "properties": {
        "role": {"type": "string", "enum": ["system", "user", "assistant"]},
        "content": {"type": "string", "minLength": 1}}}},
    "response_format": {
      "type": "object", "additionalProperties": false, "required": ["type", "json_schema"],
      "properties": {
        "type": {"type": "string", "enum": ["json_schema"]},
        "json_schema": {
          "type": "object", "additionalProperties": false, "required": ["name", "schema"],
          "properties": {
            "name": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"},
            "strict": {"type": "boolean"},
            "schema": {"type": "object", "required": ["type"]}}}}}}})";

bool fits(const char* schema_text, const nlohmann::json& value) {
  const auto text = nlohmann::json::parse(schema_text);
  valijson::Schema schema;
  valijson::SchemaParser(valijson::SchemaParser::kDraft7)
      .populateSchema(valijson::adapters::NlohmannJsonAdapter(text), schema);
  return valijson::Validator().validate(schema, valijson::adapters::NlohmannJsonAdapter(value),
                                        nullptr);
}

bool holds_null(const nlohmann::json& value) {
  if (value.is_null()) return true;
  if (!value.is_structured()) return false;
  return std::any_of(value.begin(), value.end(), [](const auto& part) { return holds_null(part); });
}

// What OpenAI's strict mode asks of a schema: every object is closed, and requires all it names.
bool is_strict(const nlohmann::json& schema) {
  if (!schema.is_object()) return true;
  if (schema.contains("properties")) {
    if (schema.value("additionalProperties", true)) return false;
    for (const auto& [name, part] : schema["properties"].items()) {
      const auto& required = schema["required"];
      if (std::find(required.begin(), required.end(), name) == required.end()) return false;
      if (!is_strict(part)) return false;
    }
  }
  return !schema.contains("items") || is_strict(schema["items"]);
}

ScriptedAnswer refusal(const std::string& words) {
  // llama.cpp's code is a number, OpenAI's a word.
  return {400, dump({{"error", {{"code", 400}, {"message", words}, {"type", "invalid"}}}}), {}};
}

Json embedding(const std::string& text, int dimension, const FakeModel::Form& form) {
  auto vector = vector_of(*hashing::make_embedder(dimension), text);
  for (float& x : vector) x *= 3;  // not every server normalises
  if (form.base64) {
    std::string bytes(vector.size() * sizeof(float), '\0');
    std::memcpy(bytes.data(), vector.data(), bytes.size());
    return base64_encode(bytes);
  }
  return form.nested ? Json::array({vector}) : Json(vector);
}

ScriptedAnswer embeddings(const Json& body, const FakeModel::Form& form) {
  const auto texts = body.at("input").get<std::vector<std::string>>();
  if (texts.size() > form.most_texts) return {413, R"({"error":"batch size"})", {}};
  for (const auto& text : texts) {
    if (text.find(form.refused) != std::string::npos) return refusal("the input is too long");
  }
  if (body.contains("dimensions") && !form.takes_dimensions) {
    return refusal("dimensions is not supported by this model");
  }
  const int dimension = body.value("dimensions", form.dimension);
  Json data = Json::array();
  for (std::size_t i = 0; i < texts.size(); ++i) {
    Json item{{"object", "embedding"}, {"embedding", embedding(texts[i], dimension, form)}};
    if (form.index) item["index"] = i;
    data.push_back(std::move(item));
  }
  if (form.backwards) std::reverse(data.begin(), data.end());
  Json answer{{"object", "list"}, {"data", std::move(data)}, {"model", body.at("model")}};
  if (form.usage)
    answer["usage"] = {{"prompt_tokens", texts.size()}, {"total_tokens", texts.size()}};
  return {200, dump(answer), {}};
}

// As a model that knows its chemistry.
Json properties_of(const Json& asked) {
  ChemicalEvent event{.tenant = TenantId::parse("acme").value()};
  event.data = asked.value("data", Json::object());
  const Json computed = computed::make_extractor()->extract({&event, 1}).at(0).value();
  Json answer = Json::object();
  for (const char* name :
       {"formula", "molecular_weight", "degree_of_unsaturation", "charge", "note"}) {
    answer[name] = computed.contains(name) ? computed.at(name) : Json();
  }
  answer["confidence"] = 0.9;
  answer["composition"] = Json::array();
  const Json composition = computed.value("composition", Json::object());
  for (const auto& [element, count] : composition.items()) {
    answer["composition"].push_back({{"element", element}, {"count", count}});
  }
  return answer;
}

ScriptedAnswer chat(const Json& body, const FakeModel::Form& form) {
  if (form.newer && body.contains("max_tokens")) {
    return refusal("max_tokens is not supported with this model: use max_completion_tokens");
  }
  if (form.newer && body.contains("temperature")) {
    return refusal("temperature does not support 0 with this model");
  }
  // The experiment is what the user says first; in a repair there is more behind it.
  std::string asked;
  for (const Json& message : body.at("messages")) {
    if (asked.empty() && message.at("role") == "user") asked = message.at("content");
  }
  if (asked.find(form.refused) != std::string::npos) return refusal("the input is too long");
  std::string content = form.wrong;
  if (content.empty())
    content = dump(properties_of(Json::parse(asked.substr(0, asked.find('\n')))));
  Json answer{
      {"object", "chat.completion"},
      {"choices", Json::array({{{"index", 0},
                                {"finish_reason", form.finish},
                                {"message", {{"role", "assistant"}, {"content", content}}}}})}};
  if (form.usage)
    answer["usage"] = {{"prompt_tokens", 90}, {"completion_tokens", 10}, {"total_tokens", 100}};
  return {200, dump(answer), {}};
}

}  // namespace

FakeModel::FakeModel() : server_([this](const auto& request) { return answer(request); }) {}

void FakeModel::form(const Form& form) {
  std::lock_guard lock(mutex_);
  form_ = form;
}
void FakeModel::next(ScriptedAnswer answer, int times) {
  std::lock_guard lock(mutex_);
  for (int i = 0; i < times; ++i) next_.push_back(answer);
}
void FakeModel::before_answer(std::function<void()> hook) {
  std::lock_guard lock(mutex_);
  hook_ = std::move(hook);
}
int FakeModel::requests() const {
  std::lock_guard lock(mutex_);
  return static_cast<int>(bodies_.size());
}
std::vector<Json> FakeModel::bodies() const {
  std::lock_guard lock(mutex_);
  return bodies_;
}
std::vector<std::string> FakeModel::complaints() const {
  std::lock_guard lock(mutex_);
  return complaints_;
}

// What is wrong with the request; empty where nothing is.
std::string FakeModel::complaint(const ScriptedRequest& request) const {
  if (request.method != "POST") return "not a POST: " + request.method;
  const auto header = [&](const char* name) {
    const auto it = request.headers.find(name);
    return it == request.headers.end() ? std::string() : it->second;
  };
  if (header("content-type") != "application/json") return "not application/json";
  const auto body = nlohmann::json::parse(request.body, nullptr, false);
  if (body.is_discarded()) return "not JSON: " + request.body;
  if (holds_null(body)) return "holds a null: " + request.body;
  if (request.target == "/v1/embeddings") {
    return fits(kEmbeddingsSchema, body) ? "" : "against the schema: " + request.body;
  }
  if (request.target != "/v1/chat/completions") return "no such path: " + request.target;
  if (!fits(kChatSchema, body)) return "against the schema: " + request.body;
  const auto& format = body["response_format"]["json_schema"];
  return is_strict(format["schema"]) ? "" : "not a strict schema: " + format.dump();
}

ScriptedAnswer FakeModel::answer(const ScriptedRequest& request) {
  std::function<void()> hook;
  Form form;
  {
    std::lock_guard lock(mutex_);
    bodies_.push_back(Json::parse(request.body, nullptr, false));
    if (auto wrong = complaint(request); !wrong.empty()) {
      complaints_.push_back(wrong);
      return refusal(wrong);
    }
    hook = hook_;
    form = form_;
  }
  if (hook) hook();
  {
    std::lock_guard lock(mutex_);
    if (!next_.empty()) {
      ScriptedAnswer next = next_.front();
      next_.pop_front();
      return next;
    }
  }
  const auto key = request.headers.find("authorization");
  if (key == request.headers.end() || key->second != std::string("Bearer ") + kKey) {
    return {401, R"({"error":"no such key"})", {}};
  }
  const Json body = Json::parse(request.body);
  if (body.at("model") != kModel) return {404, R"({"detail":"no such model"})", {}};
  if (!form.breaks_on.empty() && request.body.find(form.breaks_on) != std::string::npos) {
    return form.breaks_with;
  }
  if (form.refuses_all) return refusal("this model does not do this");
  return request.target == "/v1/embeddings" ? embeddings(body, form) : chat(body, form);
}

}  // namespace mesh::test
