// What an API description says, and whether a value or an answer is as it says.
#pragma once

#include <string>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include "common/base/json.h"

namespace mesh::test {

// What `json` or its "$ref" stands for in the description.
inline const Json& resolved(const Json& description, const Json& json) {
  const auto it = json.find("$ref");
  if (it == json.end()) return json;
  return description.at(Json::json_pointer(it->get_ref<const std::string&>().substr(1)));
}

// Without what the library checks with std::regex and std::regex cannot: formats, and patterns of
// characters beyond ASCII.
inline nlohmann::json without_formats(nlohmann::json json) {
  if (json.is_object()) {
    if (json.contains("format") && json["format"].is_string()) json.erase("format");
    if (json.contains("pattern") && json["pattern"].is_string() &&
        json["pattern"].get_ref<const std::string&>().find("\\u") != std::string::npos) {
      json.erase("pattern");
    }
  }
  if (json.is_structured()) {
    for (auto& value : json) value = without_formats(std::move(value));
  }
  return json;
}

// Why the value is not as the schema says; empty where it is.
inline std::string misfit(const Json& description, const Json& schema, const Json& value) {
  nlohmann::json text{{"allOf", nlohmann::json::array({nlohmann::json(schema)})}};
  text["components"]["schemas"] = description.at("components").at("schemas");
  text = without_formats(std::move(text));
  valijson::Schema compiled;
  valijson::SchemaParser parser(valijson::SchemaParser::kDraft7);
  parser.populateSchema(valijson::adapters::NlohmannJsonAdapter(text), compiled);
  const nlohmann::json plain = value;
  valijson::ValidationResults results;
  if (valijson::Validator().validate(compiled, valijson::adapters::NlohmannJsonAdapter(plain),
                                     &results)) {
    return {};
  }
  std::string why = dump(value) + " is not as " + dump(schema) + " says:";
  for (const auto& error : results) {
    why += "\n ";
    for (const auto& step : error.context) why += " " + step;
    why += ": " + error.description;
  }
  return why;
}

}  // namespace mesh::test
