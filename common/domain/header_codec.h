// The headers of a record as bytes: of each text its length, in decimal, ':' and itself (netstrings
// without the comma). Kafka's headers may hold any bytes, which JSON cannot.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/domain/event.h"

namespace mesh {

std::string encode_headers(const Headers& headers);
// Nothing for bytes that encode_headers did not write.
std::optional<Headers> decode_headers(std::string_view bytes);

}  // namespace mesh
