#include "common/domain/searchable.h"

#include <algorithm>
#include <functional>
#include <span>
#include <vector>

#include "common/base/json_members.h"
#include "common/base/strings.h"

namespace mesh {
namespace {

constexpr std::size_t kMaxKeyword = 256;       // bytes
constexpr std::size_t kMaxValuesOfField = 32;  // of one
constexpr std::size_t kMaxOpenValues = 64;     // of all open fields
constexpr std::string_view kBelow = "*";

// A part of a template: text as it stands, or a place of the data.
struct Part {
  std::string text;
  std::vector<std::string> path;  // empty: text
};

bool good_path(const std::vector<std::string>& path) {
  return std::ranges::none_of(path, [](const auto& name) { return name.empty(); });
}

// The parts; what is wrong with the template otherwise.
Result<std::vector<Part>> parts_of(std::string_view text) {
  const auto bad = [](std::string why) { return fail(ErrorKind::invalid, std::move(why)); };
  std::vector<Part> parts;
  std::string plain;
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c != '{' || text.starts_with("{")) {
      plain += c;
      if (c == '{') text.remove_prefix(1);
      continue;
    }
    const auto end = text.find('}');
    if (end == text.npos) return bad("has a place without its closing brace; {{ is a brace");
    const auto place = text.substr(0, end);
    text.remove_prefix(end + 1);
    auto path = split(place, '.');
    // A star stands for what is below, so that nothing can follow it.
    const auto star = std::ranges::find(path, kBelow);
    if (!good_path(path) || (star != path.end() && std::next(star) != path.end())) {
      return bad("has the place {" + std::string(place) +
                 "}: a place is names with dots between them, as {metadata.plan}, or {metadata.*}");
    }
    if (!plain.empty()) parts.push_back({std::move(plain), {}});
    plain.clear();
    parts.push_back({{}, std::move(path)});
  }
  if (!plain.empty()) parts.push_back({std::move(plain), {}});
  return parts;
}

using UseValue = std::function<void(const Json&)>;

// Calls `use` with what stands at the path; of arrays on the way and at its end with each element.
void at_path(const Json& json, std::span<const std::string> path, const UseValue& use) {
  if (json.is_array()) {
    for (const auto& element : json) at_path(element, path, use);
  } else if (path.empty()) {
    use(json);
  } else if (json.is_object()) {
    if (const auto it = json.find(path.front()); it != json.end()) {
      at_path(*it, path.subspan(1), use);
    }
  }
}

// The members in order of their names, whatever order the producer wrote them in: equal data makes
// equal text.
std::vector<std::pair<std::string_view, const Json*>> sorted_members(const Json& object) {
  std::vector<std::pair<std::string_view, const Json*>> members;
  members.reserve(object.size());
  for (const auto& [name, value] : object.get_ref<const Json::object_t&>()) {
    members.emplace_back(name, &value);
  }
  std::ranges::sort(members);
  return members;
}

void append_word(std::string& out, std::string_view word) {
  if (word.empty()) return;
  if (!out.empty()) out += ' ';
  out += word;
}

void append_texts(std::string& out, const Json& json) {
  if (out.size() >= kMaxSearchableText) return;
  if (json.is_string()) {
    append_word(out, json.get_ref<const std::string&>());
  } else if (json.is_array()) {
    for (const auto& element : json) append_texts(out, element);
  } else if (json.is_object()) {
    for (const auto& [name, value] : sorted_members(json)) append_texts(out, *value);
  }
}

std::string text_at(const Json& data, std::span<const std::string> path) {
  std::string out;
  const bool below = path.back() == kBelow;
  at_path(data, below ? path.first(path.size() - 1) : path, [&](const Json& value) {
    if (below || value.is_string()) return append_texts(out, value);
    if (value.is_number() || value.is_boolean()) append_word(out, dump(value));
  });
  return out;
}

std::optional<FieldValue> field_value(const Json& json) {
  if (json.is_number()) return json.get<double>();
  if (json.is_boolean()) return std::string(json.get<bool>() ? "true" : "false");
  if (!json.is_string()) return std::nullopt;
  const auto& text = json.get_ref<const std::string&>();
  return text.size() <= kMaxKeyword ? std::optional<FieldValue>(text) : std::nullopt;
}

void add_value(FieldValues& values, std::string_view name, FieldValue value) {
  if (values.count(name) < kMaxValuesOfField) {
    values.emplace(std::string(name), std::move(value));
  }
}

// What is below an open member, but for what is declared: that has its value already, or is of
// another kind.
class OpenFields {
 public:
  OpenFields(const Searchable& searchable, FieldValues& values)
      : searchable_(searchable), values_(values) {}

  void add(std::string& path, const Json& json) {
    if (left_ == 0) return;
    if (json.is_array()) {
      for (const auto& element : json) add(path, element);
    } else if (json.is_object()) {
      const std::size_t length = path.size();
      for (const auto& [name, value] : sorted_members(json)) {
        path.append(".").append(name);
        if (path.size() <= kMaxFieldName) add(path, *value);
        path.resize(length);
      }
    } else if (path != searchable_.open && !searchable_.fields.contains(path)) {
      auto value = field_value(json);
      if (!value) return;
      add_value(values_, path, std::move(*value));
      --left_;
    }
  }

 private:
  const Searchable& searchable_;
  FieldValues& values_;
  std::size_t left_ = kMaxOpenValues;
};

std::optional<std::string> fault_of_name(std::string_view name) {
  if (name.size() > kMaxFieldName) {
    return "is over " + std::to_string(kMaxFieldName) + " bytes long";
  }
  // What parse_condition could not tell from an operator, or would take away.
  if (!good_path(split(name, '.')) || name.find_first_of("=!<>|") != name.npos ||
      trim(name) != name || !is_printable(name)) {
    return "is no field: write the path of a member with dots, as metadata.plan";
  }
  return std::nullopt;
}

}  // namespace

Result<Searchable> searchable_from_json(const Json& json, const std::string& at) {
  Error error{ErrorKind::unprocessable, "what is searchable of the type is not valid", {}, {}, {}};
  const auto wrong = [&](const std::string& pointer, std::string detail) {
    error.fields.push_back({at + pointer, std::move(detail)});
  };
  Searchable searchable;
  if (!json.is_object()) {
    wrong("", "must be an object with text, and perhaps fields and open");
    return fail(std::move(error));
  }
  if (!json.contains("text")) wrong("/text", "is missing");
  for (const auto& [name, value] : json.items()) {
    if (name == "text") {
      if (!value.is_string() || value.get_ref<const std::string&>().size() > kMaxTemplate) {
        wrong("/text", "must be a text of at most " + std::to_string(kMaxTemplate) + " bytes");
        continue;
      }
      searchable.text = value.get<std::string>();
      const auto parts = parts_of(searchable.text);
      if (!parts) {
        wrong("/text", parts.error().message);
      } else if (std::ranges::all_of(*parts, [](const Part& part) { return part.path.empty(); })) {
        wrong("/text", "has no place of the data in braces, as {name}");
      }
    } else if (name == "fields") {
      if (!value.is_object() || value.size() > kMaxFields) {
        wrong("/fields",
              "must map at most " + std::to_string(kMaxFields) + " paths to keyword or number");
        continue;
      }
      for (const auto& [field, kind] : value.items()) {
        if (const auto fault = fault_of_name(field)) wrong("/fields" + pointer_to(field), *fault);
        if (kind != "keyword" && kind != "number") {
          wrong("/fields" + pointer_to(field), "must be keyword or number");
        }
        searchable.fields[field] = kind == "number" ? FieldKind::number : FieldKind::keyword;
      }
    } else if (name == "open") {
      searchable.open = value.is_string() ? value.get<std::string>() : std::string();
      if (const auto fault = fault_of_name(searchable.open)) wrong("/open", *fault);
    } else {
      wrong(pointer_to(name), "is not a member of it: those are text, fields and open");
    }
  }
  if (!error.fields.empty()) return fail(std::move(error));
  return searchable;
}

Result<Searchables> searchables_from_json(const Json& json) {
  Error error{ErrorKind::unprocessable, "what is searchable is not valid", {}, {}, {}};
  Searchables all;
  if (!json.is_object()) {
    error.fields.push_back({"/search", "must be an object of text and fields by type"});
    return fail(std::move(error));
  }
  for (const auto& [type, value] : json.items()) {
    auto one = searchable_from_json(value, "/search" + pointer_to(type));
    if (one) {
      all[type] = std::move(*one);
    } else {
      auto& fields = one.error().fields;
      error.fields.insert(error.fields.end(), fields.begin(), fields.end());
    }
  }
  if (!error.fields.empty()) return fail(std::move(error));
  return all;
}

Json to_json(const Searchable& searchable) {
  Json json{{"text", searchable.text}};
  if (!searchable.fields.empty()) {
    Json& fields = json["fields"] = Json::object();
    for (const auto& [name, kind] : searchable.fields) {
      fields[name] = kind == FieldKind::number ? "number" : "keyword";
    }
  }
  if (!searchable.open.empty()) json["open"] = searchable.open;
  return json;
}

const Searchable* built_in_searchable(std::string_view type) {
  static const Searchables all{
      {"analytics.recorded",
       {.text = "{event_type} {metadata.*}",
        .fields = {{"event_type", FieldKind::keyword}, {"user_id", FieldKind::keyword}},
        .open = "metadata"}},
      // What is known of a molecule, as its formula and name, stands in its data.
      {"chemical.recorded",
       {.text = "{molecule_id} {researcher} {data.*}",
        .fields = {{"molecule_id", FieldKind::keyword}, {"researcher", FieldKind::keyword}},
        .open = "data"}}};
  const auto it = all.find(type);
  return it == all.end() ? nullptr : &it->second;
}

const Searchable* searchable_of(const Searchables& own, std::string_view type) {
  const auto it = own.find(type);
  return it == own.end() ? built_in_searchable(type) : &it->second;
}

std::string searchable_text(const Searchable& searchable, const Json& data) {
  const auto parts = parts_of(searchable.text);
  if (!parts) return {};  // which searchable_from_json has refused
  std::string text;
  bool found = false;
  for (const auto& part : *parts) {
    if (part.path.empty()) {
      text += part.text;
      continue;
    }
    const auto there = text_at(data, part.path);
    found |= !there.empty();
    text += there;
  }
  return found ? std::string(trim(cut_at_character(text, kMaxSearchableText))) : std::string();
}

FieldValues field_values(const Searchable& searchable, const Json& data) {
  FieldValues values;
  for (const auto& [name, kind] : searchable.fields) {
    at_path(data, split(name, '.'), [&](const Json& json) {
      auto value = field_value(json);
      if (!value || std::holds_alternative<double>(*value) != (kind == FieldKind::number)) return;
      add_value(values, name, std::move(*value));
    });
  }
  if (searchable.open.empty()) return values;
  OpenFields open(searchable, values);
  std::string path = searchable.open;
  at_path(data, split(searchable.open, '.'), [&](const Json& json) { open.add(path, json); });
  return values;
}

}  // namespace mesh
