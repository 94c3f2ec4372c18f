// Records as bytes, for the outbox and the retry store.
// Protocol Buffers has several forms of one record, and would spell out the well-known names.
#pragma once

#include <string>
#include <string_view>

#include "common/domain/event.h"

namespace mesh::sqlite {

// Layout: 4 bytes checksum (low half of stable_hash of what follows, little endian), format 1,
// topic, key, 0 or 1 + value, number of headers, headers. Texts are a varint length and bytes. A
// header's name is a varint: below 32 an index of the well-known names, else 32 + length and bytes.
std::string encode_record(std::string_view topic, std::string_view key,
                          const std::optional<std::string>& value, const Headers& headers);
// `corrupt` for bytes that encode_record did not write.
Result<Record> decode_record(std::string_view bytes);

}  // namespace mesh::sqlite
