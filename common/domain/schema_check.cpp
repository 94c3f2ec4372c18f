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

#include "common/base/json_members.h"
#include "common/base/time.h"

namespace mesh {
namespace {

using PlainJson = nlohmann::json;  // the schema library knows no ordered objects
constexpr std::size_t kMaxViolations = 20;

// minLength and maxLength count code points, which are never more than bytes: most texts are
// decided by their size.
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
  // Names are unique in what parse_json gives, so that counting the required ones tells whether all
  // are there.
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
  PlainJson text;
  std::vector<std::string> members;     // named by the schema, at the top level
  std::vector<std::string> date_times;  // those of them whose format is date-time
};

const Compiled& compiled(const EventTypeDef& type) {
  // All at once, so that a schema that does not compile shows at the first check of whatever type.
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
      entry->text = std::move(text);
      schemas.emplace(def.type, std::move(entry));
    }
    return schemas;
  }();
  return *all.at(type.type);
}

// {"<root>", "[a]", "[0]"} → {"a", "0"}.
std::vector<std::string> path_of(const std::vector<std::string>& context) {
  std::vector<std::string> path;
  for (std::size_t i = 1; i < context.size(); ++i) {
    const std::string& part = context[i];
    path.push_back(part.starts_with('[') ? part.substr(1, part.size() - 2) : part);
  }
  return path;
}

std::string pointer(const std::vector<std::string>& path) {
  Json::json_pointer at;
  for (const auto& part : path) at /= part;
  return at.to_string();
}

bool has_type(const PlainJson& value, std::string_view type) {
  return type == "object"    ? value.is_object()
         : type == "string"  ? value.is_string()
         : type == "integer" ? value.is_number_integer()
         : type == "boolean" ? value.is_boolean()
                             : true;
}

const PlainJson* member(const PlainJson* of, const std::string& name) {
  if (of == nullptr || !of->is_object()) return nullptr;
  const auto it = of->find(name);
  return it == of->end() ? nullptr : &*it;
}

// The library tells what it found in prose alone, and a failed member once more for each object
// around it. So its errors say where to look; what is missing or of another type is seen here, and
// an error around one that was told is left out.
class Violations {
 public:
  Violations(const PlainJson& schema, const PlainJson& data) : schema_(schema), data_(data) {}

  void add(const valijson::ValidationResults::Error& error) {
    const auto path = path_of(error.context);
    const PlainJson* schema = &schema_;
    const PlainJson* value = &data_;
    for (const auto& part : path) {
      // A member that the schema does not name is judged by additionalProperties, as those of
      // rate_limits are.
      const PlainJson* named = member(member(schema, "properties"), part);
      schema = named != nullptr ? named : member(schema, "additionalProperties");
      value = member(value, part);
    }
    if (missing(path, schema, value)) return;
    const PlainJson* type = member(schema, "type");
    if (type != nullptr && value != nullptr && !has_type(*value, type->get<std::string>())) {
      return tell(path, "has the wrong type");
    }
    // The library tells of the inner place first, so what was told before decides about the objects
    // around it.
    const bool around = std::any_of(told_.begin(), told_.end(), [&](const auto& inner) {
      return inner.size() > path.size() && std::equal(path.begin(), path.end(), inner.begin());
    });
    if (!around) tell(path, error.description);
  }
  bool full() const { return fields_.size() >= kMaxViolations; }
  std::vector<FieldError> take() { return std::move(fields_); }

 private:
  bool missing(std::vector<std::string> path, const PlainJson* schema, const PlainJson* value) {
    const PlainJson* required = member(schema, "required");
    if (required == nullptr || value == nullptr || !value->is_object()) return false;
    bool any = false;
    for (const auto& name : *required) {
      if (value->contains(name.get<std::string>())) continue;
      any = true;
      path.push_back(name.get<std::string>());
      tell(path, "is required");
      path.pop_back();
    }
    return any;
  }

  void tell(const std::vector<std::string>& path, std::string detail) {
    FieldError field{pointer(path), std::move(detail)};
    if (full() || std::find(fields_.begin(), fields_.end(), field) != fields_.end()) return;
    fields_.push_back(std::move(field));
    told_.push_back(path);
  }

  const PlainJson& schema_;
  const PlainJson& data_;
  std::vector<FieldError> fields_;
  std::vector<std::vector<std::string>> told_;  // the paths of fields_
};

}  // namespace

bool conforms(const EventTypeDef& type, const Json& data) {
  if (!data.is_object()) return false;
  if (type.type == "analytics.recorded") return conforms_analytics(data);
  if (type.type == "chemical.recorded") return conforms_chemical(data);
  return false;
}

Status check_schema(const EventTypeDef& type, const Json& data) {
  // Schemas are compiled for the catalogue's types alone; a type that a caller made up has none to
  // break.
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
  Violations violations(schema.text, plain);
  for (const auto& violation : results) {
    if (violations.full()) break;
    violations.add(violation);
  }
  error.fields = violations.take();
  const auto check_strings = [&](const std::vector<std::string>& names, auto good,
                                 const char* detail) {
    for (const auto& name : names) {
      const auto it = data.is_object() ? data.find(name) : data.end();
      if (it == data.end() || !it->is_string() || good(*it)) continue;
      if (error.fields.size() < kMaxViolations) error.fields.push_back({pointer_to(name), detail});
    }
  };
  check_strings(schema.date_times, is_date_time,
                "is not an RFC 3339 date-time such as 2026-11-21T08:32:00Z");
  check_strings(schema.members, is_without_nul, "contains a NUL character");
  // Both are asked: an error of the library of which nothing was told must not pass for a success.
  if (results.numErrors() == 0 && error.fields.empty()) return {};
  return fail(std::move(error));
}

}  // namespace mesh
