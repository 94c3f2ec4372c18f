#include "common/domain/json_schema.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include "common/base/pattern.h"
#include "common/base/strings.h"
#include "common/base/time.h"

namespace mesh {
namespace {

using PlainJson = nlohmann::json;  // the schema library knows no ordered objects
using valijson::adapters::NlohmannJsonAdapter;

// What the library would judge by std::regex stands under these names, which it does not know.
constexpr const char* kPattern = "mesh-pattern";
constexpr const char* kFormat = "mesh-format";
constexpr std::size_t kMaxTold = 2000;  // nodes of data of which it is told where it is wrong

// A judgement of texts; other values pass.
class TextConstraint : public valijson::constraints::PolyConstraint {
 public:
  bool validate(const valijson::adapters::Adapter& target, const std::vector<std::string>& context,
                valijson::ValidationResults* results) const override {
    if (!target.isString() || passes(target.getString())) return true;
    if (results != nullptr) results->pushError(context, complaint());
    return false;
  }

 private:
  virtual bool passes(const std::string& text) const = 0;
  virtual std::string complaint() const = 0;
};

class PatternConstraint final : public TextConstraint {
 public:
  PatternConstraint(Pattern pattern, std::string text)
      : pattern_(std::move(pattern)), text_(std::move(text)) {}

 private:
  bool passes(const std::string& text) const override { return pattern_.found_in(text); }
  std::string complaint() const override { return "does not match the pattern " + text_; }
  Constraint* cloneInto(void* place) const override { return new (place) PatternConstraint(*this); }
  std::size_t sizeOf() const override { return sizeof(PatternConstraint); }

  Pattern pattern_;
  std::string text_;
};

class DateTimeConstraint final : public TextConstraint {
  bool passes(const std::string& text) const override { return parse_rfc3339(text).has_value(); }
  std::string complaint() const override {
    return "is not an RFC 3339 date-time such as 2026-11-21T08:32:00Z";
  }
  Constraint* cloneInto(void* place) const override {
    return new (place) DateTimeConstraint(*this);
  }
  std::size_t sizeOf() const override { return sizeof(DateTimeConstraint); }
};

// The library tells of what it does not take by exceptions; so do these, which it calls.
struct PatternBuilder final : valijson::ConstraintBuilder {
  valijson::constraints::Constraint* make(const valijson::adapters::Adapter& value) const override {
    const std::string text = value.asString();
    auto pattern = Pattern::parse(text);
    if (!pattern) throw std::runtime_error(pattern.error().message);
    return new PatternConstraint(std::move(*pattern), text);
  }
};

struct FormatBuilder final : valijson::ConstraintBuilder {
  valijson::constraints::Constraint* make(const valijson::adapters::Adapter& value) const override {
    if (value.asString() != "date-time") throw std::runtime_error("a format is date-time alone");
    return new DateTimeConstraint();
  }
};

void rename(PlainJson& schema, const char* from, const char* to) {
  const auto it = schema.find(from);
  if (it == schema.end()) return;
  schema[to] = std::move(*it);
  schema.erase(from);
}

// Draft 7 takes 1.0 for an integer, the library does not; beyond 2^53 a double holds no integer for
// sure.
void settle_numbers(PlainJson& value) {
  constexpr double kExact = 9007199254740992.0;
  if (value.is_structured()) {
    for (auto& part : value) settle_numbers(part);
  } else if (value.is_number_float()) {
    const double number = value.get<double>();
    if (std::abs(number) < kExact && std::trunc(number) == number) {
      value = static_cast<std::int64_t>(number);
    }
  }
}

std::size_t nodes(const PlainJson& value) {
  std::size_t count = 1;
  if (value.is_structured()) {
    for (const auto& part : value) count += nodes(part);
  }
  return count;
}

// `pattern` and `format` of the schema and of all within get their other names; a property may be
// called so as well. A whole multipleOf becomes a double, or the library cuts what it measures
// (5.9 would be a multiple of 5).
void take_over(PlainJson& schema) {
  if (!schema.is_object()) return;
  rename(schema, "pattern", kPattern);
  rename(schema, "format", kFormat);
  if (const auto it = schema.find("multipleOf"); it != schema.end() && it->is_number()) {
    *it = it->get<double>();
  }
  for (auto& [keyword, value] : schema.items()) {
    if (keyword == "properties" || keyword == "allOf" || keyword == "anyOf" || keyword == "oneOf") {
      for (auto& part : value) take_over(part);
    } else if (keyword == "items" || keyword == "additionalProperties" || keyword == "not" ||
               keyword == "if" || keyword == "then" || keyword == "else") {
      take_over(value);
    } else if (keyword == "const" || keyword == "enum") {
      settle_numbers(value);
    }
  }
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

bool is_of(const PlainJson& value, const PlainJson& type) {
  if (type.is_array()) {
    return std::ranges::any_of(type, [&](const auto& one) { return is_of(value, one); });
  }
  return type == "object"    ? value.is_object()
         : type == "array"   ? value.is_array()
         : type == "string"  ? value.is_string()
         : type == "integer" ? value.is_number_integer()
         : type == "number"  ? value.is_number()
         : type == "boolean" ? value.is_boolean()
         : type == "null"    ? value.is_null()
                             : true;
}

const PlainJson* member(const PlainJson* of, const std::string& name) {
  if (of == nullptr || !of->is_object()) return nullptr;
  const auto it = of->find(name);
  return it == of->end() ? nullptr : &*it;
}

const PlainJson* element(const PlainJson& of, const std::string& index) {
  const auto number = parse_int(index);
  if (!number || *number < 0 || static_cast<std::size_t>(*number) >= of.size()) return nullptr;
  return &of[static_cast<std::size_t>(*number)];
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
      if (value != nullptr && value->is_array()) {
        schema = member(schema, "items");
        value = element(*value, part);
        continue;
      }
      // A member that the schema does not name is judged by additionalProperties, as those of
      // rate_limits are.
      const PlainJson* named = member(member(schema, "properties"), part);
      schema = named != nullptr ? named : member(schema, "additionalProperties");
      value = member(value, part);
    }
    if (missing(path, schema, value)) return;
    const PlainJson* type = member(schema, "type");
    if (type != nullptr && value != nullptr && !is_of(*value, *type)) {
      return tell(path, "has the wrong type");
    }
    // The library tells of the inner place first, so what was told before decides about the objects
    // around it.
    const bool around = std::any_of(told_.begin(), told_.end(), [&](const auto& inner) {
      return inner.size() > path.size() && std::equal(path.begin(), path.end(), inner.begin());
    });
    if (!around) tell(path, error.description);
  }
  bool full() const { return fields_.size() >= JsonSchema::kMaxViolations; }
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

struct JsonSchema::Compiled {
  valijson::Schema schema;
  PlainJson text;
};

JsonSchema::JsonSchema() : compiled_(std::make_unique<Compiled>()) {}
JsonSchema::~JsonSchema() = default;

Result<std::shared_ptr<const JsonSchema>> JsonSchema::compile(const Json& schema) {
  std::shared_ptr<JsonSchema> made(new JsonSchema());
  made->compiled_->text = schema;
  take_over(made->compiled_->text);
  try {
    valijson::SchemaParser parser(valijson::SchemaParser::kDraft7);
    parser.addConstraintBuilder(kPattern, new PatternBuilder());
    parser.addConstraintBuilder(kFormat, new FormatBuilder());
    parser.populateSchema(NlohmannJsonAdapter(made->compiled_->text), made->compiled_->schema);
  } catch (const std::exception& e) {
    return fail(
        {ErrorKind::unprocessable, "the schema cannot be compiled", e.what(), {{"", e.what()}}});
  }
  return std::shared_ptr<const JsonSchema>(std::move(made));
}

std::vector<FieldError> JsonSchema::violations(const Json& value) const {
  PlainJson plain = value;
  settle_numbers(plain);
  const NlohmannJsonAdapter adapter(plain);
  if (valijson::Validator().validate(compiled_->schema, adapter, nullptr)) return {};
  // The library's list of what is wrong has no bound, and each entry its whole path.
  if (nodes(plain) > kMaxTold) {
    return {{"", "does not match the schema; it is too large to say where"}};
  }
  valijson::ValidationResults results;
  valijson::Validator().validate(compiled_->schema, adapter, &results);
  Violations violations(compiled_->text, plain);
  for (const auto& violation : results) {
    if (violations.full()) break;
    violations.add(violation);
  }
  auto fields = violations.take();
  // An error of the library of which nothing was told must not pass for a success.
  if (fields.empty()) fields.push_back({"", "does not match the schema"});
  return fields;
}

}  // namespace mesh
