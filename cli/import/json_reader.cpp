#include "cli/import/json_reader.h"

#include <algorithm>
#include <utility>

namespace mesh::cli {
namespace {

constexpr std::size_t kMaxText = LineReader::kMaxLine;
constexpr std::size_t kMaxDepth = 1000;

bool is_blank(int c) { return c == ' ' || c == '\t' || c == '\r'; }
// What may stand between values: a byte order mark where files were joined, the separators of RFC
// 7464, a Ctrl-Z at the end.
bool is_between(int c) {
  return is_blank(c) || c == '\n' || c == ',' || c == 0x1e || c == 0x1a || c == 0xef || c == 0xbb ||
         c == 0xbf;
}

// Follows the brackets and quotes of one array or object.
class Nesting {
 public:
  enum class Step { goes_on, complete, broken };

  Step feed(char c) {
    if (in_string_) return in_string(c);
    if (is_blank(c) || c == '\n') return Step::goes_on;
    const char before = std::exchange(last_, c);
    switch (c) {
      case '"':
        in_string_ = true;
        return Step::goes_on;
      case '{':
      case '[':
        // A value begins where none may: the brackets before it do not pair up.
        if (!open_.empty() && before != ':' && (open_.back() == '{' || !begins_element(before)))
          return Step::broken;
        if (open_.size() == kMaxDepth) return Step::broken;
        open_ += c;
        return Step::goes_on;
      case '}':
      case ']':
        if (open_.back() != (c == '}' ? '{' : '[')) return Step::broken;
        open_.pop_back();
        return open_.empty() ? Step::complete : Step::goes_on;
      default:
        return Step::goes_on;
    }
  }

 private:
  static bool begins_element(char before) { return before == '[' || before == ','; }

  Step in_string(char c) {
    // JSON has no line break in a string. So a quote that is missing costs a line, not the rest of
    // the file.
    if (c == '\n') return Step::broken;
    if (std::exchange(escaped_, false)) return Step::goes_on;
    if (c == '\\') escaped_ = true;
    if (c == '"') in_string_ = false;
    return Step::goes_on;
  }

  std::string open_;
  char last_ = 0;  // but for blanks and what is in quotes
  bool in_string_ = false, escaped_ = false;
};

std::string in_line(std::int64_t line) { return "line " + std::to_string(line); }

}  // namespace

Result<int> JsonReader::peek() {
  if (taken_ == unread_.size()) {
    lines_.take(std::exchange(taken_, 0));
    unread_ = {};
    unread_ = MESH_TRY(lines_.unread());
    if (unread_.empty()) return kEnd;
  }
  return static_cast<unsigned char>(unread_[taken_]);
}

void JsonReader::take() {
  const char c = unread_[taken_++];
  // A byte order mark takes no column: it shifts what stands behind it for nobody.
  const bool of_mark = blank_so_far_ && (c == '\xef' || c == '\xbb' || c == '\xbf');
  if (!of_mark) ++column_;
  if (c == '\n') {
    ++line_;
    column_ = 1;
    blank_so_far_ = true;
  } else if (!is_between(static_cast<unsigned char>(c))) {
    blank_so_far_ = false;
  }
}

void JsonReader::keep(JsonText& value) {
  // The rest is read on, to find where the value ends, and not kept.
  if (value.text.size() < kMaxText) {
    value.text += unread_[taken_];
  } else if (value.broken.empty()) {
    value.broken = "longer than 1 MiB";
  }
  take();
}

bool JsonReader::ready(int patience_ms) {
  while (taken_ < unread_.size() && is_between(static_cast<unsigned char>(unread_[taken_]))) take();
  lines_.take(std::exchange(taken_, 0));
  unread_ = {};
  return lines_.ready(patience_ms);
}

// False at the end.
Result<bool> JsonReader::skip_to_value() {
  while (true) {
    auto c = MESH_TRY(peek());
    if (c == kEnd) {
      if (list_line_ == 0) return false;
      return fail(ErrorKind::invalid, lines_.input().name() + ": the array that begins in " +
                                          in_line(list_line_) +
                                          " is never closed: is the file cut short?");
    }
    if (is_between(c)) {
      take();
    } else if (c == ']' && list_line_ != 0) {
      take();
      list_line_ = 0;
    } else if (c == '[' && list_line_ == 0 && arrays_ == Arrays::opened) {
      list_line_ = line_;
      take();
    } else {
      return true;
    }
  }
}

Result<std::optional<JsonText>> JsonReader::next() {
  auto found = MESH_TRY(skip_to_value());
  if (!found) return std::nullopt;
  JsonText value{.line = line_, .column = blank_so_far_ ? 0 : column_};
  indent_ = blank_so_far_ ? column_ : 0;
  // skip_to_value has seen this byte: it is there, and no error.
  const auto c = peek();
  const bool container = *c == '{' || *c == '[';
  MESH_TRY(container ? read_container(value) : read_word(value));
  return value;
}

Status JsonReader::read_container(JsonText& value) {
  Nesting nesting;
  while (true) {
    auto c = MESH_TRY(peek());
    if (c == kEnd) {
      value.broken = "what begins in " + in_line(value.line) +
                     " is not closed up to the end of the file: a bracket or a quote is missing";
      return {};
    }
    const auto step = nesting.feed(static_cast<char>(c));
    if (step == Nesting::Step::broken) {
      const std::string why =
          c == '\n' ? ": the text in quotes does not end in its line"
                    : std::string(": \"") + static_cast<char>(c) +
                          "\" where none may stand: a bracket, quote, comma or colon is missing "
                          "before it";
      // Within an array of one line there is no line to go on from.
      const bool to_go = indent_ == 0 && list_line_ != 0;
      if (to_go) return lost(in_line(line_) + ", " + here(line_) + why);
      value.broken = here(value.line) + why;
      return skip_broken(value);
    }
    keep(value);
    if (step == Nesting::Step::complete) break;
  }
  return list_line_ == 0 ? end_of_line(value) : Status();
}

// A string, a number, a word, or text that is no JSON at all: up to where a value may end.
Status JsonReader::read_word(JsonText& value) {
  bool in_string = false, escaped = false;
  while (true) {
    auto c = MESH_TRY(peek());
    if (c == kEnd || c == '\n') break;
    if (!in_string && list_line_ != 0 && (c == ',' || c == ']')) break;
    if (c == '"' && !escaped) in_string = !in_string;
    escaped = in_string && c == '\\' && !escaped;
    keep(value);
  }
  while (!value.text.empty() && (is_blank(value.text.back()) || value.text.back() == 0x1a))
    value.text.pop_back();
  return {};
}

// Behind a value at the top may come the next one; other text makes its line broken as a whole.
Status JsonReader::end_of_line(JsonText& value) {
  while (true) {
    auto c = MESH_TRY(peek());
    if (c == kEnd || c == '\n' || c == '{' || c == '[') return {};
    if (!is_between(c)) break;
    take();
  }
  value.broken = here(value.line) + ": text behind the value";
  return read_word(value);
}

// To the next line that begins as the broken value did.
Status JsonReader::skip_broken(JsonText& value) {
  std::int64_t last = blank_so_far_ ? line_ - 1 : line_;
  while (true) {
    auto c = MESH_TRY(peek());
    const bool begins = (c == '{' || c == '[') && blank_so_far_ && line_ > value.line &&
                        column_ == std::max<std::int64_t>(indent_, 1);
    if (c == kEnd || begins) break;
    if (c != '\n') last = line_;
    // keep() would say that it is too long, which is not what was wrong first.
    const std::string why = value.broken;
    keep(value);
    value.broken = why;
  }
  while (!value.text.empty() && (is_blank(value.text.back()) || value.text.back() == '\n'))
    value.text.pop_back();
  if (last > value.line)
    value.broken += "; lines " + std::to_string(value.line) + " to " + std::to_string(last) +
                    " are passed over";
  return {};
}

// The place, for whoever names the line in which the value begins.
std::string JsonReader::here(std::int64_t value_line) const {
  return (line_ == value_line ? "" : in_line(line_) + ", ") + "column " + std::to_string(column_);
}

tl::unexpected<Error> JsonReader::lost(const std::string& what) const {
  return fail(ErrorKind::invalid, lines_.input().name() + ": " + what +
                                      "; nothing behind it can be read: mend it and go on");
}

}  // namespace mesh::cli
