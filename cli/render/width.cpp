#include "cli/render/width.h"

#include <utf8proc.h>

namespace mesh::cli {
namespace {

// The code point at the front and its length; -1 and 1 for a broken sequence.
std::pair<utf8proc_int32_t, std::size_t> front(std::string_view text) {
  utf8proc_int32_t point = -1;
  const auto length = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                       static_cast<utf8proc_ssize_t>(text.size()), &point);
  if (length < 1) return {-1, 1};
  return {point, static_cast<std::size_t>(length)};
}

std::string hex_escape(unsigned char byte) {
  static constexpr char kDigits[] = "0123456789abcdef";
  return {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
}

}  // namespace

int display_width(std::string_view text) {
  int width = 0;
  while (!text.empty()) {
    const auto [point, length] = front(text);
    width += point < 0 ? 1 : utf8proc_charwidth(point);
    text.remove_prefix(length);
  }
  return width;
}

std::string truncate(std::string_view text, int width) {
  if (display_width(text) <= width) return std::string(text);
  if (width < 1) return {};
  int used = 0;
  std::size_t end = 0;
  while (end < text.size()) {
    const auto [point, length] = front(text.substr(end));
    const int next = used + (point < 0 ? 1 : utf8proc_charwidth(point));
    if (next > width - 1) break;
    used = next;
    end += length;
  }
  return std::string(text.substr(0, end)) + "…";
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto [point, length] = front(text);
    const auto byte = static_cast<unsigned char>(text.front());
    if (point < 0) {
      out += hex_escape(byte);
    } else if (point == '\n') {
      out += "\\n";
    } else if (point == '\t') {
      out += "\\t";
    } else if (point < 0x20 || point == 0x7f) {
      out += hex_escape(byte);
    } else if (point >= 0x80 && point < 0xa0) {
      out += hex_escape(static_cast<unsigned char>(point));
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  return out;
}

}  // namespace mesh::cli
