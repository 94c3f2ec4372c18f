#include "common/engines/sqlite/store/record_codec.h"

#include <array>
#include <cstdint>

#include "common/base/ids.h"
#include "common/engines/sqlite/core/damage.h"

namespace mesh::sqlite {
namespace {

constexpr char kFormat = 1;
constexpr std::size_t kChecksumBytes = 4;
constexpr std::uint64_t kNamedInline = 32;
// Part of the stored format: append only, at most 32.
constexpr std::array<std::string_view, 10> kWellKnown = {
    "ce_id",      "ce_type",     "ce_source",   "ce_specversion", "ce_time",
    "ce_subject", "ce_tenantid", "ce_sequence", "content-type",   "traceparent"};

bool is_well_known(std::string_view name) {
  return std::find(kWellKnown.begin(), kWellKnown.end(), name) != kWellKnown.end();
}

void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

void put_text(std::string& out, std::string_view text) {
  put_varint(out, text.size());
  out.append(text);
}

void put_header_name(std::string& out, std::string_view name) {
  const auto known = std::find(kWellKnown.begin(), kWellKnown.end(), name);
  if (known != kWellKnown.end()) {
    put_varint(out, static_cast<std::uint64_t>(known - kWellKnown.begin()));
  } else {
    put_varint(out, kNamedInline + name.size());
    out.append(name);
  }
}

std::array<char, kChecksumBytes> checksum(std::string_view bytes) {
  const std::uint64_t hash = stable_hash(bytes);
  return {static_cast<char>(hash), static_cast<char>(hash >> 8), static_cast<char>(hash >> 16),
          static_cast<char>(hash >> 24)};
}

// Reads front to back; after the first read beyond the end, or of what put_… does not write,
// `broken` stays set.
struct Reader {
  std::string_view rest;
  bool broken = false;

  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (rest.empty()) break;
      const auto byte = static_cast<unsigned char>(rest.front());
      rest.remove_prefix(1);
      value |= std::uint64_t{byte & 0x7fu} << shift;
      const bool longer_than_needed = byte == 0 && shift > 0;
      // The tenth byte has one bit to give.
      const bool overflows = shift == 63 && byte > 1;
      if (longer_than_needed || overflows) break;
      if (byte < 0x80) return value;
    }
    broken = true;
    return 0;
  }
  std::string bytes(std::uint64_t size) {
    if (broken || size > rest.size()) {
      broken = true;
      return {};
    }
    std::string text(rest.substr(0, size));
    rest.remove_prefix(size);
    return text;
  }
  std::string text() { return bytes(varint()); }
  std::string header_name() {
    const std::uint64_t token = varint();
    if (token < kWellKnown.size()) return std::string(kWellKnown[token]);
    if (token >= kNamedInline) {
      std::string name = bytes(token - kNamedInline);
      // A well-known name that is spelt out is refused, so that a record has one form.
      if (!is_well_known(name)) return name;
    }
    broken = true;
    return {};
  }
};

}  // namespace

std::string encode_record(std::string_view topic, std::string_view key,
                          const std::optional<std::string>& value, const Headers& headers) {
  std::size_t size = 32 + topic.size() + key.size() + (value ? value->size() : 0);
  for (const auto& [name, text] : headers) size += name.size() + text.size() + 4;
  std::string out(kChecksumBytes, '\0');
  out.reserve(size);
  out.push_back(kFormat);
  put_text(out, topic);
  put_text(out, key);
  out.push_back(value ? 1 : 0);
  if (value) put_text(out, *value);
  put_varint(out, headers.size());
  for (const auto& [name, text] : headers) {
    put_header_name(out, name);
    put_text(out, text);
  }
  // Beside the page's sum: it finds a record that a repair, or a mistake of ours, put together
  // wrongly.
  const auto sum = checksum(std::string_view(out).substr(kChecksumBytes));
  std::copy(sum.begin(), sum.end(), out.begin());
  return out;
}

Result<Record> decode_record(std::string_view bytes) {
  const auto damaged = [](const char* what) { return fail(damaged_file("store.db", what)); };
  if (bytes.size() <= kChecksumBytes) return damaged("record too short");
  const auto sum = checksum(bytes.substr(kChecksumBytes));
  if (bytes.substr(0, kChecksumBytes) != std::string_view(sum.data(), sum.size())) {
    return damaged("record checksum differs");
  }
  Reader reader{bytes.substr(kChecksumBytes)};
  if (reader.bytes(1) != std::string_view(&kFormat, 1)) return damaged("unknown record format");
  Record record;
  record.topic = reader.text();
  record.key = reader.text();
  const std::uint64_t has_value = reader.varint();
  if (has_value > 1) return damaged("neither a value nor none");
  if (has_value == 1) record.value = reader.text();
  for (std::uint64_t count = reader.varint(); count > 0 && !reader.broken; --count) {
    std::string name = reader.header_name();
    record.headers.emplace_back(std::move(name), reader.text());
  }
  if (reader.broken || !reader.rest.empty()) return damaged("record length differs");
  return record;
}

}  // namespace mesh::sqlite
