#include "common/yaml/json.h"

#include <cmath>

#include "common/base/strings.h"
#include "common/yaml/tree.h"

namespace mesh::yaml {
namespace {

constexpr int kMaxRawDepth = 128;
// A key of more than 1024 characters must be marked as one (YAML 1.2 §7.4.2).
constexpr std::size_t kLongestPlainKey = 1000;

// YAML 1.2 core schema; yaml-cpp's own conversions follow 1.1 ("no" is false, "012" octal).
Json plain_scalar(const std::string& text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL")
    return nullptr;
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  const std::string_view digits = text.front() == '+' ? std::string_view(text).substr(1) : text;
  if (const auto integer = parse_int(digits)) return *integer;
  if (text.find_first_not_of("0123456789+-.eE") == text.npos) {
    if (const auto number = parse_double(digits); number && std::isfinite(*number)) return *number;
  }
  return text;
}

Json convert(const Value& value) {
  switch (value.kind) {
    case Value::Kind::null:
      return nullptr;
    case Value::Kind::scalar:
      return value.quoted ? Json(value.text) : plain_scalar(value.text);
    case Value::Kind::list: {
      Json array = Json::array();
      for (const auto& item : value.items) array.push_back(convert(item));
      return array;
    }
    case Value::Kind::mapping:
      break;
  }
  Json object = Json::object();
  for (const Member& member : value.members) object[member.name] = convert(member.value);
  return object;
}

bool reads_back_as_itself(const std::string& text) {
  if (text.empty() || text.front() == ' ' || text.back() == ' ' || text.back() == ':') return false;
  // What has another character in it is quoted, though YAML may allow it plain: a list of what is
  // safe is shorter than the rules.
  static constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+@ -:";
  if (text.find_first_not_of(kPlain) != text.npos || text.find(": ") != text.npos) return false;
  static constexpr std::string_view kFirst =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_/";
  if (kFirst.find(text.front()) == kFirst.npos) return false;
  // Readers of YAML 1.1 take these for booleans, and 1:30 for a number.
  const std::string lower = to_lower(text);
  for (const std::string_view word : {"y", "n", "yes", "no", "on", "off"}) {
    if (lower == word) return false;
  }
  if (text.find_first_not_of("0123456789_:.") == text.npos || lower.starts_with("0x") ||
      lower.starts_with("0o"))
    return false;
  return plain_scalar(text).is_string();
}

std::string scalar(const Json& value) {
  if (!value.is_string()) return dump(value);
  const auto& text = value.get_ref<const std::string&>();
  // A JSON string is a double-quoted YAML scalar.
  return reads_back_as_itself(text) ? text : dump(value);
}

// Raw JSON has its structure again, and its numbers stay as they stand.
Json opened(Json value) {
  if (is_raw(value)) {
    const std::string_view text = raw_text(value);
    auto json = parse_json(
        text, {.max_depth = kMaxRawDepth, .max_bytes = text.size(), .exact_numbers = true});
    if (json) return std::move(*json);
  } else if (value.is_structured()) {
    for (Json& item : value) item = opened(std::move(item));
  }
  return value;
}

bool is_block(const Json& value) { return value.is_structured() && !value.empty(); }

void emit(const Json& value, int indent, std::string& out) {
  const std::string pad(static_cast<std::size_t>(indent), ' ');
  if (value.is_array()) {
    for (const Json& item : value) {
      if (!is_block(item)) {
        out += pad + "- " + scalar(item) + "\n";
        continue;
      }
      // The first line of the item stands behind the dash.
      std::string block;
      emit(item, indent + 2, block);
      block.replace(static_cast<std::size_t>(indent), 1, "-");
      out += block;
    }
    return;
  }
  for (const auto& [key, item] : value.items()) {
    const std::string name = scalar(Json(key));
    out += name.size() < kLongestPlainKey ? pad + name + ":" : pad + "? " + name + "\n" + pad + ":";
    if (!is_block(item)) {
      out += " " + scalar(item) + "\n";
    } else {
      out += "\n";
      emit(item, indent + 2, out);
    }
  }
}

}  // namespace

Result<Json> to_json(const std::string& text) {
  const auto tree = MESH_TRY(parse(text, {.depth = 32, .aliases = 0, .any_key = true}));
  return convert(tree);
}

std::string from_json(const Json& given) {
  const Json value = opened(given);
  std::string out;
  if (is_block(value)) {
    emit(value, 0, out);
  } else {
    out = scalar(value) + "\n";
  }
  return out;
}

}  // namespace mesh::yaml
