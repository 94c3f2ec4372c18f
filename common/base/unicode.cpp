#include "common/base/unicode.h"

#include <idn2.h>
#include <utf8proc.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "common/base/strings.h"

namespace mesh {
namespace {

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// Nothing where the text is not UTF-8. UTF8PROC_STABLE: what a later version of Unicode adds
// changes no text that is kept already.
std::optional<std::string> mapped(std::string_view text, int options) {
  utf8proc_uint8_t* raw = nullptr;
  const auto size = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                 static_cast<utf8proc_ssize_t>(text.size()), &raw,
                                 static_cast<utf8proc_option_t>(UTF8PROC_STABLE | options));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(raw, &std::free);
  if (size < 0) return std::nullopt;
  return std::string(reinterpret_cast<const char*>(raw), static_cast<std::size_t>(size));
}

utf8proc_category_t category(char32_t point) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(point));
}

// Joiners, variation selectors and tags: they belong to the character before them.
bool is_attached(char32_t c) {
  return c == 0x200c || c == 0x200d || (c >= 0xfe00 && c <= 0xfe0f) ||
         (c >= 0xe0020 && c <= 0xe007f) || (c >= 0xe0100 && c <= 0xe01ef) ||
         (c >= 0x180b && c <= 0x180d) || c == 0x180f;
}

// From the first code point that does not `go` to the last one and the run of those behind it that
// are `held`.
std::string_view trimmed(std::string_view text, bool (*go)(char32_t), bool (*held)(char32_t)) {
  const char* first = nullptr;
  const char* end = text.data();
  bool behind = false;  // what is taken stands right behind what stays
  for (auto rest = text; !rest.empty();) {
    const char* const begin = rest.data();
    const char32_t c = take_point(rest);
    if (!go(c)) {
      if (first == nullptr) first = begin;
      behind = true;
    } else {
      behind = behind && held(c);
    }
    if (behind) end = rest.data();
  }
  if (first == nullptr) return {};
  return {first, static_cast<std::size_t>(end - first)};
}

}  // namespace

char32_t take_point(std::string_view& text) {
  if (const auto byte = static_cast<unsigned char>(text.front()); byte < 0x80) {
    text.remove_prefix(1);
    return byte;
  }
  utf8proc_int32_t point = -1;
  const auto length = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                       static_cast<utf8proc_ssize_t>(text.size()), &point);
  // One byte of what is broken, so that a reader finds the next good character behind it.
  text.remove_prefix(length < 1 ? 1 : static_cast<std::size_t>(length));
  return length < 1 ? kBrokenPoint : static_cast<char32_t>(point);
}

std::string point_text(char32_t point) {
  char text[16];
  std::snprintf(text, sizeof text, "U+%04X", static_cast<unsigned>(point));
  return text;
}

void append_point(std::string& text, char32_t point) {
  if (point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) point = 0xfffd;
  utf8proc_uint8_t bytes[4];
  const auto length = utf8proc_encode_char(static_cast<utf8proc_int32_t>(point), bytes);
  text.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(length));
}

std::string to_nfc(std::string_view text) {
  if (is_ascii(text)) return std::string(text);
  return mapped(text, UTF8PROC_COMPOSE).value_or(std::string(text));
}

std::string to_nfd(std::string_view text) {
  if (is_ascii(text)) return std::string(text);
  return mapped(text, UTF8PROC_DECOMPOSE).value_or(std::string(text));
}

std::string fold_case(std::string_view text) {
  // The same as what follows, and most texts are such.
  if (is_ascii(text)) return to_lower(text);
  // Decomposed first: the iota below a Greek letter folds to a letter, behind the other marks.
  const auto apart = mapped(text, UTF8PROC_DECOMPOSE);
  const auto folded = apart ? mapped(*apart, UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD) : std::nullopt;
  return folded.value_or(std::string(text));
}

std::vector<char32_t> fold_compatible(std::string_view text) {
  std::vector<char32_t> points;
  const auto folded =
      mapped(text, UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE | UTF8PROC_STRIPMARK | UTF8PROC_CASEFOLD);
  if (!folded) return points;
  for (std::string_view rest = *folded; !rest.empty();) points.push_back(take_point(rest));
  return points;
}

std::string_view trim_space(std::string_view text) {
  return trimmed(text, is_space, [](char32_t) { return false; });
}

std::string_view trim_invisible(std::string_view text) {
  return trimmed(text, is_invisible, is_attached);
}

std::string drop_invisible(std::string_view text) {
  if (!is_valid_utf8(text)) return std::string(text);  // what is left could make characters anew
  std::string seen;
  seen.reserve(text.size());
  bool space = false;
  while (!text.empty()) {
    const std::string_view before = text;
    const char32_t c = take_point(text);
    if (is_space(c)) {
      space = true;
    } else if (!is_invisible(c)) {
      if (space && !seen.empty()) seen += ' ';
      space = false;
      seen += before.substr(0, before.size() - text.size());
    }
  }
  return seen;
}

bool is_space(char32_t c) {
  if (c < 0x80) return c == ' ' || (c >= '\t' && c <= '\r');
  const auto kind = category(c);
  // utf8proc does not know White_Space. Beyond ASCII it is these categories, and NEL, a control
  // character.
  return kind == UTF8PROC_CATEGORY_ZS || kind == UTF8PROC_CATEGORY_ZL ||
         kind == UTF8PROC_CATEGORY_ZP || c == 0x85;
}

bool is_invisible(char32_t c) {
  if (c < 0x80) return c <= ' ' || c == 0x7f;
  if (c == kBrokenPoint) return false;
  if (c == 0x2800) return true;
  switch (category(c)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return true;
    default:
      // Default_Ignorable_Code_Point: what a renderer passes over where it does not know it.
      return utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->ignorable != 0;
  }
}

bool is_unassigned(char32_t c) {
  if (c < 0x80 || c == kBrokenPoint) return false;
  const auto kind = category(c);
  return kind == UTF8PROC_CATEGORY_CO || kind == UTF8PROC_CATEGORY_CN ||
         kind == UTF8PROC_CATEGORY_CS;
}

bool is_bidi_override(char32_t c) {
  return (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

bool is_bidi_control(char32_t c) {
  return c == 0x061c || c == 0x200e || c == 0x200f || is_bidi_override(c);
}

bool is_unprintable(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 || is_bidi_control(c);
}

bool is_punctuation(char32_t c) {
  if (c == kBrokenPoint) return false;
  switch (category(c)) {
    case UTF8PROC_CATEGORY_PC:
    case UTF8PROC_CATEGORY_PD:
    case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PI:
    case UTF8PROC_CATEGORY_PF:
    case UTF8PROC_CATEGORY_PO:
      return true;
    default:
      return false;
  }
}

bool is_nonspacing_mark(char32_t c) {
  return c != kBrokenPoint && category(c) == UTF8PROC_CATEGORY_MN;
}

bool is_other(char32_t c) {
  if (c == kBrokenPoint) return false;
  const auto kind = category(c);
  return kind == UTF8PROC_CATEGORY_CC || kind == UTF8PROC_CATEGORY_CF ||
         kind == UTF8PROC_CATEGORY_CO;
}

char32_t lower_case(char32_t c) {
  if (c == kBrokenPoint) return c;
  return static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c)));
}

std::optional<FoundPoint> find_point(std::string_view text, bool (*wanted)(char32_t)) {
  for (std::size_t place = 1; !text.empty(); ++place) {
    const char32_t point = take_point(text);
    if (wanted(point)) return FoundPoint{point, place};
  }
  return std::nullopt;
}

PointKind kind_of(char32_t c) {
  if (c == kBrokenPoint) return PointKind::other;
  switch (category(c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
      return PointKind::letter;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
      return PointKind::digit;
    case UTF8PROC_CATEGORY_SO:
    case UTF8PROC_CATEGORY_SK:
    case UTF8PROC_CATEGORY_SC:
    case UTF8PROC_CATEGORY_SM:
      return PointKind::symbol;
    default:
      return PointKind::other;
  }
}

int display_columns(char32_t point) {
  return point == kBrokenPoint ? 1 : utf8proc_charwidth(static_cast<utf8proc_int32_t>(point));
}

AsciiDomain ascii_domain(std::string_view domain) {
  std::string lower = to_lower(domain);
  if (is_ascii(lower) && !lower.starts_with("xn--") && lower.find(".xn--") == lower.npos) {
    return {std::move(lower), {}};
  }
  // The library takes a C string and would judge what stands before it.
  if (lower.find('\0') != lower.npos) return {{}, "it has a NUL"};
  char* raw = nullptr;
  const int code = idn2_to_ascii_8z(lower.c_str(), &raw, IDN2_NONTRANSITIONAL);
  const std::unique_ptr<char, decltype(&idn2_free)> owner(raw, &idn2_free);
  if (code != IDN2_OK) return {{}, idn2_strerror(code)};
  return {raw, {}};
}

}  // namespace mesh
