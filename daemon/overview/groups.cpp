#include "daemon/overview/groups.h"

#include <algorithm>

#include "daemon/pipeline/lag.h"

namespace mesh::overview {
namespace {

const char* breaker_of(const Metrics& metrics, const std::string& group) {
  // The gauge of daemon/pipeline/consumer/pipeline_metrics.h.
  const auto of_group = [&](const Labels& labels) {
    const auto at = labels.find("pipeline");
    return at != labels.end() && at->second == group;
  };
  const double state = metrics.sum("mesh_pipeline_breaker_state", of_group);
  return state >= 2 ? "open" : state >= 1 ? "half_open" : "closed";
}

std::int64_t lag_of(const GroupInfo& group, std::span<const TopicInfo> topics) {
  std::int64_t lag = 0;
  for (const auto& [partition, offset] : group.committed) {
    const auto topic = std::ranges::find_if(
        topics, [&](const TopicInfo& info) { return info.spec.name == partition.topic; });
    const auto number = static_cast<std::size_t>(partition.partition);
    // A topic that is gone has no lag.
    if (topic == topics.end() || number >= topic->partitions.size()) continue;
    const Watermarks& marks = topic->partitions[number];
    lag += std::max<std::int64_t>(0, marks.end - std::max(marks.start, offset));
  }
  return lag;
}

}  // namespace

Result<std::vector<GroupSample>> sample_groups(const GroupPorts& ports,
                                               std::span<const TopicInfo> topics,
                                               std::span<const pipeline::PipelineStatus> running,
                                               Timestamp now) {
  using State = pipeline::PipelineStatus::State;
  const auto groups = MESH_TRY(ports.admin.groups());
  std::vector<GroupSample> samples;
  for (const auto& info : groups) {
    GroupSample sample{.group = info.name, .lag = lag_of(info, topics), .active = info.active};
    const auto here = std::ranges::find_if(running, [&](const auto& status) {
      return status.name == info.name && status.state != State::stopped;
    });
    const bool runs_here = here != running.end();
    sample.state = runs_here     ? pipeline::state_text(here->state)
                   : info.active ? "running"
                                 : "inactive";
    if (runs_here) {
      sample.breaker = breaker_of(ports.metrics, info.name);
      sample.lag_seconds = here->lag_seconds;
      sample.parked = here->parked;
      sample.last_error = here->last_error;
    }
    if (!runs_here || info.members.size() > 1) {
      const auto parked = MESH_TRY(ports.retries.parked_keys(info.name));
      sample.parked = std::ssize(parked);
      if (sample.lag > 0) {
        const auto oldest = MESH_TRY(pipeline::oldest_from(ports.log, info.committed));
        const std::chrono::duration<double> age = oldest ? now - *oldest : Duration{0};
        sample.lag_seconds = std::max(sample.lag_seconds, age.count());
      }
    }
    samples.push_back(std::move(sample));
  }
  std::ranges::sort(samples, {}, &GroupSample::group);
  return samples;
}

}  // namespace mesh::overview
