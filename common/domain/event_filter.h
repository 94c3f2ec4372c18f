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
// Spaces around a field and around each value are no part of it. In a value a backslash stands
// before a character that is meant as such: `\|`, `\\`, and a space at an end.
//
// Where `open` is not empty, every text and number below that member is a field as well
// (Searchable::open): a name that is not declared is taken for one below it, so that "country=DE"
// asks for "metadata.country", as "metadata.country=DE" does. What kind such a field has is known
// by its values alone: "size=10" asks for the number and for the keyword.
Result<Condition> parse_condition(std::string_view text,
                                  const std::map<std::string, FieldKind, std::less<>>& declared,
                                  std::string_view open = {});

bool holds(const EventFilter& filter, const FieldValues& fields);
// Whether one value is what the condition compares with; of `unequal`, whether it is one of those
// that no value may be. For engines that keep values in a form of their own.
bool compares(const Condition& condition, const FieldValue& value);

// {"country":"DE","tags":["a","b"]}: names in order, an array where a field has several values.
Json to_json(const FieldValues& fields);
// Reads the same. `invalid` for what is no text, number or array of them.
Result<FieldValues> fields_from_json(const Json& json);

}  // namespace mesh
