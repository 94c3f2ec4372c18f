#include "common/domain/header_codec.h"

#include "common/base/strings.h"

namespace mesh {

std::string encode_headers(const Headers& headers) {
  std::string out;
  for (const auto& [name, value] : headers) {
    for (const std::string* text : {&name, &value}) {
      out += std::to_string(text->size());
      out += ':';
      out += *text;
    }
  }
  return out;
}

std::optional<Headers> decode_headers(std::string_view bytes) {
  Headers headers;
  while (!bytes.empty()) {
    std::string texts[2];
    for (std::string& text : texts) {
      const auto colon = bytes.find(':');
      const auto size = parse_int(bytes.substr(0, colon));
      if (colon == std::string_view::npos || !size || *size < 0) return {};
      bytes.remove_prefix(colon + 1);
      if (static_cast<std::size_t>(*size) > bytes.size()) return {};
      text = bytes.substr(0, static_cast<std::size_t>(*size));
      bytes.remove_prefix(text.size());
    }
    headers.emplace_back(std::move(texts[0]), std::move(texts[1]));
  }
  return headers;
}

}  // namespace mesh
