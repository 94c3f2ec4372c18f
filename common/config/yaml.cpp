#include "common/config/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <array>
#include <map>
#include <sstream>

#include "common/base/strings.h"

namespace mesh::config {
namespace {

constexpr std::size_t kMaxText = 1 << 20;
constexpr std::size_t kMaxDepth = 16;
constexpr std::size_t kMaxNodes = 10'000;
constexpr int kMaxAliases = 16;

std::size_t count(const Value& value) {
  std::size_t nodes = 1;
  for (const auto& item : value.items) nodes += count(item);
  for (const auto& [key, member] : value.members) nodes += count(member);
  return nodes;
}

// Builds the tree from yaml-cpp's events rather than its nodes: these share what an alias names
// (so that walking them can explode), keep duplicate keys and forget which scalars were quoted.
class Builder final : public YAML::EventHandler {
 public:
  Value take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { add({}, mark, anchor); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    Value value;
    value.kind = Value::Kind::scalar;
    value.text = text;
    value.quoted = tag == "!";
    add(std::move(value), mark, anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) refuse(mark, "an alias inside of what it names");
    if (++aliases_ > kMaxAliases) refuse(mark, "more than 16 aliases");
    nodes_ += count(found->second) - 1;
    add(found->second, mark, YAML::NullAnchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(Value::Kind::list, mark, anchor);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(Value::Kind::mapping, mark, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

 private:
  struct Frame {
    Value value;
    YAML::Mark mark;
    YAML::anchor_t anchor;
    std::optional<std::string> key;  // of a mapping: the key whose value comes next
  };

  [[noreturn]] static void refuse(const YAML::Mark& mark, const std::string& what) {
    throw YAML::ParserException(mark, what);
  }

  void open(Value::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (stack_.size() >= kMaxDepth) refuse(mark, "nested deeper than 16 levels");
    stack_.push_back({Value{kind, {}, false, {}, {}}, mark, anchor, {}});
  }

  void close() {
    Frame frame = std::move(stack_.back());
    stack_.pop_back();
    add(std::move(frame.value), frame.mark, frame.anchor);
  }

  void add(Value value, const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (++nodes_ > kMaxNodes) refuse(mark, "more than 10000 values");
    if (anchor != YAML::NullAnchor) anchors_[anchor] = value;
    if (stack_.empty()) {
      root_ = std::move(value);
    } else if (Frame& top = stack_.back(); top.value.kind == Value::Kind::list) {
      top.value.items.push_back(std::move(value));
    } else if (!top.key) {
      if (value.kind != Value::Kind::scalar || !is_printable(value.text)) {
        refuse(mark, "a key that is not a word");
      }
      for (const auto& member : top.value.members) {
        if (member.name == value.text) refuse(mark, "the key " + value.text + " appears twice");
      }
      top.key = std::move(value.text);
    } else {
      top.value.members.push_back({std::move(*top.key), std::move(value)});
      top.key.reset();
    }
  }

  Value root_;
  std::vector<Frame> stack_;
  std::map<YAML::anchor_t, Value> anchors_;
  std::size_t nodes_ = 0;
  int aliases_ = 0;
};

bool is_name(std::string_view text) {
  const auto is_word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !text.empty() && !(text[0] >= '0' && text[0] <= '9') && std::ranges::all_of(text, is_word);
}

// Words that YAML 1.1 or 1.2 reads as something other than a string.
bool is_reserved(std::string_view text) {
  static constexpr std::array<std::string_view, 8> kWords = {"null", "true", "false", "yes",
                                                             "no",   "on",   "off",   "~"};
  return std::ranges::find(kWords, to_lower(text)) != kWords.end() || parse_double(text);
}

std::string yaml_string(const std::string& text) {
  std::string escaped;
  for (const char c : text) escaped += c == '$' ? "$$" : std::string(1, c);
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_./-:@+").find(c) != std::string_view::npos;
  };
  const bool plain = !text.empty() && std::ranges::all_of(text, is_plain) && text[0] != '-' &&
                     text[0] != ':' && text[0] != '@' && text.back() != ':' && !is_reserved(text);
  return plain ? escaped : dump(Json(escaped));
}

}  // namespace

Result<Value> parse_yaml(const std::string& text) {
  if (text.size() > kMaxText) return fail(ErrorKind::invalid, "longer than 1 MiB");
  // yaml-cpp takes a text with a NUL near its start for UTF-16 or UTF-32.
  if (!is_valid_utf8(text) || text.find('\0') != std::string::npos) {
    return fail(ErrorKind::invalid, "not UTF-8 text");
  }
  try {
    // Without its last line break: before one, yaml-cpp takes the end of the text for the end of a
    // quoted scalar, so that a forgotten quote would swallow the rest of the file in silence.
    std::istringstream in(text.substr(0, text.find_last_not_of(" \t\r\n") + 1));
    YAML::Parser parser(in);
    Builder builder;
    parser.HandleNextDocument(builder);
    Builder second;
    if (parser.HandleNextDocument(second)) {
      return fail(ErrorKind::invalid, "more than one YAML document");
    }
    return builder.take();
  } catch (const YAML::Exception& e) {
    return fail(ErrorKind::invalid, "line " + std::to_string(e.mark.line + 1) + ", column " +
                                        std::to_string(e.mark.column + 1) + ": " + e.msg);
  } catch (const std::exception& e) {
    return fail(ErrorKind::invalid, "not readable as YAML", e.what());
  }
}

Result<std::string> expand(std::string_view text, const Environment& env) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '$') {
      out += text[i];
      continue;
    }
    const char next = i + 1 < text.size() ? text[i + 1] : '\0';
    if (next == '$') {
      out += '$';
      ++i;
      continue;
    }
    if (next != '{') {
      return fail(ErrorKind::invalid,
                  "a lone $; write ${VAR}, ${VAR:-default}, or $$ for a dollar");
    }
    const auto end = text.find('}', i);
    if (end == std::string_view::npos) return fail(ErrorKind::invalid, "a ${ without its }");
    const auto inner = text.substr(i + 2, end - i - 2);
    const auto dash = inner.find(":-");
    const std::string name(inner.substr(0, dash));
    if (!is_name(name)) {
      return fail(ErrorKind::invalid, "${" + std::string(inner) + "} does not name a variable");
    }
    const char* found = env(name.c_str());
    if (dash != std::string_view::npos && (found == nullptr || *found == '\0')) {
      out += inner.substr(dash + 2);
    } else if (found != nullptr) {
      out += found;
    } else {
      return fail(ErrorKind::invalid,
                  "the variable " + name + " is not set; set it or write ${" + name + ":-default}");
    }
    i = end;
  }
  return out;
}

std::string to_yaml(const Json& value) {
  if (value.is_string()) return yaml_string(value.get_ref<const std::string&>());
  if (!value.is_structured()) return dump(value);
  std::string out;
  for (const auto& [key, item] : value.items()) {
    if (!out.empty()) out += ", ";
    if (value.is_object()) out += key + ": ";
    out += to_yaml(item);
  }
  return value.is_object() ? "{" + out + "}" : "[" + out + "]";
}

}  // namespace mesh::config
