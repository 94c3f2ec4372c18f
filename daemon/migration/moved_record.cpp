#include "daemon/migration/moved_record.h"

#include <algorithm>

#include "common/base/strings.h"
#include "daemon/pipeline/dead_letters/letter.h"

namespace mesh::migration {
namespace {

constexpr std::int64_t kNowhere = -1;

std::string* find_value(Headers& headers, std::string_view name) {
  const auto it = std::ranges::find(headers, name, &Headers::value_type::first);
  return it == headers.end() ? nullptr : &it->second;
}

// The letter that a marker settles, "<partition>@<offset>".
std::optional<Position> settled_by(const StoredRecord& marker) {
  const auto name = find_header(marker.headers, dead_letter::kSettles);
  const auto at = name.find('@');
  if (at == std::string_view::npos) return {};
  const auto partition = parse_int(name.substr(0, at)), offset = parse_int(name.substr(at + 1));
  if (!partition || !offset) return {};
  return Position{marker.position.topic, static_cast<std::int32_t>(*partition), *offset};
}

std::optional<Position> source_of(const StoredRecord& letter) {
  if (find_header(letter.headers, dead_letter::kSourceOffset).empty()) return {};
  return pipeline::source_of(letter).position;
}

std::int64_t moved_offset(const Position& at, const Places& places) {
  const auto place = places.find({at.topic, at.partition}, at.offset);
  return place && place->exact ? place->offset : kNowhere;
}

// What was derived from the position, where the headers do not tell, but for an entity's version:
// those that come will have theirs by the new offsets, as these then have.
void write_identity(StoredRecord& record, const StoredRecord& event_record) {
  if (!record.value) return;
  const auto event = from_record(event_record);
  if (!event) return;
  const Record whole = to_record(*event);
  if (whole.value != record.value) return;
  for (const auto& header : whole.headers) {
    if (header.first == "ce_sequence") continue;
    if (find_header(record.headers, header.first).empty()) record.headers.push_back(header);
  }
}

void keep_plain_identity(StoredRecord& record) {
  keep_identity(record, source_of(record) ? pipeline::source_of(record) : record);
}

// What nobody can read any more has none.
Result<bool> is_readable(StoredRecord& record, cipher::TenantCipher& cipher) {
  auto readable = cipher.decrypt(record);
  if (!readable && readable.error().kind == ErrorKind::corrupt) return false;
  return readable;
}

Status keep_identity_in_log(StoredRecord& record, cipher::TenantCipher* cipher) {
  const std::string key_id(cipher::key_of(record));
  if (!find_header(record.headers, "ce_id").empty()) return {};
  if (key_id.empty()) {
    keep_plain_identity(record);
    return {};
  }
  if (cipher == nullptr) {
    return fail(ErrorKind::conflict,
                to_string(record.position) +
                    " is encrypted and has no ce_id, so that what it says tells its id: name "
                    "tenants.master_key_file in the configuration of the engines to be left, and "
                    "try again");
  }
  StoredRecord plain = record;
  if (!MESH_TRY(is_readable(plain, *cipher))) return {};
  keep_plain_identity(plain);
  record.headers = std::move(plain.headers);
  record.headers.emplace_back(cipher::kKeyHeader, key_id);
  return {};
}

}  // namespace

void keep_identity(StoredRecord& record, const StoredRecord& event_record) {
  if (find_header(record.headers, "ce_id").empty()) write_identity(record, event_record);
}

void want_named(const StoredRecord& record, Places& places) {
  for (const auto& named : {settled_by(record), source_of(record)}) {
    if (named) places.want({named->topic, named->partition}, named->offset);
  }
}

Result<StoredRecord> moved(StoredRecord record, const Places& places,
                           cipher::TenantCipher* cipher) {
  const auto letter = settled_by(record), source = source_of(record);
  MESH_TRY(keep_identity_in_log(record, cipher));
  if (letter) {
    auto name = *letter;
    name.offset = moved_offset(*letter, places);
    *find_value(record.headers, dead_letter::kSettles) = pipeline::settled_name(name);
  }
  if (source) {
    *find_value(record.headers, dead_letter::kSourceOffset) =
        std::to_string(moved_offset(*source, places));
  }
  for (const auto name : {pipeline::kRedrivenFrom, pipeline::kMendedFrom}) {
    if (auto* from = find_value(record.headers, name)) *from += " before a migration";
  }
  return record;
}

}  // namespace mesh::migration
