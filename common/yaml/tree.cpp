#include "common/yaml/tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <map>
#include <sstream>

#include "common/base/strings.h"

namespace mesh::yaml {
namespace {

constexpr std::size_t kMaxText = 1 << 20;
constexpr std::size_t kMaxValues = 10'000;

std::size_t count(const Value& value) {
  std::size_t values = 1;
  for (const auto& item : value.items) values += count(item);
  for (const Member& member : value.members) values += count(member.value);
  return values;
}

// Builds the tree from yaml-cpp's events rather than its nodes: these share what an alias names
// (so that walking them can explode), keep duplicate keys and forget which scalars were quoted.
class Builder final : public YAML::EventHandler {
 public:
  explicit Builder(const Limits& limits) : limits_(limits) {}
  Value take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { add({}, mark, anchor); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    Value value;
    value.kind = Value::Kind::scalar;
    value.text = text;
    // yaml-cpp gives quoted scalars the tag "!" and plain ones "?".
    value.quoted = tag == "!";
    add(std::move(value), mark, anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) refuse(mark, "an alias inside of what it names");
    if (++aliases_ > limits_.aliases) {
      refuse(mark, limits_.aliases == 0
                       ? "aliases are not taken"
                       : "more than " + std::to_string(limits_.aliases) + " aliases");
    }
    // An alias costs what it stands for, else a few lines of aliases would make millions of values.
    // add() counts the one.
    values_ += count(found->second) - 1;
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
    int key_line = 0;
  };

  [[noreturn]] static void refuse(const YAML::Mark& mark, const std::string& what) {
    throw YAML::ParserException(mark, what);
  }

  void open(Value::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (stack_.size() >= limits_.depth) {
      refuse(mark, "nested deeper than " + std::to_string(limits_.depth) + " levels");
    }
    stack_.push_back({Value{kind, {}, false, {}, {}}, mark, anchor, {}, 0});
  }

  void close() {
    Frame frame = std::move(stack_.back());
    stack_.pop_back();
    add(std::move(frame.value), frame.mark, frame.anchor);
  }

  void add(Value value, const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (++values_ > kMaxValues) refuse(mark, "more than 10000 values");
    if (anchor != YAML::NullAnchor) anchors_[anchor] = value;
    if (stack_.empty()) {
      root_ = std::move(value);
    } else if (Frame& top = stack_.back(); top.value.kind == Value::Kind::list) {
      top.value.items.push_back(std::move(value));
    } else if (!top.key) {
      if (value.kind != Value::Kind::scalar || (!limits_.any_key && !is_printable(value.text))) {
        refuse(mark, "a key that is not a word");
      }
      for (const auto& member : top.value.members) {
        if (member.name == value.text) refuse(mark, "the key " + value.text + " appears twice");
      }
      top.key = std::move(value.text);
      top.key_line = mark.line + 1;
    } else {
      top.value.members.push_back({std::move(*top.key), std::move(value), top.key_line});
      top.key.reset();
    }
  }

  const Limits& limits_;
  Value root_;
  std::vector<Frame> stack_;
  std::map<YAML::anchor_t, Value> anchors_;
  std::size_t values_ = 0;
  int aliases_ = 0;
};

}  // namespace

Result<Value> parse(const std::string& text, const Limits& limits) {
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
    Builder builder(limits);
    parser.HandleNextDocument(builder);
    Builder second(limits);
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

}  // namespace mesh::yaml
