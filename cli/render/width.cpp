#include "cli/render/width.h"

#include "common/base/unicode.h"

namespace mesh::cli {
namespace {

std::string hex_escape(unsigned char byte) {
  static constexpr char kDigits[] = "0123456789abcdef";
  return {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
}

// "\u202e": what unprintable points beyond U+00FF are written as; in JSON, the others, too.
std::string unicode_escape(char32_t point) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text = "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) text += kDigits[point >> shift & 15];
  return text;
}

// Each unprintable code point and broken byte as `escape` says; empty: as it is.
template <typename Escape>
std::string escaped(std::string_view text, Escape escape) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::string_view before = text;
    const char32_t point = take_point(text);
    // take_point passes over one byte of what is broken, so that the escape names just that.
    const auto bytes = before.substr(0, before.size() - text.size());
    std::string instead;
    if (point == kBrokenPoint || is_unprintable(point)) {
      instead = escape(point, static_cast<unsigned char>(bytes.front()));
    }
    out += instead.empty() ? bytes : std::string_view(instead);
  }
  return out;
}

std::string escape_of(char32_t point, unsigned char byte) {
  if (point == '\n') return "\\n";
  if (point == '\t') return "\\t";
  if (point == kBrokenPoint) return hex_escape(byte);
  return point < 0x100 ? hex_escape(static_cast<unsigned char>(point)) : unicode_escape(point);
}

// As much of the beginning as takes at most `width` columns.
std::string_view leading(std::string_view text, int width) {
  std::string_view rest = text;
  std::size_t end = 0;
  for (int used = 0; !rest.empty();) {
    used += display_columns(take_point(rest));
    // A wide character that would stand half outside is left out as a whole.
    if (used > width) break;
    end = text.size() - rest.size();
  }
  return text.substr(0, end);
}

}  // namespace

int display_width(std::string_view text) {
  int width = 0;
  while (!text.empty()) width += display_columns(take_point(text));
  return width;
}

std::string truncate(std::string_view text, int width) {
  if (display_width(text) <= width) return std::string(text);
  if (width < 1) return {};
  return std::string(leading(text, width - 1)) + "…";
}

std::string truncate_middle(std::string_view text, int width) {
  int rest = display_width(text);
  if (rest <= width) return std::string(text);
  if (width < 1) return {};
  // The odd column goes to the head: beginnings are what one reads first.
  const int tail = (width - 1) / 2;
  const auto head = leading(text, width - 1 - tail);
  while (rest > tail) rest -= display_columns(take_point(text));
  // Marks belong to the character before them, which is gone.
  while (!text.empty()) {
    std::string_view after = text;
    if (display_columns(take_point(after)) > 0) break;
    text = after;
  }
  return std::string(head) + "…" + std::string(text);
}

std::string printable(std::string_view text) { return escaped(text, escape_of); }

std::string printable_lines(std::string_view text) {
  return escaped(text, [](char32_t point, unsigned char byte) {
    return point == '\n' ? std::string() : escape_of(point, byte);
  });
}

std::string printable_json(std::string_view json) {
  return escaped(json, [](char32_t point, unsigned char) {
    // JSON and YAML have control characters escaped already; what is left are line breaks and
    // indents of their layout.
    return point < 0x20 || point == kBrokenPoint ? std::string() : unicode_escape(point);
  });
}

}  // namespace mesh::cli
