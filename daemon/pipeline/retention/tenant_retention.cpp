#include "daemon/pipeline/retention/tenant_retention.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>

#include "common/domain/catalogue.h"
#include "common/domain/event.h"
#include "common/telemetry/log.h"
#include "daemon/pipeline/dead_letters/letter.h"

namespace mesh::pipeline {
namespace {

constexpr std::size_t kOffsetsAtOnce = 500;  // of an erasure
constexpr auto kNone = std::numeric_limits<std::int64_t>::max();
// The mesh's own account of a tenant.
constexpr std::array<std::string_view, 3> kAccounts{"tenant.events", "task.events",
                                                    "billing.events"};

bool is_activity(const TopicSpec& topic) {
  std::string_view source = topic.name;
  if (is_dead_letter_topic(source)) source.remove_suffix(dead_letter_topic("").size());
  return topic.kind == TopicKind::activity &&
         std::ranges::find(kAccounts, source) == kAccounts.end();
}

std::int64_t committed_by_all(const std::vector<GroupInfo>& groups,
                              const TopicPartition& partition) {
  std::int64_t lowest = kNone;
  for (const GroupInfo& group : groups) {
    const auto at = group.committed.find(partition);
    if (at != group.committed.end()) lowest = std::min(lowest, at->second);
  }
  return lowest;
}

}  // namespace

// The first time of a Periodic is the caller's, who should not wait for the log.
void TenantRetention::start() {
  if (!deps_.admin.erases_records()) return;
  rounds_ = std::make_unique<Periodic>(
      "retention", deps_.clock, kPeriod,
      [this] {
        if (begun_) round();
      },
      Periodic::Rest::keeps);
  begun_ = true;
  rounds_->hurry();
}

void TenantRetention::stop() {
  stopping_ = true;
  if (rounds_) rounds_->stop();
  if (!lease_) return;
  (void)deps_.leases.release(*lease_);  // it runs out by itself
  lease_.reset();
}

void TenantRetention::round() {
  taken_ = 0;
  const Status all = take_all();
  if (taken_ > 0) log::info("tenants' retention took records", {{"records", taken_}});
  if (all) return;
  log::warn("not all was taken that is older than its tenant's retention; it is tried again",
            {{"cause", all.error().to_string()}});
}

Status TenantRetention::take_all() {
  const auto retentions = MESH_TRY(retentions_of(deps_.tenants));
  for (auto& [partition, places] : places_) {
    std::erase_if(places, [&](const auto& place) { return !retentions.contains(place.first); });
  }
  if (retentions.empty()) return {};
  const bool ours = MESH_TRY(holds_lease());
  if (!ours) return {};
  reads_left_ = kMostReads;
  const auto groups = MESH_TRY(deps_.admin.groups());
  Status all;
  for (const TopicInfo& topic : MESH_TRY(deps_.admin.topics())) {
    if (!is_activity(topic.spec)) continue;
    for (std::int32_t p = 0; p < topic.spec.partitions; ++p) {
      if (stopping_ || reads_left_ == 0) return all;
      const TopicPartition partition{topic.spec.name, p};
      // The others do not wait for one that is damaged.
      auto ranges = due_ranges(partition, committed_by_all(groups, partition), retentions);
      const Status taken = ranges ? take(partition, std::move(*ranges)) : fail(ranges.error());
      if (!taken) all = taken;
    }
  }
  return all;
}

// An erasure may be done twice: nothing that it does asks for the token.
Result<bool> TenantRetention::holds_lease() {
  if (lease_) {
    const Status renewed = deps_.leases.renew(*lease_, kLeaseTime);
    if (renewed) return true;
    if (renewed.error().kind != ErrorKind::conflict) return fail(renewed.error());
    lease_.reset();
  }
  lease_ = MESH_TRY(deps_.leases.acquire(kLease, deps_.process, kLeaseTime));
  return lease_.has_value();
}

Result<TenantRetention::Ranges> TenantRetention::due_ranges(const TopicPartition& partition,
                                                            std::int64_t committed,
                                                            const Retentions& retentions) {
  Places& places = places_[partition];
  const auto marks = MESH_TRY(deps_.log.watermarks(partition));
  std::map<Duration, std::int64_t> due;  // up to which offset
  Ranges ranges;
  for (const auto& [tenant, retention] : retentions) {
    if (!due.contains(retention)) {
      due[retention] = MESH_TRY(deps_.log.offset_at(partition, deps_.clock.now() - retention));
    }
    const Range range{std::max(marks.start, places[tenant]), std::min(due[retention], committed)};
    if (!range.is_done()) ranges.emplace(tenant, range);
  }
  return ranges;
}

// Each record is read once, however many tenants have a retention: where their ranges overlap they
// are read together.
Status TenantRetention::take(const TopicPartition& partition, Ranges ranges) {
  Places& places = places_[partition];
  const bool letters = is_dead_letter_topic(partition.topic);
  std::optional<Markers> markers;
  std::vector<std::int64_t> offsets;
  const auto erase = [&]() -> Status {
    if (!offsets.empty()) taken_ += MESH_TRY(deps_.admin.erase(partition, offsets));
    offsets.clear();
    for (const auto& [tenant, range] : ranges) places[tenant] = range.from;
    return {};
  };
  for (; reads_left_ > 0 && !stopping_; --reads_left_) {
    const auto behind = std::ranges::min_element(
        ranges, {}, [](const auto& of) { return of.second.is_done() ? kNone : of.second.from; });
    if (behind == ranges.end() || behind->second.is_done()) break;
    const std::int64_t next = behind->second.from;
    if (letters && !markers) {
      markers.emplace(deps_.log, partition, next);
      MESH_TRY(markers->advance());
    }
    const auto read = deps_.log.read(partition, next, {.keys_only = !letters});
    if (!read) {
      MESH_TRY(erase());  // what stands before a damaged record goes all the same
      return fail(read.error());
    }
    for (const StoredRecord& record : read->records) {
      const std::int64_t offset = record.position.offset;
      const auto of = ranges.find(tenant_of_key(record.key));
      if (of == ranges.end() || offset < of->second.from || offset >= of->second.to) continue;
      if (letters && !is_marker(record) && !markers->is_settled(record.position)) {
        of->second.to = offset;
        continue;
      }
      offsets.push_back(offset);
      if (offsets.size() == kOffsetsAtOnce) MESH_TRY(erase());
    }
    for (auto& [tenant, range] : ranges) {
      range.from = std::max(range.from, read->at_end ? range.to : std::min(read->next, range.to));
    }
  }
  return erase();
}

}  // namespace mesh::pipeline
