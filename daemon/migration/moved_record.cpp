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

}  // namespace

void keep_identity(StoredRecord& record, const StoredRecord& event_record) {
  if (find_header(record.headers, "ce_id").empty()) write_identity(record, event_record);
}

void want_named(const StoredRecord& record, Places& places) {
  for (const auto& named : {settled_by(record), source_of(record)}) {
    if (named) places.want({named->topic, named->partition}, named->offset);
  }
}

StoredRecord moved(StoredRecord record, const Places& places) {
  const auto letter = settled_by(record), source = source_of(record);
  keep_identity(record, source ? pipeline::source_of(record) : record);
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
