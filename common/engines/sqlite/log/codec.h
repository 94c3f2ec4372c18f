// The stored form of a record.
//
//   body := len key · len+1 value (0: no value) · count headers · (len name · len value)*
//
// Lengths and the count are LEB128 varints, each followed by its bytes. The row beside it holds
// offset, time, the partition's running total of body bytes, and a checksum over all of them.
// Protocol Buffers' varints take numbers with more bytes than they need, so one record would have
// several forms, and its library would be here for these alone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/domain/event.h"

namespace mesh::sqlite {

// Appends the body of `record` to `out`.
void encode_body(const Record& record, std::string& out);

// False where the bytes are not a body.
bool decode_body(std::string_view body, StoredRecord& out);

// The key and whether there is a value, without the rest.
struct BodyHead {
  std::string_view key;
  bool tombstone = false;
};
bool decode_head(std::string_view body, BodyHead& out);
// The first header of that name, without the rest; empty where there is none.
std::string_view header_in(std::string_view body, std::string_view name);

// What a row's checksum covers beside its body, so that a row in the wrong place is found too.
struct RowPlace {
  std::int64_t partition_id = 0;
  std::int64_t offset = 0;
  std::int64_t time = 0;
  std::int64_t total = 0;
};
std::int64_t row_checksum(std::uint64_t body_hash, const RowPlace& place);

}  // namespace mesh::sqlite
