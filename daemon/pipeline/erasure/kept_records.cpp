#include "daemon/pipeline/erasure/kept_records.h"

#include <algorithm>
#include <map>

#include "common/base/json.h"
#include "common/base/time.h"
#include "common/domain/catalogue.h"
#include "daemon/pipeline/append.h"
#include "daemon/pipeline/scan.h"

namespace mesh::pipeline {
namespace {

constexpr std::size_t kTombstones = 500;  // per append
constexpr std::string_view kTaskEvents = "task.events";
constexpr std::string_view kTenantEvents = "tenant.events";

std::string place_of(std::string_view topic) { return "log/" + std::string(topic); }

// Whose events alone the task is about that the record tells of.
bool tells_of(const StoredRecord& record, const TenantId& tenant) {
  const auto task =
      record.value ? parse_json(*record.value, {32, record.value->size()}) : Result<Json>(Json());
  if (!task || !task->is_object()) return false;
  const auto spec = task->find("spec");
  return spec != task->end() && spec->is_object() && spec->value("tenant", Json()) == tenant.str();
}

}  // namespace

Result<std::vector<KeptRecords::Topic>> KeptRecords::topics() {
  std::vector<Topic> found;
  for (TopicInfo& info : MESH_TRY(admin_.topics())) {
    const std::string& name = info.spec.name;
    const bool of_operator = name == kTaskEvents || name == kTenantEvents;
    if (target_.subject && !is_of_users(name)) continue;
    found.push_back({std::move(info.spec), of_operator});
  }
  return found;
}

Result<std::int64_t> KeptRecords::size() {
  std::int64_t offsets = 0;
  for (const Topic& topic : MESH_TRY(topics())) {
    for (std::int32_t p = 0; p < topic.spec.partitions; ++p) {
      const auto marks = MESH_TRY(log_.watermarks({topic.spec.name, p}));
      offsets += marks.end - marks.start;
    }
  }
  return offsets;
}

KeptRecords::Standing KeptRecords::standing(const Topic& topic, const StoredRecord& record) const {
  if (topic.spec.name == kTaskEvents) {
    return tells_of(record, target_.tenant) ? Standing::kept : Standing::others;
  }
  if (!concerns(target_, record)) return Standing::others;
  if (topic.spec.kind != TopicKind::entity) return Standing::kept;
  if (!record.value) return Standing::tombstone;
  const bool removal = is_removal(find_header(record.headers, "ce_type"));
  return target_.subject && removal ? Standing::removal : Standing::kept;
}

std::string KeptRecords::why(const Topic& topic, bool keyed) const {
  if (topic.spec.name == kTaskEvents) {
    return "the operator's: which tasks there were, this one among them";
  }
  if (topic.of_operator) return "the operator's: how the tenant's record was changed";
  if (admin_.erases_records()) return {};
  std::string text = "the log takes no single record out: ";
  if (topic.spec.kind == TopicKind::entity) {
    text += "they go with the topic's compaction, before which a tombstone stands for each";
  } else if (topic.spec.max_age) {
    text += "they go with log.retention.activity, after " + format_duration(*topic.spec.max_age);
  } else {
    text += "the topic keeps them for ever";
  }
  if (keyed) text += "; those encrypted with the tenant's key go with it at once";
  return text;
}

Status KeptRecords::each(
    const Topic& topic, const Seen& seen,
    const std::function<Status(const TopicPartition&, std::vector<StoredRecord>&)>& use) {
  for (std::int32_t p = 0; p < topic.spec.partitions; ++p) {
    const TopicPartition partition{topic.spec.name, p};
    const auto marks = MESH_TRY(log_.watermarks(partition));
    for (std::int64_t next = marks.start; next < marks.end;) {
      auto read = MESH_TRY(log_.read(partition, next, {}));
      const std::int64_t to = read.at_end ? marks.end : std::min(read.next, marks.end);
      std::erase_if(read.records, [&](const StoredRecord& record) {
        return record.position.offset >= marks.end || standing(topic, record) == Standing::others;
      });
      if (!read.records.empty()) MESH_TRY(use(partition, read.records));
      MESH_TRY(seen(to - next));
      next = to;
    }
  }
  return {};
}

Result<std::vector<KeptPart>> KeptRecords::count(bool keyed, const Seen& seen) {
  std::vector<KeptPart> parts;
  for (const Topic& topic : MESH_TRY(topics())) {
    KeptPart part{place_of(topic.spec.name), 0, why(topic, keyed)};
    KeptPart removals{part.place + " (removals)", 0,
                      "they name the user's id alone, for those who have not read that it is gone; "
                      "compaction takes them"};
    KeptPart unburied{part.place + " (without a tombstone)"};
    std::map<std::string, Standing> last;  // record of each entity, by key
    MESH_TRY(each(topic, seen, [&](const TopicPartition&, std::vector<StoredRecord>& records) {
      for (const StoredRecord& record : records) {
        const Standing is = standing(topic, record);
        part.count += is == Standing::kept;
        removals.count += is == Standing::removal;
        if (buries(topic)) last[record.key] = is;
      }
      return Status();
    }));
    unburied.count =
        std::ranges::count(last, Standing::kept, [](const auto& of) { return of.second; });
    parts.push_back(std::move(part));
    for (KeptPart* more : {&removals, &unburied}) {
      if (more->count > 0) parts.push_back(std::move(*more));
    }
  }
  return parts;
}

Status KeptRecords::erase(const Seen& seen, const Erased& erased) {
  for (const Topic& topic : MESH_TRY(topics())) {
    if (buries(topic)) MESH_TRY(bury_entities(topic, seen));
    if (topic.of_operator || !admin_.erases_records()) continue;
    MESH_TRY(erase_records(topic, seen, erased));
  }
  return {};
}

bool KeptRecords::buries(const Topic& topic) const {
  return !topic.of_operator && !admin_.erases_records() && topic.spec.kind == TopicKind::entity;
}

Status KeptRecords::erase_records(const Topic& topic, const Seen& seen, const Erased& erased) {
  return each(topic, seen,
              [&](const TopicPartition& partition, std::vector<StoredRecord>& records) -> Status {
                std::vector<std::int64_t> offsets;
                for (const StoredRecord& record : records) {
                  const Standing is = standing(topic, record);
                  if (is != Standing::kept && is != Standing::tombstone) continue;
                  offsets.push_back(record.position.offset);
                }
                if (offsets.empty()) return {};
                const auto gone = MESH_TRY(admin_.erase(partition, offsets));
                return erased(place_of(topic.spec.name), gone);
              });
}

// Where another producer made the key, headers say whose it is: there is nothing else to tell it.
Record KeptRecords::tombstone(const Topic& topic, const std::string& key) const {
  Record record{topic.spec.name, key, std::nullopt, {}};
  if (concerns(target_, {{topic.spec.name, 0, 0}, {}, key, std::nullopt, {}})) return record;
  record.headers.emplace_back("ce_tenantid", target_.tenant.str());
  if (target_.subject) record.headers.emplace_back("ce_subject", *target_.subject);
  return record;
}

Status KeptRecords::bury_entities(const Topic& topic, const Seen& seen) {
  std::map<std::string, Standing> last;  // record of each entity, by key
  MESH_TRY(each(topic, seen, [&](const TopicPartition&, std::vector<StoredRecord>& records) {
    for (const StoredRecord& record : records) last[record.key] = standing(topic, record);
    return Status();
  }));
  std::erase_if(last, [](const auto& entity) { return entity.second != Standing::kept; });
  std::vector<Record> tombstones;
  const auto append = [&]() -> Status {
    if (tombstones.empty()) return {};
    (void)MESH_TRY(append_within(log_, clock_, std::exchange(tombstones, {})));
    return {};
  };
  for (const auto& [key, is] : last) {
    tombstones.push_back(tombstone(topic, key));
    if (tombstones.size() == kTombstones) MESH_TRY(append());
  }
  return append();
}

}  // namespace mesh::pipeline
