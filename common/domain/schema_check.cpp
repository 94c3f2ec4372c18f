#include "common/domain/schema_check.h"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include "common/base/time.h"

namespace mesh {
namespace {

using PlainJson = nlohmann::json;  // the schema library knows no ordered objects
constexpr std::size_t kMaxViolations = 20;

bool is_text(const Json& value, std::size_t longest) {
  if (!value.is_string()) return false;
  const auto& text = value.get_ref<const std::string&>();
  if (text.empty() || text.find('\0') != std::string::npos) return false;
  if (text.size() <= longest) return true;
  const auto code_points = std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  });
  return static_cast<std::size_t>(code_points) <= longest;
}

bool is_date_time(const Json& value) {
  return value.is_string() && parse_rfc3339(value.get_ref<const std::string&>()).has_value();
}

bool conforms_analytics(const Json& data) {
  int required = 0;
  for (const auto& [name, value] : data.get_ref<const Json::object_t&>()) {
    if (name == "user_id") {
      if (!is_text(value, 256)) return false;
      ++required;
    } else if (name == "event_type") {
      if (!is_text(value, 128)) return false;
      ++required;
    } else if (name == "timestamp") {
      if (!is_date_time(value)) return false;
    } else if (name == "metadata") {
      if (!value.is_object()) return false;
    }
  }
  return required == 2;
}

bool conforms_chemical(const Json& data) {
  int required = 0;
  for (const auto& [name, value] : data.get_ref<const Json::object_t&>()) {
    if (name == "molecule_id" || name == "researcher") {
      if (!is_text(value, 256)) return false;
      ++required;
    } else if (name == "data") {
      if (!value.is_object()) return false;
      ++required;
    } else if (name == "timestamp") {
      if (!is_date_time(value)) return false;
    }
  }
  return required == 3;
}

bool is_without_nul(const Json& value) {
  return value.get_ref<const std::string&>().find('\0') == std::string::npos;
}

// The library checks "format" with std::regex, which overflows the stack on long strings, and stops
// measuring strings at a NUL; so both are checked here.
struct Compiled {
  valijson::Schema schema;
  std::vector<std::string> members;     // named by the schema, at the top level
  std::vector<std::string> date_times;  // those of them whose format is date-time
};

const Compiled& compiled(const EventTypeDef& type) {
  static const auto all = [] {
    std::map<std::string_view, std::unique_ptr<Compiled>> schemas;
    for (const auto& def : event_types()) {
      auto text = PlainJson::parse(def.schema);
      auto entry = std::make_unique<Compiled>();
      for (const auto& [name, property] : text.at("properties").items()) {
        entry->members.push_back(name);
        if (property.value("format", "") == "date-time") entry->date_times.push_back(name);
        property.erase("format");
      }
      valijson::SchemaParser parser(valijson::SchemaParser::kDraft7);
      parser.populateSchema(valijson::adapters::NlohmannJsonAdapter(text), entry->schema);
      schemas.emplace(def.type, std::move(entry));
    }
    return schemas;
  }();
  return *all.at(type.type);
}

// {"<root>", "[a]", "[0]"} → "/a/0" (RFC 6901).
std::string pointer(const std::vector<std::string>& context) {
  std::string text;
  for (std::size_t i = 1; i < context.size(); ++i) {
    std::string_view part = context[i];
    if (part.starts_with('[')) part = part.substr(1, part.size() - 2);
    text += '/';
    for (const char c : part) {
      if (c == '~') {
        text += "~0";
      } else if (c == '/') {
        text += "~1";
      } else {
        text += c;
      }
    }
  }
  return text;
}

// Says it the way the rest of the mesh does, and points at the member that is missing.
FieldError field_error(const valijson::ValidationResults::Error& error) {
  constexpr std::string_view kMissing = "Missing required property '";
  FieldError field{pointer(error.context), error.description};
  if (field.detail.starts_with(kMissing)) {
    const auto name = field.detail.substr(kMissing.size());
    field.pointer += "/" + name.substr(0, name.find('\''));
    field.detail = "is required";
  } else if (field.detail.starts_with("Value type not permitted")) {
    field.detail = "has the wrong type";
  }
  return field;
}

// The library reports a failed member once more for each object around it.
bool is_echo(const valijson::ValidationResults::Error& error) {
  return error.description.starts_with("Failed to validate against schema associated") ||
         error.description.starts_with("Failed to validate against additional properties");
}

}  // namespace

bool conforms(const EventTypeDef& type, const Json& data) {
  if (!data.is_object()) return false;
  if (type.type == "analytics.recorded") return conforms_analytics(data);
  if (type.type == "chemical.recorded") return conforms_chemical(data);
  return false;
}

Status check_schema(const EventTypeDef& type, const Json& data) {
  const auto* known = find_event_type(type.type);
  if (!known) return {};
  Error error{ErrorKind::unprocessable,
              "the data does not match the schema of " + std::string(type.type),
              {},
              {},
              {}};
  const Compiled& schema = compiled(*known);
  const PlainJson plain = data;
  valijson::ValidationResults results;
  valijson::Validator().validate(schema.schema, valijson::adapters::NlohmannJsonAdapter(plain),
                                 &results);
  for (const auto& violation : results) {
    if (error.fields.size() == kMaxViolations) break;
    if (!is_echo(violation)) error.fields.push_back(field_error(violation));
  }
  const auto check_strings = [&](const std::vector<std::string>& names, auto good,
                                 const char* detail) {
    for (const auto& name : names) {
      const auto it = data.is_object() ? data.find(name) : data.end();
      if (it == data.end() || !it->is_string() || good(*it)) continue;
      if (error.fields.size() < kMaxViolations) error.fields.push_back({"/" + name, detail});
    }
  };
  check_strings(schema.date_times, is_date_time,
                "is not an RFC 3339 date-time such as 2026-11-21T08:32:00Z");
  check_strings(schema.members, is_without_nul, "contains a NUL character");
  if (results.numErrors() == 0 && error.fields.empty()) return {};
  return fail(std::move(error));
}

}  // namespace mesh
