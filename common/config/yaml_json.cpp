#include "common/config/yaml_json.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <cmath>
#include <sstream>

#include "common/base/strings.h"

namespace mesh {
namespace {

constexpr int kMaxDepth = 32;
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

tl::unexpected<Error> at(const YAML::Mark& mark, const std::string& what) {
  return fail(ErrorKind::invalid, "line " + std::to_string(mark.line + 1) + ", column " +
                                      std::to_string(mark.column + 1) + ": " + what);
}

Result<Json> convert(const YAML::Node& node, int depth) {
  if (depth > kMaxDepth) return at(node.Mark(), "nested too deeply");
  switch (node.Type()) {
    case YAML::NodeType::Undefined:
    case YAML::NodeType::Null:
      return Json(nullptr);
    case YAML::NodeType::Scalar:
      return node.Tag() == "!" ? Json(node.Scalar()) : plain_scalar(node.Scalar());
    case YAML::NodeType::Sequence: {
      Json array = Json::array();
      for (const auto& item : node) {
        auto value = convert(item, depth + 1);
        if (!value) return value;
        array.push_back(std::move(*value));
      }
      return array;
    }
    case YAML::NodeType::Map:
      break;
  }
  Json object = Json::object();
  for (const auto& entry : node) {
    if (!entry.first.IsScalar()) return at(entry.first.Mark(), "a key must be a word");
    const std::string key = entry.first.Scalar();
    if (object.contains(key)) return at(entry.first.Mark(), "the key \"" + key + "\" stands twice");
    auto value = convert(entry.second, depth + 1);
    if (!value) return value;
    object[key] = std::move(*value);
  }
  return object;
}

// Refuses, before a tree is built, what would make the tree much larger than the text or too deep.
class Guard final : public YAML::EventHandler {
 public:
  std::optional<Error> error;

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    refuse(mark, "aliases are not taken");
  }
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    enter(mark);
  }
  void OnSequenceEnd() override { --depth_; }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    enter(mark);
  }
  void OnMapEnd() override { --depth_; }

 private:
  void refuse(const YAML::Mark& mark, const std::string& what) {
    if (!error) error = at(mark, what).value();
  }
  void enter(const YAML::Mark& mark) {
    if (++depth_ > kMaxDepth) refuse(mark, "nested too deeply");
  }
  int depth_ = 0;
};

bool reads_back_as_itself(const std::string& text) {
  if (text.empty() || text.front() == ' ' || text.back() == ' ' || text.back() == ':') return false;
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

Result<Json> yaml_to_json(const std::string& text) {
  // yaml-cpp takes a text with a NUL near its start for UTF-16 or UTF-32.
  if (!is_valid_utf8(text) || text.find('\0') != text.npos)
    return fail(ErrorKind::invalid, "the text is not UTF-8");
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    Guard guard;
    parser.HandleNextDocument(guard);
    if (guard.error) return fail(*guard.error);
    return convert(YAML::Load(text), 0);
  } catch (const YAML::Exception& e) {
    return at(e.mark, e.msg);
  }
}

std::string json_to_yaml(const Json& given) {
  const Json value = opened(given);
  std::string out;
  if (is_block(value)) {
    emit(value, 0, out);
  } else {
    out = scalar(value) + "\n";
  }
  return out;
}

}  // namespace mesh
