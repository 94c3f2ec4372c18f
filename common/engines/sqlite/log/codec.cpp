#include "common/engines/sqlite/log/codec.h"

#include <optional>

namespace mesh::sqlite {
namespace {

void put_varint(std::uint64_t value, std::string& out) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

void put_text(std::string_view text, std::string& out) {
  put_varint(text.size(), out);
  out.append(text);
}

// Takes from the front of `in`; every getter answers nothing instead of reading past the end, and
// for a number with more bytes than it needs: a record has one form.
std::optional<std::uint64_t> get_varint(std::string_view& in) {
  std::uint64_t value = 0;
  // Nine bytes, 63 bits: no length of memory is longer.
  for (int shift = 0; shift < 63; shift += 7) {
    if (in.empty()) return {};
    const auto byte = static_cast<unsigned char>(in.front());
    in.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte == 0 && shift > 0) return {};
    if (byte < 0x80) return value;
  }
  return {};
}

std::optional<std::string_view> get_bytes(std::string_view& in, std::uint64_t size) {
  if (size > in.size()) return {};
  const auto bytes = in.substr(0, size);
  in.remove_prefix(size);
  return bytes;
}

std::optional<std::string_view> get_text(std::string_view& in) {
  const auto size = get_varint(in);
  return size ? get_bytes(in, *size) : std::nullopt;
}

std::uint64_t mix(std::uint64_t h) {  // the finalizer of SplitMix64
  h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9ULL;
  h = (h ^ (h >> 27)) * 0x94d049bb133111ebULL;
  return h ^ (h >> 31);
}

}  // namespace

void encode_body(const Record& record, std::string& out) {
  put_text(record.key, out);
  if (record.value) {
    // One more, so that 0 can say that there is none, which is not the same as an empty one.
    put_varint(record.value->size() + 1, out);
    out.append(*record.value);
  } else {
    put_varint(0, out);
  }
  put_varint(record.headers.size(), out);
  for (const auto& [name, value] : record.headers) {
    put_text(name, out);
    put_text(value, out);
  }
}

bool decode_body(std::string_view body, StoredRecord& out) {
  const auto key = get_text(body);
  if (!key) return false;
  out.key = *key;
  const auto value_size = get_varint(body);
  if (!value_size) return false;
  if (*value_size == 0) {
    out.value.reset();
  } else {
    const auto value = get_bytes(body, *value_size - 1);
    if (!value) return false;
    out.value.emplace(*value);
  }
  const auto count = get_varint(body);
  if (!count || *count > body.size() / 2) return false;  // a header takes two bytes at least
  out.headers.clear();
  out.headers.reserve(*count);
  for (std::uint64_t i = 0; i < *count; ++i) {
    const auto name = get_text(body);
    if (!name) return false;
    const auto value = get_text(body);
    if (!value) return false;
    out.headers.emplace_back(*name, *value);
  }
  // Nothing may follow: a record has one form.
  return body.empty();
}

bool decode_head(std::string_view body, BodyHead& out) {
  const auto key = get_text(body);
  if (!key) return false;
  const auto value_size = get_varint(body);
  if (!value_size) return false;
  out.key = *key;
  out.tombstone = *value_size == 0;
  return true;
}

std::string_view header_in(std::string_view body, std::string_view name) {
  if (!get_text(body)) return {};
  const auto value_size = get_varint(body);
  if (!value_size || (*value_size > 0 && !get_bytes(body, *value_size - 1))) return {};
  const auto count = get_varint(body);
  for (std::uint64_t i = 0; count && i < *count; ++i) {
    const auto found = get_text(body);
    const auto value = found ? get_text(body) : std::nullopt;
    if (!value) return {};
    if (*found == name) return *value;
  }
  return {};
}

std::int64_t row_checksum(std::uint64_t body_hash, const RowPlace& place) {
  std::uint64_t h = body_hash;
  // The parts are mixed in one after the other, so that two that change places give another sum.
  for (const auto part : {place.partition_id, place.offset, place.time, place.total}) {
    h = mix(h + 0x9e3779b97f4a7c15ULL + static_cast<std::uint64_t>(part));
  }
  return static_cast<std::int64_t>(h);
}

}  // namespace mesh::sqlite
