#include "common/domain/event_filter.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "common/base/json_members.h"
#include "common/base/strings.h"

namespace mesh {
namespace {

using Op = Condition::Op;
using Declared = std::map<std::string, FieldKind, std::less<>>;

constexpr std::size_t kMaxCondition = 4 << 10;  // bytes
constexpr std::size_t kMaxValues = 64;

struct OpText {
  std::string_view text;
  Op op;
};
// Those of two characters first, since each of them begins with one of the others.
constexpr OpText kOps[] = {{"!=", Op::unequal}, {"<=", Op::at_most}, {">=", Op::at_least},
                           {"=", Op::equal},    {"<", Op::less},     {">", Op::greater}};

bool orders(Op op) { return op != Op::equal && op != Op::unequal; }

tl::unexpected<Error> bad_condition(std::string_view text, const std::string& why) {
  return fail(ErrorKind::invalid, "the filter \"" + std::string(text) + "\" " + why);
}

std::string declared_names(const Declared& declared) {
  std::vector<std::string> names;
  for (const auto& [name, kind] : declared) names.push_back(name);
  return names.empty() ? "this type declares none" : "declared are " + join(names, ", ");
}

std::optional<FieldValue> value_of(const Json& json) {
  if (json.is_string()) return json.get<std::string>();
  if (json.is_number()) return json.get<double>();
  return std::nullopt;
}

Json value_json(const FieldValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  // Whole numbers as such: 3 and not 3.0.
  const double number = std::get<double>(value);
  if (number == std::trunc(number) && std::abs(number) < 9007199254740992.0) {
    return static_cast<std::int64_t>(number);
  }
  return number;
}

// How values are compared where the kind is declared, or where only the values know it.
struct ComparedField {
  std::string name;
  std::optional<FieldKind> kind;
};

Result<ComparedField> field_of(std::string_view text, std::string_view name,
                               const Declared& declared, std::string_view open) {
  if (name.empty()) return bad_condition(text, "names no field before its operator");
  if (const auto it = declared.find(name); it != declared.end()) {
    return ComparedField{it->first, it->second};
  }
  if (open.empty()) {
    return bad_condition(text, "names the field \"" + std::string(name) +
                                   "\", which the type does not declare; " +
                                   declared_names(declared));
  }
  const std::string below = std::string(open) + ".";
  return ComparedField{name.starts_with(below) ? std::string(name) : below + std::string(name), {}};
}

// Those between `|`, trimmed; what stands behind a backslash is a character as any other.
std::vector<std::string> values_of(std::string_view text) {
  std::vector<std::string> values(1);
  std::size_t kept = 0;  // of the last one: what is behind are spaces
  const auto finish = [&] { values.back().resize(kept); };
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string& value = values.back();
    if (text[i] == '\\' && i + 1 < text.size()) {
      value += text[++i];
      kept = value.size();
    } else if (text[i] == '|') {
      finish();
      values.emplace_back();
      kept = 0;
    } else if (!trim(text.substr(i, 1)).empty()) {
      value += text[i];
      kept = value.size();
    } else if (kept > 0) {
      value += text[i];
    }
  }
  finish();
  return values;
}

}  // namespace

Result<Condition> parse_condition(std::string_view text, const Declared& declared,
                                  std::string_view open) {
  if (text.size() > kMaxCondition) {
    return fail(ErrorKind::invalid, "a filter is over " + std::to_string(kMaxCondition) + " bytes");
  }
  const auto at = text.find_first_of("=!<>");
  const auto* const found =
      at == text.npos ? std::end(kOps) : std::ranges::find_if(kOps, [&](const OpText& op) {
        return text.substr(at).starts_with(op.text);
      });
  if (found == std::end(kOps)) {
    return bad_condition(text, "has no operator: write FIELD=VALUE, !=, <, <=, > or >=");
  }
  auto field = MESH_TRY(field_of(text, trim(text.substr(0, at)), declared, open));
  Condition condition{std::move(field.name), found->op, {}};
  if (orders(condition.op) && field.kind == FieldKind::keyword) {
    return bad_condition(text, "orders " + condition.field +
                                   ", which is a keyword; keywords are compared by = and !=");
  }
  const std::string_view values = text.substr(at + found->text.size());
  const bool numbers = orders(condition.op) || field.kind == FieldKind::number;
  for (const auto& value : values_of(values)) {
    const auto number = parse_double(value);
    if (numbers && !number) {
      return bad_condition(
          text, "compares " + condition.field + " with \"" + value + "\", which is no number");
    }
    if (!numbers) condition.values.emplace_back(value);
    if (number && field.kind != FieldKind::keyword) condition.values.emplace_back(*number);
  }
  if (orders(condition.op) && condition.values.size() != 1) {
    return bad_condition(text, "orders by several values; alternatives go with = and != only");
  }
  if (condition.values.size() > kMaxValues) {
    return bad_condition(text, "has over " + std::to_string(kMaxValues) + " values");
  }
  return condition;
}

bool compares(const Condition& condition, const FieldValue& value) {
  return std::ranges::any_of(condition.values, [&](const FieldValue& wanted) {
    if (!orders(condition.op)) return value == wanted;
    const auto* number = std::get_if<double>(&value);
    const auto* bound = std::get_if<double>(&wanted);
    if (number == nullptr || bound == nullptr) return false;
    switch (condition.op) {
      case Op::less:
        return *number < *bound;
      case Op::at_most:
        return *number <= *bound;
      case Op::greater:
        return *number > *bound;
      default:
        return *number >= *bound;
    }
  });
}

bool holds(const EventFilter& filter, const FieldValues& fields) {
  return std::ranges::all_of(filter, [&](const Condition& condition) {
    const auto [first, last] = fields.equal_range(condition.field);
    const bool any = std::any_of(
        first, last, [&](const auto& field) { return compares(condition, field.second); });
    return any != (condition.op == Op::unequal);
  });
}

Json to_json(const FieldValues& fields) {
  Json json = Json::object();
  for (auto it = fields.begin(); it != fields.end();) {
    const auto last = fields.upper_bound(it->first);
    if (std::next(it) == last) {
      json[it->first] = value_json(it->second);
      ++it;
      continue;
    }
    Json& values = json[it->first] = Json::array();
    for (; it != last; ++it) values.push_back(value_json(it->second));
  }
  return json;
}

Result<FieldValues> fields_from_json(const Json& json) {
  if (!json.is_object()) return fail(ErrorKind::invalid, "fields must be an object of values");
  FieldValues fields;
  for (const auto& [name, member] : json.items()) {
    const Json one = Json::array({member});
    for (const auto& element : member.is_array() ? member : one) {
      auto value = value_of(element);
      if (!value) {
        return fail(ErrorKind::invalid, "the field " + pointer_to(name) +
                                            " must be a text, a number or an array of them");
      }
      fields.emplace(name, std::move(*value));
    }
  }
  return fields;
}

}  // namespace mesh
