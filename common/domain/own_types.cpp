#include "common/domain/own_types.h"

#include <algorithm>

#include "common/base/json_members.h"
#include "common/domain/catalogue.h"
#include "common/domain/schema_compat.h"
#include "common/domain/schema_rules.h"

namespace mesh {
namespace {

constexpr std::size_t kMaxMemberName = 1024;  // bytes

bool has_nul(const std::string& text) { return text.find('\0') != text.npos; }

// Whether no text has a NUL and no name is so long that places are dear to tell: the schema is
// asked only then. Without places, since almost all data is.
bool is_plain(const Json& value) {
  if (value.is_string()) return !has_nul(value.get_ref<const std::string&>());
  if (value.is_array()) return std::ranges::all_of(value, is_plain);
  if (!value.is_object()) return true;
  for (const auto& [name, member] : value.items()) {
    if (name.size() > kMaxMemberName || has_nul(name) || !is_plain(member)) return false;
  }
  return true;
}

// Where it is not, as pointers; `at` is as before behind it. Nothing is told of what stands below a
// name that is too long.
void find_not_plain(const Json& value, std::string& at, std::vector<FieldError>& found) {
  if (found.size() >= JsonSchema::kMaxViolations) return;
  const std::size_t length = at.size();
  if (value.is_string() && has_nul(value.get_ref<const std::string&>())) {
    found.push_back({at, "contains a NUL character"});
  } else if (value.is_object()) {
    for (const auto& [name, member] : value.items()) {
      if (has_nul(name)) found.push_back({at, "has a member whose name contains a NUL character"});
      if (name.size() > kMaxMemberName) {
        found.push_back(
            {at, "has a member whose name is over " + std::to_string(kMaxMemberName) + " bytes"});
        continue;
      }
      at += pointer_to(name);
      find_not_plain(member, at, found);
      at.resize(length);
    }
  } else if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      at += "/" + std::to_string(i);
      find_not_plain(value[i], at, found);
      at.resize(length);
    }
  }
}

void append(std::vector<FieldError>& fields, const std::vector<FieldError>& more) {
  fields.insert(fields.end(), more.begin(), more.end());
}

// What is wrong with a schema that was not there so before.
std::vector<FieldError> faults(const std::string& type, const Json& schema, const Json* before) {
  const std::string at = "/types" + pointer_to(type);
  if (auto name = check_type_name(type); !name) return {{at, name.error().message}};
  const auto checked = checked_schema(schema, at);
  if (!checked) return checked.error().fields;
  if (auto compiled = JsonSchema::compile(*checked); !compiled) {
    return {{at, "cannot be compiled: " + compiled.error().cause}};
  }
  // One that cannot be read any more promises nothing.
  const auto old = before != nullptr ? checked_schema(*before) : Result<Json>(false);
  auto reasons = old ? incompatibilities(*old, *checked) : std::vector<FieldError>();
  for (auto& reason : reasons) reason.pointer.insert(0, at);
  return reasons;
}

}  // namespace

Status check_type_name(std::string_view type) {
  const auto no = [](std::string message) {
    return fail(ErrorKind::unprocessable, std::move(message));
  };
  if (find_event_type(type) != nullptr) return no("is a type of the catalogue, which has a schema");
  const auto topic = topic_of_unknown_type(type);
  if (!topic) return no(topic.error().message);
  return {};
}

Status check_types(const TypeSchemas& types, const TypeSchemas& before) {
  Error error{ErrorKind::unprocessable, "the types are not valid", {}, {}, {}};
  std::size_t bytes = 0;
  for (const auto& [type, schema] : types) {
    bytes += type.size() + dump(schema).size();
    const auto old = before.find(type);
    const bool known = old != before.end();
    if (known && old->second == schema) continue;
    append(error.fields, faults(type, schema, known ? &old->second : nullptr));
  }
  if (types.size() > kMaxOwnTypes) {
    error.fields.push_back({"/types", "are more than " + std::to_string(kMaxOwnTypes)});
  }
  if (bytes > kMaxTypesBytes) {
    error.fields.push_back(
        {"/types", "are together over " + std::to_string(kMaxTypesBytes) + " bytes"});
  }
  if (error.fields.empty()) return {};
  if (error.fields.size() > JsonSchema::kMaxViolations) {
    error.fields.resize(JsonSchema::kMaxViolations);
  }
  return fail(std::move(error));
}

Status check_search(const Searchables& search, const TypeSchemas& types) {
  Error error{ErrorKind::unprocessable, "what is searchable is not valid", {}, {}, {}};
  for (const auto& [type, searchable] : search) {
    const auto* known = find_event_type(type);
    if (types.contains(type) || (known != nullptr && known->publishable)) continue;
    error.fields.push_back({"/search" + pointer_to(type),
                            "is no type of the tenant, and none of the catalogue's activities: "
                            "register it, or leave this out"});
  }
  if (error.fields.empty()) return {};
  if (error.fields.size() > JsonSchema::kMaxViolations) {
    error.fields.resize(JsonSchema::kMaxViolations);
  }
  return fail(std::move(error));
}

OwnTypes compile_types(const TypeSchemas& types) {
  OwnTypes compiled;
  for (const auto& [type, schema] : types) {
    const auto checked = checked_schema(schema);
    auto one = checked ? JsonSchema::compile(*checked)
                       : Result<std::shared_ptr<const JsonSchema>>(fail(checked.error()));
    compiled[type] = one ? std::move(*one) : nullptr;
  }
  return compiled;
}

Status check_own(std::string_view type, const JsonSchema& schema, const Json& data) {
  std::vector<FieldError> fields;
  if (is_plain(data)) {
    fields = schema.violations(data);
  } else {
    std::string at;
    find_not_plain(data, at, fields);
  }
  if (fields.empty()) return {};
  if (fields.size() > JsonSchema::kMaxViolations) fields.resize(JsonSchema::kMaxViolations);
  return fail({ErrorKind::unprocessable,
               "the data does not match the schema of " + std::string(type),
               {},
               std::move(fields),
               {}});
}

}  // namespace mesh
