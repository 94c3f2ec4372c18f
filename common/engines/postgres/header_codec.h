// The headers of a record as bytes: of each text its length, in decimal, ':' and itself (netstrings
// without the comma). Kafka's headers may hold any bytes, which JSON cannot.
#pragma once

#include <string>
#include <string_view>

#include "common/base/strings.h"
#include "common/domain/event.h"
#include "common/engines/postgres/stored_json.h"

namespace mesh::postgres {

inline std::string encode_headers(const Headers& headers) {
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

// `corrupt` for bytes that encode_headers did not write.
inline Result<Headers> decode_headers(std::string_view bytes) {
  Headers headers;
  while (!bytes.empty()) {
    std::string texts[2];
    for (std::string& text : texts) {
      const auto colon = bytes.find(':');
      const auto size = parse_int(bytes.substr(0, colon));
      if (colon == std::string_view::npos || !size || *size < 0) return fail(damaged("a record"));
      bytes.remove_prefix(colon + 1);
      if (static_cast<std::size_t>(*size) > bytes.size()) return fail(damaged("a record"));
      text = bytes.substr(0, static_cast<std::size_t>(*size));
      bytes.remove_prefix(text.size());
    }
    headers.emplace_back(std::move(texts[0]), std::move(texts[1]));
  }
  return headers;
}

}  // namespace mesh::postgres
