#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <unordered_set>
#include <utility>
#include <vector>

#include "common/base/json.h"
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

  // Each level is a call of the parser, so that this bound is what keeps the stack safe.
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
    // All open objects keep their members in one stack, since a vector for each would be an
    // allocation for each.
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
    // Of two members with one name each reader takes its own choice; so a check could see the one
    // and a handler the other.
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
    // Comparing all pairs of a few names is cheaper than making a set.
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
      // A run ends at ASCII bytes only, so that it never cuts a character.
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
    // Half a surrogate pair is refused: it has no UTF-8, and a replacement would make two texts
    // equal.
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
      // Whatever the reason (size, trailing zeros, an exponent): what is written back must be the
      // same.
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
    // "-0" becomes 0 here; only exact_numbers keeps its sign.
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
    // Integers beyond 64 bits come here, too, and lose digits, as with most who read JSON.
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

}  // namespace mesh
