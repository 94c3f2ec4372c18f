#include "common/domain/schema_check.h"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/json_members.h"
#include "common/base/time.h"
#include "common/domain/json_schema.h"

namespace mesh {
namespace {

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

// The library stops measuring strings at a NUL, so that is checked here.
struct Compiled {
  std::shared_ptr<const JsonSchema> schema;
  std::vector<std::string> members;  // named by the schema, at the top level
};

const Compiled& compiled(const EventTypeDef& type) {
  // All at once, so that a schema that does not compile shows at the first check of whatever type.
  static const auto all = [] {
    std::map<std::string_view, Compiled> schemas;
    for (const auto& def : event_types()) {
      const Json text = Json::parse(def.schema);
      Compiled entry{JsonSchema::compile(text).value(), {}};
      for (const auto& [name, property] : text.at("properties").items()) {
        entry.members.push_back(name);
      }
      schemas.emplace(def.type, std::move(entry));
    }
    return schemas;
  }();
  return all.at(type.type);
}

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
  error.fields = schema.schema->violations(data);
  for (const auto& name : schema.members) {
    const auto it = data.is_object() ? data.find(name) : data.end();
    if (it == data.end() || !it->is_string() || is_without_nul(*it)) continue;
    if (error.fields.size() < JsonSchema::kMaxViolations) {
      error.fields.push_back({pointer_to(name), "contains a NUL character"});
    }
  }
  if (error.fields.empty()) return {};
  return fail(std::move(error));
}

}  // namespace mesh
