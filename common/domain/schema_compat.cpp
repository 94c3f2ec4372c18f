#include "common/domain/schema_compat.h"

#include <algorithm>
#include <array>
#include <set>
#include <string>

#include "common/base/json_members.h"
#include "common/domain/json_schema.h"

namespace mesh {
namespace {

constexpr std::size_t kMaxReasons = 20;
constexpr std::array<std::string_view, 6> kAllTypes{"null",  "boolean", "object",
                                                    "array", "number",  "string"};
// What one comparison of two versions may take; alternatives within alternatives would take a time
// that is exponential in their depth.
constexpr int kMaxComparisons = 20'000;
constexpr int kDear = 20;        // comparisons, that a copy or a compilation counts as
constexpr int kNamesAlike = 10;  // as many required members count as one
const Json kAny = true;
const Json kNothing = nullptr;
constexpr std::string_view kV2 = "; or name the type anew, with .v2";

const Json& value_or(const Json& schema, const char* keyword, const Json& otherwise) {
  const auto it = schema.is_object() ? schema.find(keyword) : schema.end();
  return it == schema.end() ? otherwise : *it;
}
// A temporary would be gone before what is returned is looked at.
const Json& value_or(const Json& schema, const char* keyword, Json&& otherwise) = delete;

// The types that the schema lets through, each number as "number" unless it is an integer alone.
std::set<std::string> types_of(const Json& schema) {
  const auto it = schema.find("type");
  if (it == schema.end()) return {kAllTypes.begin(), kAllTypes.end()};
  if (it->is_string()) return {it->get<std::string>()};
  return it->get<std::set<std::string>>();
}

// Adds to `whole` what `part` says beside it of the bounds, of which the narrower one counts.
void unite(Json& whole, const Json& part) {
  if (!part.is_object()) return;
  for (const char* keyword :
       {"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"}) {
    const auto it = part.find(keyword);
    if (it != part.end() && (!whole.contains(keyword) || whole[keyword] < *it))
      whole[keyword] = *it;
  }
  for (const char* keyword :
       {"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"}) {
    const auto it = part.find(keyword);
    if (it != part.end() && (!whole.contains(keyword) || *it < whole[keyword]))
      whole[keyword] = *it;
  }
  if (const auto it = part.find("allOf"); it != part.end()) {
    for (const auto& within : *it) unite(whole, within);
  }
}

// All that a schema requires, with what stands within its allOf.
void add_required(const Json& schema, std::set<std::string>& names) {
  if (!schema.is_object()) return;
  if (const auto it = schema.find("required"); it != schema.end()) {
    for (const auto& name : *it) names.insert(name.get<std::string>());
  }
  if (const auto it = schema.find("allOf"); it != schema.end()) {
    for (const auto& part : *it) add_required(part, names);
  }
}

bool within(const std::set<std::string>& types, const std::string& type) {
  return types.contains(type) || (type == "integer" && types.contains("number"));
}

class Comparison {
 public:
  // `left` is what of the comparisons is left, of those that it begins too.
  explicit Comparison(int& left) : left_(left) {}

  // Whether `after` takes all that `before` takes; tells why not.
  bool covers(const Json& before, const Json& after, const std::string& at) {
    if (!spend(1)) return false;
    if (before == after || before == false || after == true) return true;
    if (after == false) return no(at, "takes nothing, and the old version takes values");
    const Json empty = Json::object();
    return both_objects(before == true ? empty : before, after, at);
  }
  std::vector<FieldError> take() { return std::move(reasons_); }

 private:
  bool no(const std::string& at, const std::string& reason) {
    FieldError field{at, reason + std::string(kV2)};
    if (reasons_.size() < kMaxReasons && std::ranges::find(reasons_, field) == reasons_.end()) {
      reasons_.push_back(std::move(field));
    }
    return false;
  }
  // False once nothing is left: then all that is asked is denied, and told at the end.
  bool spend(int comparisons) {
    left_ = std::max(left_ - comparisons, 0);
    return left_ > 0;
  }
  // The same question, of which nothing is told.
  bool silently_covers(const Json& before, const Json& after) {
    return Comparison(left_).covers(before, after, "");
  }

  bool both_objects(const Json& before, const Json& after, const std::string& at) {
    if (after.empty()) return true;
    // What is listed can be tried.
    if (before.contains("const")) return takes_each(Json::array({before["const"]}), after, at);
    if (before.contains("enum")) return takes_each(before["enum"], after, at);
    // All that is said of the old value at once: each alternative beside what stands around it.
    for (const char* keyword : {"anyOf", "oneOf"}) {
      if (!before.contains(keyword) || after.contains(keyword)) continue;
      return std::ranges::all_of(before[keyword], [&](const Json& part) {
        return spend(kDear) && covers(merged(before, part, keyword), after, at);
      });
    }
    const auto types = types_of(before);
    bool good = same_types(types, after, at);
    if (after.contains("const") || after.contains("enum")) {
      good = no(at + (after.contains("const") ? "/const" : "/enum"),
                "takes listed values alone, and the old version others too");
    }
    if (!before.contains("allOf")) return good & of_each_type(before, types, after, at);
    std::set<std::string> required;
    add_required(before, required);
    if (!spend(kDear + static_cast<int>(required.size()) / kNamesAlike)) return false;
    Json whole = before;
    for (const auto& part : before["allOf"]) unite(whole, part);
    if (!required.empty()) whole["required"] = required;
    return good & of_each_type(whole, types, after, at);
  }

  bool of_each_type(const Json& before, const std::set<std::string>& types, const Json& after,
                    const std::string& at) {
    bool good = true;
    if (types.contains("number") || types.contains("integer")) good &= numbers(before, after, at);
    if (types.contains("string")) good &= texts(before, after, at);
    if (types.contains("array")) good &= arrays(before, after, at);
    if (types.contains("object")) good &= objects(before, after, at);
    return good & combinations(before, after, at);
  }

  // `before` with one of its alternatives in place of all. Where both say the same, the
  // alternative alone: that takes no less than both. What is judged together goes together.
  static Json merged(const Json& before, const Json& part, const char* keyword) {
    if (part == false) return part;
    Json all = before;
    all.erase(keyword);
    if (!part.is_object()) return all;
    const std::initializer_list<const char*> groups[] = {{"properties", "additionalProperties"},
                                                         {"if", "then", "else"}};
    for (const auto& group : groups) {
      if (std::ranges::none_of(group, [&](const char* name) { return part.contains(name); })) {
        continue;
      }
      for (const char* name : group) all.erase(name);
    }
    for (const auto& [name, value] : part.items()) all[name] = value;
    return all;
  }

  bool takes_each(const Json& values, const Json& after, const std::string& at) {
    if (!spend(kDear)) return false;
    const auto schema = JsonSchema::compile(after);
    if (!schema) return no(at, "cannot be compiled");
    for (const auto& value : values) {
      const auto found = (*schema)->violations(value);
      if (!found.empty()) {
        return no(at, "does not take " + dump(value) + ", which the old version does");
      }
    }
    return true;
  }

  bool same_types(const std::set<std::string>& before, const Json& after, const std::string& at) {
    if (!after.contains("type")) return true;
    const auto now = types_of(after);
    for (const auto& type : before) {
      if (within(now, type)) continue;
      return no(at + "/type", "does not take " + type + ", which the old version does");
    }
    return true;
  }

  // A bound of the new version holds where the old one has one that is at least as narrow.
  bool at_least_as_narrow(const Json& before, const Json& after, const std::string& at,
                          const char* keyword, bool lower) {
    if (!after.contains(keyword)) return true;
    const Json& now = after[keyword];
    const auto it = before.find(keyword);
    if (it != before.end() && (lower ? *it >= now : *it <= now)) return true;
    return no(at + "/" + keyword, "is narrower than in the old version");
  }

  bool numbers(const Json& before, const Json& after, const std::string& at) {
    bool good = true;
    for (const bool lower : {true, false}) {
      const char* with = lower ? "minimum" : "maximum";
      const char* without = lower ? "exclusiveMinimum" : "exclusiveMaximum";
      const auto beyond = [&](const char* old, const Json& bound, bool strictly) {
        if (!before.contains(old)) return false;
        const Json& was = before[old];
        return (lower ? was > bound : was < bound) || (!strictly && was == bound);
      };
      if (after.contains(with) && !beyond(with, after[with], false) &&
          !beyond(without, after[with], false)) {
        good = no(at + "/" + with, "is narrower than in the old version");
      }
      if (after.contains(without) && !beyond(without, after[without], false) &&
          !beyond(with, after[without], true)) {
        good = no(at + "/" + without, "is narrower than in the old version");
      }
    }
    if (after.contains("multipleOf")) {
      const auto now = whole_number(after["multipleOf"]);
      const auto was = before.contains("multipleOf") ? whole_number(before["multipleOf"])
                                                     : std::optional<std::int64_t>();
      const bool same =
          before.contains("multipleOf") && before["multipleOf"] == after["multipleOf"];
      if (!same && !(now && was && *was % *now == 0)) {
        good = no(at + "/multipleOf", "is not plainly a divisor of the old version's");
      }
    }
    return good;
  }

  bool texts(const Json& before, const Json& after, const std::string& at) {
    bool good = at_least_as_narrow(before, after, at, "minLength", true);
    good &= at_least_as_narrow(before, after, at, "maxLength", false);
    return good & unchanged(before, after, at, {"pattern", "format"});
  }

  bool arrays(const Json& before, const Json& after, const std::string& at) {
    bool good = at_least_as_narrow(before, after, at, "minItems", true);
    good &= at_least_as_narrow(before, after, at, "maxItems", false);
    return good &
           covers(value_or(before, "items", kAny), value_or(after, "items", kAny), at + "/items");
  }

  bool objects(const Json& before, const Json& after, const std::string& at) {
    bool good = at_least_as_narrow(before, after, at, "minProperties", true);
    good &= at_least_as_narrow(before, after, at, "maxProperties", false);
    const Json none = Json::array();
    const auto required = value_or(before, "required", none).get<std::set<std::string>>();
    for (const auto& name : value_or(after, "required", none)) {
      if (required.contains(name.get<std::string>())) continue;
      good = no(at + "/required", "requires " + dump(name) + ", which the old version does not");
    }
    const Json empty = Json::object();
    const Json& was = value_or(before, "properties", empty);
    const Json& now = value_or(after, "properties", empty);
    const Json& others_were = value_or(before, "additionalProperties", kAny);
    const Json& others_are = value_or(after, "additionalProperties", kAny);
    for (const auto& [name, schema] : now.items()) {
      const bool known = was.contains(name);
      const std::string here = at + "/properties" + pointer_to(name);
      if (known || others_were != true) {
        good &= covers(known ? was[name] : others_were, schema, here);
      } else if (!silently_covers(true, schema)) {
        good = no(here, "is new, and the old version let any value stand there");
      }
    }
    for (const auto& [name, schema] : was.items()) {
      if (now.contains(name)) continue;
      if (others_are == false) {
        if (schema == false) continue;
        good = no(at + "/additionalProperties",
                  "no longer takes " + name + ", which the old version does");
      } else {
        good &= covers(schema, others_are, at + "/additionalProperties");
      }
    }
    return good & covers(others_were, others_are, at + "/additionalProperties");
  }

  bool combinations(const Json& before, const Json& after, const std::string& at) {
    bool good = unchanged(before, after, at, {"oneOf", "not"});
    const bool conditional =
        after.contains("if") || after.contains("then") || after.contains("else");
    if (conditional) {
      for (const char* keyword : {"if", "then", "else"}) {
        if (value_or(before, keyword, kNothing) == value_or(after, keyword, kNothing)) continue;
        good = no(at + "/" + keyword, "differs from the old version, and is not compared further");
      }
    }
    const Json none = Json::array();
    const Json& parts = value_or(after, "allOf", none);
    const Json& old_parts = value_or(before, "allOf", none);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      // What any part of the old one promises, all of it does.
      const bool promised = std::ranges::any_of(
          old_parts, [&](const Json& part) { return silently_covers(part, parts[i]); });
      if (!promised) good &= covers(before, parts[i], at + "/allOf/" + std::to_string(i));
    }
    if (!after.contains("anyOf")) return good;
    const auto taken = [&](const Json& value) {
      return std::ranges::any_of(after["anyOf"],
                                 [&](const Json& part) { return silently_covers(value, part); });
    };
    const Json& alternatives = value_or(before, "anyOf", none);
    const bool each = !alternatives.empty() && std::ranges::all_of(alternatives, taken);
    Json around = before;
    around.erase("anyOf");
    if (each || taken(around)) return good;
    return no(at + "/anyOf", "does not plainly take all that the old version takes");
  }

  bool unchanged(const Json& before, const Json& after, const std::string& at,
                 std::initializer_list<const char*> keywords) {
    bool good = true;
    for (const char* keyword : keywords) {
      if (!after.contains(keyword)) continue;
      if (before.contains(keyword) && before[keyword] == after[keyword]) continue;
      good = no(at + "/" + keyword, "differs from the old version, and is not compared further");
    }
    return good;
  }

  int& left_;
  std::vector<FieldError> reasons_;
};

}  // namespace

std::vector<FieldError> incompatibilities(const Json& before, const Json& after) {
  int left = kMaxComparisons;
  Comparison comparison(left);
  (void)comparison.covers(before, after, "");
  if (left == 0) return {{"", "is too involved to compare" + std::string(kV2)}};
  return comparison.take();
}

}  // namespace mesh
