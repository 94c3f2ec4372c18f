#include "daemon/pipeline/event_index/event_sweep.h"

#include <set>

#include "common/telemetry/log.h"
#include "daemon/pipeline/event_index/event_indexing.h"
#include "daemon/pipeline/retention/retentions.h"

namespace mesh::pipeline {
namespace {

constexpr const char* kSweepLease = "event-index";

}  // namespace

// The first time of a Periodic is the caller's, who should not wait for the index.
void EventSweep::start() {
  if (rounds_) return;
  rounds_ = std::make_unique<Periodic>("event-sweep", deps_.clock, kPeriod, [this] {
    if (!begun_.exchange(true)) return;
    if (auto done = round(); !done) {
      log::warn("the event index may hold what the log does not; the next round takes it out",
                {{"error", done.error().to_string()}});
    }
  });
}

void EventSweep::stop() {
  stopping_ = true;
  if (rounds_) rounds_->stop();
  if (lease_) (void)deps_.leases.release(*lease_);  // it runs out by itself
  lease_.reset();
}

Status EventSweep::round() {
  const bool ours = MESH_TRY(holds_lease());
  if (!ours) return {};
  Status all = below_log();
  Status rest = beyond_retentions();
  return all ? rest : all;
}

// What is taken out twice is taken out once: nothing here asks for the token.
Result<bool> EventSweep::holds_lease() {
  if (lease_) {
    const Status renewed = deps_.leases.renew(*lease_, kLeaseTime);
    if (renewed) return true;
    if (renewed.error().kind != ErrorKind::conflict) return fail(renewed.error());
    lease_.reset();
  }
  lease_ = MESH_TRY(deps_.leases.acquire(kSweepLease, deps_.process, kLeaseTime));
  return lease_.has_value();
}

// Also where a partition begins where it did: whoever read a record before it went may have written
// it since.
Status EventSweep::below_log() {
  std::set<std::string> topics;
  for (const auto& one : MESH_TRY(deps_.index.specs())) {
    if (const auto topic = topic_of(one.type)) topics.insert(*topic);
  }
  Status all;
  for (const auto& topic : MESH_TRY(deps_.admin.topics())) {
    if (!topics.contains(topic.spec.name)) continue;
    for (std::size_t p = 0; p < topic.partitions.size(); ++p) {
      const auto start = topic.partitions[p].start;
      if (start == 0) continue;
      if (stopping_) return all;
      auto erased = deps_.index.erase_below({topic.spec.name, static_cast<std::int32_t>(p)}, start);
      if (!erased && all) all = std::move(erased);
    }
  }
  return all;
}

Status EventSweep::beyond_retentions() {
  Status all;
  for (const auto& [tenant, retention] : MESH_TRY(retentions_of(deps_.tenants))) {
    if (stopping_) return all;
    const auto id = MESH_TRY(TenantId::parse(tenant));
    auto erased = deps_.index.erase(id, std::nullopt, deps_.clock.now() - retention);
    if (!erased && all) all = std::move(erased);
  }
  return all;
}

}  // namespace mesh::pipeline
