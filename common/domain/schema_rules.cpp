#include "common/domain/schema_rules.h"

#include <algorithm>
#include <array>

#include "common/base/json_members.h"
#include "common/base/pattern.h"

namespace mesh {
namespace {

constexpr std::array<std::string_view, 7> kAnnotations{
    "title", "description", "$comment", "default", "examples", "readOnly", "writeOnly"};
constexpr std::array<std::string_view, 7> kTypeNames{"null",   "boolean", "object", "array",
                                                     "number", "integer", "string"};
constexpr std::array<std::string_view, 6> kCounts{"minLength", "maxLength",     "minItems",
                                                  "maxItems",  "minProperties", "maxProperties"};
constexpr std::array<std::string_view, 5> kBounds{"minimum", "maximum", "exclusiveMinimum",
                                                  "exclusiveMaximum", "multipleOf"};
constexpr std::array<std::string_view, 3> kLists{"allOf", "anyOf", "oneOf"};
constexpr std::array<std::string_view, 6> kParts{
    "items", "additionalProperties", "not", "if", "then", "else"};
constexpr std::string_view kDefinitions = "#/definitions/";
constexpr std::size_t kMaxFields = 20;

template <typename List>
bool among(const List& names, std::string_view name) {
  return std::ranges::find(names, name) != std::end(names);
}

// What RFC 6901 writes for / and ~.
std::string unescaped(std::string_view token) {
  std::string name;
  for (std::size_t i = 0; i < token.size(); ++i) {
    const bool escape = token[i] == '~' && i + 1 < token.size();
    if (!escape) {
      name += token[i];
    } else {
      name += token[++i] == '1' ? '/' : '~';
    }
  }
  return name;
}

class Checker {
 public:
  Checker(const Json& root, std::string at) : root_(root), at_(std::move(at)) {}

  Result<Json> run() {
    if (!root_.is_object()) {
      wrong("", "must be a JSON Schema, which is an object");
    } else if (dump(root_).size() > kMaxSchemaBytes) {
      wrong("", "is over " + std::to_string(kMaxSchemaBytes) + " bytes");
    }
    Json schema = fields_.empty() ? part(root_, "", 1) : Json();
    // Also those that nothing refers to: what is broken there is a slip.
    const auto definitions = root_.is_object() ? root_.find("definitions") : root_.end();
    if (fields_.empty() && definitions != root_.end()) {
      if (!definitions->is_object()) {
        wrong("/definitions", "must be an object of schemas");
      } else {
        steps_ = 0;  // nothing is held to these but what was counted
        for (const auto& [name, one] : definitions->items()) {
          (void)part(one, "/definitions" + pointer_to(name), 1);
        }
      }
    }
    if (fields_.empty()) return schema;
    return fail({ErrorKind::unprocessable,
                 "the schema is not one that events can be held to",
                 {},
                 std::move(fields_)});
  }

 private:
  void wrong(const std::string& where, std::string detail) {
    FieldError field{at_ + where, std::move(detail)};
    if (fields_.size() < kMaxFields && std::ranges::find(fields_, field) == fields_.end()) {
      fields_.push_back(std::move(field));
    }
  }

  // The schema as it is compiled. What is wrong is told, and left out.
  Json part(const Json& schema, const std::string& where, int depth) {
    if (schema.is_boolean()) return schema;
    if (!schema.is_object()) {
      wrong(where, "must be a schema: an object, true or false");
      return true;
    }
    if (depth > kMaxSchemaDepth) {
      wrong(where, "is more than " + std::to_string(kMaxSchemaDepth) + " schemas deep");
      return true;
    }
    if (++parts_ > kMaxSchemaParts) {
      // Once, and nothing below: what refers to itself many times over would be told for ever.
      if (parts_ == kMaxSchemaParts + 1) {
        wrong("", "has more than " + std::to_string(kMaxSchemaParts) +
                      " schemas within, each $ref counted as what it names");
      }
      return true;
    }
    if (schema.contains("$ref")) return referred(schema, where, depth);
    Json taken = Json::object();
    for (const auto& [keyword, value] : schema.items()) {
      take(taken, keyword, value, where, depth);
    }
    return taken;
  }

  Json referred(const Json& schema, const std::string& where, int depth) {
    for (const auto& [keyword, value] : schema.items()) {
      if (keyword != "$ref" && keyword != "definitions" && !among(kAnnotations, keyword)) {
        wrong(where + pointer_to(keyword), "stands beside $ref, where draft 7 passes it over");
      }
    }
    const Json& ref = schema["$ref"];
    const std::string to = ref.is_string() ? ref.get<std::string>() : std::string();
    const auto definitions = root_.find("definitions");
    const auto name = to.starts_with(kDefinitions)
                          ? unescaped(std::string_view(to).substr(kDefinitions.size()))
                          : std::string();
    if (name.empty() || definitions == root_.end() || !definitions->contains(name)) {
      wrong(where + "/$ref",
            "must name a schema of this document's definitions, such as #/definitions/address");
      return true;
    }
    if (std::ranges::find(open_, name) != open_.end()) {
      wrong(where + "/$ref", "leads back to itself");
      return true;
    }
    open_.push_back(name);
    Json taken = part((*definitions)[name], "/definitions" + pointer_to(name), depth + 1);
    open_.pop_back();
    return taken;
  }

  void take(Json& taken, const std::string& keyword, const Json& value, const std::string& where,
            int depth) {
    const std::string here = where + pointer_to(keyword);
    if (among(kAnnotations, keyword)) return;
    if (where.empty() && keyword == "definitions") return;
    if (where.empty() && keyword == "$id") return;  // nothing is read from there
    if (where.empty() && keyword == "$schema") return draft(value, here);
    if (among(kParts, keyword)) {
      if (keyword == "items" && value.is_array()) {
        return wrong(here, "must be one schema of all elements; a list of schemas is not taken");
      }
      taken[keyword] = part(value, here, depth + 1);
    } else if (among(kLists, keyword)) {
      list(taken, keyword, value, here, depth);
    } else if (keyword == "properties") {
      if (!value.is_object()) return wrong(here, "must be an object of schemas");
      Json& properties = taken[keyword] = Json::object();
      for (const auto& [name, one] : value.items()) {
        properties[name] = part(one, here + pointer_to(name), depth + 1);
      }
    } else if (plain(keyword, value, here)) {
      taken[keyword] = value;
    }
  }

  void list(Json& taken, const std::string& keyword, const Json& value, const std::string& here,
            int depth) {
    if (!value.is_array() || value.empty()) return wrong(here, "must be a list of schemas");
    Json& schemas = taken[keyword] = Json::array();
    for (std::size_t i = 0; i < value.size(); ++i) {
      schemas.push_back(part(value[i], here + "/" + std::to_string(i), depth + 1));
    }
  }

  void draft(const Json& value, const std::string& here) {
    std::string text = value.is_string() ? value.get<std::string>() : std::string();
    if (text.ends_with('#')) text.pop_back();
    if (text != "http://json-schema.org/draft-07/schema" &&
        text != "https://json-schema.org/draft-07/schema") {
      wrong(here, "must be draft 7: http://json-schema.org/draft-07/schema#");
    }
  }

  // Keywords whose value holds no schema.
  bool plain(const std::string& keyword, const Json& value, const std::string& here) {
    const auto no = [&](std::string detail) {
      wrong(here, std::move(detail));
      return false;
    };
    if (keyword == "const") return true;
    if (keyword == "enum") {
      return (value.is_array() && !value.empty()) || no("must be a list of values");
    }
    if (keyword == "type") {
      const Json types = value.is_array() ? value : Json::array({value});
      const bool good = !types.empty() && std::ranges::all_of(types, [](const Json& type) {
        return type.is_string() && among(kTypeNames, type.get_ref<const std::string&>());
      });
      return good ||
             no("must be null, boolean, object, array, number, integer, string or a list of them");
    }
    if (keyword == "required") {
      const bool good = value.is_array() && std::ranges::all_of(value, [](const Json& name) {
                          return name.is_string();
                        });
      return good || no("must be a list of names");
    }
    if (among(kCounts, keyword)) {
      const auto number = whole_number(value);
      return (number && *number >= 0 && *number <= INT32_MAX) ||
             no("must be a whole number from 0 on");
    }
    if (among(kBounds, keyword)) {
      if (keyword == "multipleOf" && value.is_number() && value <= 0) return no("must be over 0");
      return value.is_number() || no("must be a number");
    }
    if (keyword == "pattern") {
      if (!value.is_string()) return no("must be a text");
      const auto pattern = Pattern::parse(value.get_ref<const std::string&>());
      if (!pattern) return no(pattern.error().message);
      steps_ += pattern->steps();
      return steps_ <= kMaxPatternSteps ||
             no("is one too many: the patterns are together over " +
                std::to_string(kMaxPatternSteps) +
                " steps, each $ref counted as what it names; a{100} takes a hundred");
    }
    if (keyword == "format") {
      return value == "date-time" || no("is not checked here; the one that is, is date-time");
    }
    if (keyword == "uniqueItems") {
      return no("is not taken: to check it takes time by the square of the elements");
    }
    return no("is not a keyword that is checked here (docs/api.md lists them)");
  }

  const Json& root_;
  const std::string at_;
  int parts_ = 0;
  std::size_t steps_ = 0;          // of patterns
  std::vector<std::string> open_;  // definitions that are being written out
  std::vector<FieldError> fields_;
};

}  // namespace

Result<Json> checked_schema(const Json& schema, const std::string& at) {
  return Checker(schema, at).run();
}

}  // namespace mesh
