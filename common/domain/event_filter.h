// Filters over the fields of events that a type declares: "country=DE", "amount>=10".
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/error.h"
#include "common/base/json.h"

namespace mesh {

// A keyword, compared byte by byte, or a number.
using FieldValue = std::variant<std::string, double>;
// By the field's name. A field of several values (an array of the event) has each.
using FieldValues = std::multimap<std::string, FieldValue, std::less<>>;

enum class FieldKind { keyword, number };

struct Condition {
  enum class Op { equal, unequal, less, at_most, greater, at_least };
  std::string field;
  Op op = Op::equal;
  std::vector<FieldValue> values;  // any of them; several only with `equal` and `unequal`
};

// All of them hold. `unequal`: no value of the field is one of these, also where it has none.
using EventFilter = std::vector<Condition>;

// Reads "country=DE", "country=DE|AT", "country!=DE", "amount>=10", "amount<3.5". `invalid` for
// what does not read, names a field that is not declared (with those that are), or orders keywords.
Result<Condition> parse_condition(std::string_view text,
                                  const std::map<std::string, FieldKind, std::less<>>& declared);

bool holds(const EventFilter& filter, const FieldValues& fields);

// {"country":"DE","tags":["a","b"]}
Json to_json(const FieldValues& fields);
Result<FieldValues> fields_from_json(const Json& json);

}  // namespace mesh
