// Content codings of request bodies (RFC 9110 §8.4.1, RFC 8878): gzip and zstd.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace mesh::http {

enum class ContentCoding { identity, gzip, zstd };

// What Content-Encoding may name here, as Accept-Encoding says it (RFC 9110 §12.5.3).
inline constexpr std::string_view kAcceptedCodings = "gzip, zstd";

// The one coding that a Content-Encoding names; nothing for an unknown one and for several.
std::optional<ContentCoding> parse_content_coding(std::string_view field);

// Decodes `encoded` to its end; gzip members and zstd frames may follow one another. `keep` is
// asked with the size of the body whenever it has grown, by at most 64 KiB, so that a small text
// which expands to a large one ends there.
enum class Decoded { ok, broken, refused };  // broken: not of that coding, or cut off
Decoded decode_content(ContentCoding coding, std::string_view encoded,
                       const std::function<bool(std::size_t)>& keep, std::string& body);

}  // namespace mesh::http
