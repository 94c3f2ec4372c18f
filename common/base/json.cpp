#include "common/base/json.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <unordered_set>
#include <utility>
#include <vector>

#include "common/base/strings.h"

namespace mesh {
namespace {

// A recursive-descent parser of RFC 8259. It exists because the library's own one accepts duplicate
// keys and any depth, and because it builds ordered objects by searching them linearly for each
// key, which makes an object of n members cost n². It is also several times as fast.
class Parser {
 public:
  Parser(std::string_view text, const JsonLimits& limits)
      : begin_(text.data()),
        p_(without_bom(text).data()),  // a reader may ignore the mark (RFC 8259, 8.1)
        end_(text.data() + text.size()),
        depth_left_(limits.max_depth),
        exact_numbers_(limits.exact_numbers) {}

  Result<Json> run() {
    Json value;
    skip_space();
    if (!parse_value(value)) return tl::unexpected(std::move(error_));
    skip_space();
    if (p_ != end_) {
      broken("text after the end of the document");
      return tl::unexpected(std::move(error_));
    }
    return value;
  }

 private:
  bool broken(std::string_view what, const char* at) {
    error_.kind = ErrorKind::invalid;
    error_.message = "malformed JSON at byte " + std::to_string(at - begin_) + ": ";
    error_.message += what;
    return false;
  }
  bool broken(std::string_view what) { return broken(what, p_); }

  void skip_space() {
    while (p_ != end_ && (*p_ == ' ' || *p_ == '\n' || *p_ == '\r' || *p_ == '\t')) ++p_;
  }

  bool parse_value(Json& out) {
    if (p_ == end_) return broken("the document ends where a value is expected");
    switch (*p_) {
      case '{':
        return parse_object(out);
      case '[':
        return parse_array(out);
      case '"': {
        std::string text;
        if (!parse_string(text)) return false;
        out = std::move(text);
        return true;
      }
      case 't':
        return parse_word("true", out, Json(true));
      case 'f':
        return parse_word("false", out, Json(false));
      case 'n':
        return parse_word("null", out, Json(nullptr));
      default:
        return parse_number(out);
    }
  }

  bool parse_word(std::string_view word, Json& out, Json value) {
    if (std::string_view(p_, static_cast<std::size_t>(end_ - p_)).substr(0, word.size()) != word) {
      return broken("expected a value");
    }
    p_ += word.size();
    out = std::move(value);
    return true;
  }

  bool enter() {
    if (depth_left_ == 0) {
      error_.kind = ErrorKind::too_large;
      error_.message =
          "JSON is nested too deeply at byte " + std::to_string(p_ - begin_) + ": flatten it";
      return false;
    }
    --depth_left_;
    ++p_;
    return true;
  }

  bool parse_array(Json& out) {
    if (!enter()) return false;
    Json::array_t items;
    skip_space();
    if (p_ != end_ && *p_ == ']') {
      ++p_;
    } else {
      while (true) {
        skip_space();
        Json item;
        if (!parse_value(item)) return false;
        items.push_back(std::move(item));
        skip_space();
        if (p_ == end_) return broken("the document ends inside an array");
        const char c = *p_;
        if (c != ',' && c != ']') return broken("expected ',' or ']'");
        ++p_;
        if (c == ']') break;
      }
    }
    ++depth_left_;
    out = std::move(items);
    return true;
  }

  bool parse_object(Json& out) {
    if (!enter()) return false;
    const std::size_t first = members_.size();
    skip_space();
    if (p_ != end_ && *p_ == '}') {
      ++p_;
    } else {
      while (true) {
        skip_space();
        if (p_ == end_) return broken("the document ends inside an object");
        if (*p_ != '"') return broken("expected a member name in quotes");
        Member member;
        member.at = p_;
        if (!parse_string(member.name)) return false;
        skip_space();
        if (p_ == end_ || *p_ != ':') return broken("expected ':'");
        ++p_;
        skip_space();
        if (!parse_value(member.value)) return false;
        members_.push_back(std::move(member));
        skip_space();
        if (p_ == end_) return broken("the document ends inside an object");
        const char c = *p_;
        if (c != ',' && c != '}') return broken("expected ',' or '}'");
        ++p_;
        if (c == '}') break;
      }
    }
    if (!check_duplicates(first)) return false;
    ++depth_left_;
    // Its members' names are const, so a growing object would copy them: make it in one piece.
    out = Json::object();
    auto& object = out.get_ref<Json::object_t&>();
    object.reserve(members_.size() - first);
    for (std::size_t i = first; i < members_.size(); ++i) {
      object.emplace_back(std::move(members_[i].name), std::move(members_[i].value));
    }
    members_.resize(first);
    return true;
  }

  bool check_duplicates(std::size_t first) {
    constexpr std::size_t kSmall = 16;
    const std::size_t count = members_.size() - first;
    if (count <= kSmall) {
      for (std::size_t i = first + 1; i < members_.size(); ++i) {
        for (std::size_t j = first; j < i; ++j) {
          if (members_[i].name == members_[j].name) return duplicate(members_[i]);
        }
      }
      return true;
    }
    std::unordered_set<std::string_view> seen(count);
    for (std::size_t i = first; i < members_.size(); ++i) {
      if (!seen.insert(members_[i].name).second) return duplicate(members_[i]);
    }
    return true;
  }

  // `p_` is at the opening quote.
  bool parse_string(std::string& out) {
    const char* const open = p_++;
    bool ascii = true;
    while (true) {
      const char* const run = p_;
      while (p_ != end_ && *p_ != '"' && *p_ != '\\' && static_cast<unsigned char>(*p_) >= 0x20) {
        ascii &= static_cast<signed char>(*p_) >= 0;
        ++p_;
      }
      const std::string_view plain(run, static_cast<std::size_t>(p_ - run));
      if (!ascii && !is_valid_utf8(plain)) return broken("a string that is not UTF-8", run);
      out += plain;
      if (p_ == end_) return broken("a string without its closing quote", open);
      if (*p_ == '"') {
        ++p_;
        return true;
      }
      if (*p_ != '\\') return broken("a control character inside a string: escape it");
      if (!parse_escape(out)) return false;
    }
  }

  bool parse_escape(std::string& out) {
    const char* const at = p_++;
    if (p_ == end_) return broken("the document ends inside an escape", at);
    switch (*p_++) {
      case '"':
        out += '"';
        return true;
      case '\\':
        out += '\\';
        return true;
      case '/':
        out += '/';
        return true;
      case 'b':
        out += '\b';
        return true;
      case 'f':
        out += '\f';
        return true;
      case 'n':
        out += '\n';
        return true;
      case 'r':
        out += '\r';
        return true;
      case 't':
        out += '\t';
        return true;
      case 'u':
        break;
      default:
        return broken("an unknown escape", at);
    }
    int code = parse_hex4();
    if (code >= 0xd800 && code <= 0xdbff) {
      const bool pair = end_ - p_ >= 2 && p_[0] == '\\' && p_[1] == 'u';
      if (pair) p_ += 2;
      const int low = pair ? parse_hex4() : -1;
      const bool good = low >= 0xdc00 && low <= 0xdfff;
      code = good ? 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00) : -1;
    } else if (code >= 0xdc00 && code <= 0xdfff) {
      code = -1;
    }
    if (code < 0) return broken("a broken \\u escape", at);
    append_utf8(out, static_cast<std::uint32_t>(code));
    return true;
  }

  int parse_hex4() {
    if (end_ - p_ < 4) return -1;
    int value = 0;
    for (int i = 0; i < 4; ++i) {
      const char c = *p_++;
      int digit = 0;
      if (c >= '0' && c <= '9') {
        digit = c - '0';
      } else if (c >= 'a' && c <= 'f') {
        digit = c - 'a' + 10;
      } else if (c >= 'A' && c <= 'F') {
        digit = c - 'A' + 10;
      } else {
        return -1;
      }
      value = value << 4 | digit;
    }
    return value;
  }

  static void append_utf8(std::string& out, std::uint32_t code) {
    if (code < 0x80) {
      out += static_cast<char>(code);
    } else if (code < 0x800) {
      out += static_cast<char>(0xc0 | code >> 6);
      out += static_cast<char>(0x80 | (code & 63));
    } else if (code < 0x10000) {
      out += static_cast<char>(0xe0 | code >> 12);
      out += static_cast<char>(0x80 | (code >> 6 & 63));
      out += static_cast<char>(0x80 | (code & 63));
    } else {
      out += static_cast<char>(0xf0 | code >> 18);
      out += static_cast<char>(0x80 | (code >> 12 & 63));
      out += static_cast<char>(0x80 | (code >> 6 & 63));
      out += static_cast<char>(0x80 | (code & 63));
    }
  }

  bool digits() {
    const char* const first = p_;
    while (p_ != end_ && *p_ >= '0' && *p_ <= '9') ++p_;
    return p_ != first;
  }

  bool parse_number(Json& out) {
    const char* const first = p_;
    if (!read_number(out)) return false;
    if (exact_numbers_) {
      const std::string_view text(first, static_cast<std::size_t>(p_ - first));
      if (dump(out) != text) out = raw_json(text);
    }
    return true;
  }

  bool read_number(Json& out) {
    const char* const first = p_;
    const bool negative = *p_ == '-';
    if (negative) ++p_;
    if (p_ == end_ || *p_ < '0' || *p_ > '9') return broken("expected a value", first);
    if (*p_ == '0') {
      ++p_;
      if (digits()) return broken("a number with a leading zero", first);
    } else {
      digits();
    }
    bool integer = true;
    if (p_ != end_ && *p_ == '.') {
      integer = false;
      ++p_;
      if (!digits()) return broken("a number without digits after its point");
    }
    if (p_ != end_ && (*p_ == 'e' || *p_ == 'E')) {
      integer = false;
      ++p_;
      if (p_ != end_ && (*p_ == '+' || *p_ == '-')) ++p_;
      if (!digits()) return broken("a number without digits in its exponent");
    }
    if (integer && negative) {
      std::int64_t value = 0;
      if (std::from_chars(first, p_, value).ec == std::errc{}) {
        out = value;
        return true;
      }
    } else if (integer) {
      std::uint64_t value = 0;
      if (std::from_chars(first, p_, value).ec == std::errc{}) {
        out = value;
        return true;
      }
    }
    double value = 0;
    if (std::from_chars(first, p_, value).ec == std::errc::result_out_of_range) {
      value = std::strtod(std::string(first, p_).c_str(), nullptr);  // overflow or underflow?
    }
    if (!std::isfinite(value)) return broken("a number beyond the range of a double", first);
    out = value;
    return true;
  }

  struct Member {
    std::string name;
    Json value;
    const char* at = nullptr;
  };

  bool duplicate(const Member& member) {
    return broken("the member " + dump(Json(member.name)) + " appears twice", member.at);
  }

  const char* const begin_;
  const char* p_;
  const char* const end_;
  int depth_left_;
  const bool exact_numbers_;
  std::vector<Member> members_;  // of the objects that are still open, innermost last
  Error error_;
};

}  // namespace

Result<Json> parse_json(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.max_bytes) {
    return fail(ErrorKind::too_large, "JSON of " + std::to_string(text.size()) +
                                          " bytes: at most " + std::to_string(limits.max_bytes) +
                                          " are allowed");
  }
  return Parser(text, limits).run();
}

namespace {

// Where the value that begins at `p` ends. The text is known to be valid.
const char* skip_value(const char* p) {
  int depth = 0;
  do {
    if (*p == '"') {
      for (++p; *p != '"'; ++p) p += *p == '\\' ? 1 : 0;
      ++p;
    } else if (*p == '{' || *p == '[') {
      ++depth, ++p;
    } else if (*p == '}' || *p == ']') {
      --depth, ++p;
    } else if (depth > 0) {
      ++p;
    } else {
      while (*p != ',' && *p != '}' && *p != ']' && *p != ' ' && *p != '\n' && *p != '\r' &&
             *p != '\t')
        ++p;
    }
  } while (depth > 0);
  return p;
}

const char* skip_space(const char* p) {
  while (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t') ++p;
  return p;
}

// A name as it stands, with its quotes, is that name.
bool spells(std::string_view quoted, std::string_view name) {
  const std::string_view plain = quoted.substr(1, quoted.size() - 2);
  if (plain.find('\\') == plain.npos) return plain == name;
  const auto read = parse_json(quoted, {1, quoted.size()});
  return read && read->get_ref<const std::string&>() == name;
}

bool has_raw(const Json& value) {
  if (!value.is_structured()) return is_raw(value);
  return std::any_of(value.begin(), value.end(), has_raw);
}

std::string dump_by_library(const Json& value, int indent) {
  return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

// As the library writes it, and raw values as they are.
void write(const Json& value, int indent, std::size_t level, std::string& out) {
  if (is_raw(value)) {
    out += raw_text(value);
    return;
  }
  if (!value.is_structured() || value.empty() || (indent < 0 && !has_raw(value))) {
    out += dump_by_library(value, -1);
    return;
  }
  const auto break_line = [&](std::size_t depth) {
    if (indent < 0) return;
    out += '\n';
    out.append(depth * static_cast<std::size_t>(indent), ' ');
  };
  const bool object = value.is_object();
  out += object ? '{' : '[';
  for (auto item = value.begin(); item != value.end(); ++item) {
    if (item != value.begin()) out += ',';
    break_line(level + 1);
    if (object) {
      append_quoted(out, item.key());
      out += indent < 0 ? ":" : ": ";
    }
    write(*item, indent, level + 1, out);
  }
  break_line(level);
  out += object ? '}' : ']';
}

}  // namespace

std::string_view member_text(std::string_view object, std::string_view name) {
  if (object.empty()) return {};
  const char* p = skip_space(skip_space(without_bom(object).data()) + 1);  // behind the brace
  while (*p == '"') {
    const char* const key_end = skip_value(p);
    const std::string_view key(p, static_cast<std::size_t>(key_end - p));
    const char* const value = skip_space(skip_space(key_end) + 1);  // behind the colon
    const char* const end = skip_value(value);
    if (spells(key, name)) return {value, static_cast<std::size_t>(end - value)};
    p = skip_space(end);
    if (*p != ',') break;
    p = skip_space(p + 1);
  }
  return {};
}

std::vector<std::string_view> element_texts(std::string_view array) {
  std::vector<std::string_view> texts;
  if (array.empty()) return texts;
  const char* p = skip_space(skip_space(without_bom(array).data()) + 1);  // behind the bracket
  while (*p != ']') {
    const char* const end = skip_value(p);
    texts.emplace_back(p, static_cast<std::size_t>(end - p));
    p = skip_space(end);
    if (*p == ',') p = skip_space(p + 1);
  }
  return texts;
}

std::string one_line(std::string_view document) {
  std::string line(document);
  if (line.find_first_of("\r\n") == line.npos) return line;
  bool in_string = false;
  std::size_t length = 0;
  for (std::size_t i = 0; i < document.size(); ++i) {
    const char c = document[i];
    if (c == '"') in_string = !in_string;
    if (in_string && c == '\\' && i + 1 < document.size()) line[length++] = document[i++];
    const bool space = c == ' ' || c == '\n' || c == '\r' || c == '\t';
    if (in_string || !space) line[length++] = document[i];
  }
  line.resize(length);
  return line;
}

// Binary values are the library's for formats beside JSON, and stand for nothing else here.
Json raw_json(std::string_view document) {
  const std::string line = one_line(trim(document));
  return Json::binary(Json::binary_t::container_type(line.begin(), line.end()));
}

bool is_raw(const Json& value) { return value.is_binary(); }

std::string_view raw_text(const Json& raw) {
  const auto& bytes = raw.get_binary();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void append_quoted(std::string& out, std::string_view text) {
  bool plain = true;
  for (const char c : text) plain &= c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
  if (!plain) {
    out += dump(Json(text));
    return;
  }
  out += '"';
  out += text;
  out += '"';
}

std::string dump(const Json& value, int indent) {
  if (!has_raw(value)) return dump_by_library(value, indent);
  std::string out;
  write(value, indent, 0, out);
  return out;
}

}  // namespace mesh
