#include "daemon/pipeline/replay/replay.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "common/base/json_members.h"
#include "common/base/time.h"
#include "daemon/pipeline/consumer/batch.h"
#include "daemon/pipeline/groups.h"
#include "daemon/pipeline/replay/bounds.h"
#include "daemon/pipeline/scan.h"
#include "daemon/pipeline/tasks/task_support.h"

namespace mesh::pipeline {
namespace {

// As large as a pipeline's by default, since batches of both teach the stage's BatchCost.
constexpr std::size_t kBatch = 256;
constexpr int kMaxAttempts = 8;  // per event; outages do not count
constexpr std::size_t kDeadListed = 20;
constexpr std::size_t kTenantsListed = 20;

struct OffsetRange {
  TopicPartition partition;
  std::int64_t from = 0, to = 0;
};

// Tenant and type, read from the headers where they are: the filter sees every record of a range.
struct Label {
  std::string tenant, type;
};
std::optional<Label> label_of(const StoredRecord& record) {
  const auto tenant = find_header(record.headers, "ce_tenantid");
  const auto type = find_header(record.headers, "ce_type");
  if (!tenant.empty() && !type.empty()) return Label{std::string(tenant), std::string(type)};
  const auto event = from_record(record);
  if (!event) return std::nullopt;
  return Label{event->tenant.str(), event->type};
}

bool matches(const ReplaySpec& spec, const std::optional<Label>& label) {
  // What cannot be decoded has no tenant, so a replay for one leaves it out.
  if (!label) return !spec.tenant && !spec.type;
  return (!spec.tenant || *spec.tenant == label->tenant) &&
         (!spec.type || *spec.type == label->type);
}

// An estimate has no more digits that mean something.
double two_digits(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1e", value);
  return std::strtod(text, nullptr);
}

std::int64_t offsets_in(const std::vector<OffsetRange>& ranges) {
  std::int64_t sum = 0;
  for (const OffsetRange& range : ranges) sum += range.to - range.from;
  return sum;
}

Result<std::vector<OffsetRange>> resolve(EventLog& log, LogAdmin& admin, const ReplaySpec& spec,
                                         Timestamp now) {
  const auto topic = MESH_TRY(find_topic(admin, spec.topic));
  const int partitions = topic.spec.partitions;
  if (spec.partition && (*spec.partition < 0 || *spec.partition >= partitions)) {
    return fail(ErrorKind::not_found, spec.topic + " has the partitions 0 to " +
                                          std::to_string(partitions - 1) + ", not " +
                                          std::to_string(*spec.partition));
  }
  std::vector<OffsetRange> ranges;
  bool reversed = false;
  for (int p = 0; p < partitions; ++p) {
    if (spec.partition && *spec.partition != p) continue;
    const TopicPartition partition{spec.topic, p};
    const auto from = resolve_bound(log, partition, spec.from, now);
    if (!from) return in_member("from", from.error());
    const auto to = resolve_bound(log, partition, spec.to, now);
    if (!to) return in_member("to", to.error());
    // An offset that applies to every partition may lie beyond the end of some.
    if (*to > *from) ranges.push_back({partition, *from, *to});
    reversed = reversed || *to < *from;
  }
  if (ranges.empty() && reversed) {
    return bad_member(
        "to", "\"" + spec.to + "\" is before \"" + spec.from + "\": there is nothing between them");
  }
  return ranges;
}

// One run of a replay task.
class Run {
 public:
  Run(EventLog& log, Clock& clock, TaskContext& context, Stage& stage, const ReplaySpec& spec)
      : log_(log), clock_(clock), context_(context), stage_(stage), spec_(spec) {
    const Json& before = context.task().result;
    done_ = before.value("done", std::int64_t{0});
    dead_ = before.value("dead", std::int64_t{0});
    skipped_ = before.value("skipped", std::int64_t{0});
    dead_events_ = before.value("dead_events", Json::array());
    next_ = context.task().checkpoint.value("next", Json::object());
  }

  Status over(const std::vector<OffsetRange>& ranges) {
    const std::int64_t total = offsets_in(ranges);
    std::int64_t passed = 0;
    for (const OffsetRange& range : ranges) {
      const std::string name = std::to_string(range.partition.partition);
      std::int64_t next = next_.value(name, range.from);
      while (next < range.to) {
        if (context_.stopping()) return stopped_early();
        auto part = read(range, next);
        if (!part) return fail(std::move(part.error()));
        // A gap or a time-out of the engine; no step, so no progress to store.
        if (part->records.empty() && !part->at_end) {
          next = std::min(part->next, range.to);
          continue;
        }
        const SteadyTime begin = clock_.steady();
        MESH_TRY(step(std::move(part->records)));
        next = part->at_end ? range.to : std::min(part->next, range.to);
        next_[name] = next;
        report(context_, passed + next - range.from, total, {{"next", next_}}, result());
        // Pauses before further attempts are no cost of a batch.
        if (counted_.rounds == 1) stage_.cost().observe(counted_.events, clock_.steady() - begin);
      }
      passed += range.to - range.from;
    }
    report(context_, total, total, {{"next", next_}}, result());
    return {};
  }

 private:
  Json result() const {
    return {{"done", done_}, {"dead", dead_}, {"skipped", skipped_}, {"dead_events", dead_events_}};
  }

  Result<ReadResult> read(const OffsetRange& range, std::int64_t from) {
    auto part = MESH_TRY(insist(
        context_, [&] { return log_.read(range.partition, from, {.max_records = kBatch}); }));
    std::erase_if(part.records,
                  [&](const StoredRecord& r) { return r.position.offset >= range.to; });
    return part;
  }

  Status step(std::vector<StoredRecord> records) {
    counted_ = {};
    std::int64_t skipped = 0;
    std::vector<ParkedEvent> events;
    for (StoredRecord& record : records) {
      if (matches(spec_, label_of(record))) {
        events.push_back({std::move(record), 0, {}, {}, {}});
      } else {
        ++skipped;
      }
    }
    counted_.events = std::ssize(events);
    for (int rounds = 1; !events.empty(); ++rounds) {
      counted_.rounds = rounds;
      auto again = MESH_TRY(round(std::move(events)));
      events = std::move(again);
      if (events.empty()) break;
      context_.pause(task_delay(rounds));
      if (context_.stopping()) return stopped_early();
    }
    // Only now: what is stopped in the middle is done again from the step's first event.
    skipped_ += skipped;
    done_ += counted_.done;
    dead_ += counted_.dead;
    for (Json& letter : counted_.dead_events) {
      if (dead_events_.size() < kDeadListed) dead_events_.push_back(std::move(letter));
    }
    return {};
  }

  // Gives events to the stage, through outages; answers those that need another attempt.
  Result<std::vector<ParkedEvent>> round(std::vector<ParkedEvent> events) {
    Batch batch;
    for (ParkedEvent& event : events) batch.add(std::move(event));
    for (int failures = 1;; ++failures) {
      // No offsets: a replay moves no group.
      const auto consulted = batch.consult(stage_, {});
      if (consulted) break;
      counted_.rounds = 0;  // an outage tells nothing of what a batch costs
      log::warn("a replay waits for the engine behind its stage",
                {{"task", context_.task().id}, {"error", consulted.error().to_string()}});
      context_.pause(task_delay(failures));
      if (context_.stopping()) return stopped_early();
    }
    std::vector<ParkedEvent> again;
    for (const Work& work : batch.works()) {
      ParkedEvent event = work.event;
      switch (work.verdict) {
        case Work::Verdict::done:
          ++counted_.done;
          break;
        case Work::Verdict::dead:
          note_dead(work, work.cause_class);
          break;
        case Work::Verdict::retry:
          if (++event.attempts >= kMaxAttempts) {
            note_dead(work, "exhausted");
            break;
          }
          again.push_back(std::move(event));
          break;
        case Work::Verdict::behind:
        case Work::Verdict::open:
          again.push_back(std::move(event));
          break;
        case Work::Verdict::abandoned:  // a replay has no partitions that it might lose
          break;
      }
    }
    return again;
  }

  void note_dead(const Work& work, const std::string& cause_class) {
    ++counted_.dead;
    if (counted_.dead_events.size() >= kDeadListed) return;
    counted_.dead_events.push_back({{"position", to_string(work.event.record.position)},
                                    {"tenant", work.tenant},
                                    {"cause_class", cause_class},
                                    {"cause", work.cause}});
  }

  EventLog& log_;
  Clock& clock_;
  TaskContext& context_;
  Stage& stage_;
  const ReplaySpec& spec_;
  Json next_;  // partition → offset to go on from
  std::int64_t done_ = 0, dead_ = 0, skipped_ = 0;
  Json dead_events_;
  struct {
    std::int64_t events = 0, done = 0, dead = 0;
    int rounds = 0;
    std::vector<Json> dead_events;
  } counted_;  // of the step under way; counts only once the step is through
};

// The name alone: which process has the stage is seen where the task runs.
Status is_pipeline(const std::string& name) {
  std::string all;
  for (const TopicGroup& reads : kTopicGroups) {
    if (name == reads.group) return {};
    all += (all.empty() ? "" : ", ") + std::string(reads.group);
  }
  return fail(ErrorKind::not_found, "no pipeline \"" + name + "\"; there are " + all);
}

std::vector<OffsetRange> ranges_of(const Json& spec, const std::string& topic) {
  std::vector<OffsetRange> ranges;
  for (const Json& range : spec.at("ranges")) {
    ranges.push_back({{topic, range.at("partition").get<std::int32_t>()},
                      range.at("from").get<std::int64_t>(),
                      range.at("to").get<std::int64_t>()});
  }
  return ranges;
}

}  // namespace

Json to_json(const ReplayEstimate& estimate) {
  auto counts = [](const std::map<std::string, std::int64_t>& values) {
    Json json = Json::object();
    for (const auto& [name, count] : values) json[name] = count;
    return json;
  };
  auto time = [&](Timestamp t) {
    return estimate.matching > 0 ? Json(format_rfc3339(t)) : Json(nullptr);
  };
  return {{"scanned", estimate.scanned},         {"matching", estimate.matching},
          {"by_type", counts(estimate.by_type)}, {"by_tenant", counts(estimate.by_tenant)},
          {"seconds", estimate.seconds},         {"first", time(estimate.first)},
          {"last", time(estimate.last)}};
}

Replayer::Replayer(EventLog& log, LogAdmin& admin, Clock& clock, StageByName stages)
    : log_(log), admin_(admin), clock_(clock), stages_(std::move(stages)) {}

// What batches cost: as learnt here, or typical figures where another process has the stage.
double Replayer::seconds(const std::string& pipeline, std::int64_t batches, std::int64_t events) {
  const auto stage = stages_(pipeline);
  return stage ? (*stage)->cost().seconds(batches, events) : BatchCost().seconds(batches, events);
}

Result<FixedReplay> Replayer::fix(const ReplaySpec& spec) {
  MESH_TRY(is_pipeline(spec.pipeline));
  // Fixed now, so that a task that is resumed ends where it was to end, though the log has grown.
  const auto ranges = MESH_TRY(resolve(log_, admin_, spec, clock_.now()));
  FixedReplay fixed;
  fixed.total = offsets_in(ranges);
  fixed.spec = {
      {"topic", spec.topic}, {"pipeline", spec.pipeline}, {"from", spec.from}, {"to", spec.to}};
  if (spec.tenant) fixed.spec["tenant"] = *spec.tenant;
  if (spec.type) fixed.spec["type"] = *spec.type;
  if (spec.partition) fixed.spec["partition"] = *spec.partition;
  Json list = Json::array();
  for (const OffsetRange& range : ranges) {
    list.push_back(
        {{"partition", range.partition.partition}, {"from", range.from}, {"to", range.to}});
  }
  fixed.spec["ranges"] = std::move(list);
  return fixed;
}

Result<ReplayEstimate> Replayer::estimate(const ReplaySpec& spec) {
  MESH_TRY(is_pipeline(spec.pipeline));
  const auto ranges = MESH_TRY(resolve(log_, admin_, spec, clock_.now()));
  ReplayEstimate estimate;
  std::map<std::string, std::int64_t> tenants;
  const SteadyTime begin = clock_.steady();
  // A replay reads kBatch records at a time and gives the stage those that match.
  std::int64_t batches = 0, in_range = 0, counted = -1;  // the batch that counted last
  auto count = [&](std::vector<StoredRecord>& records) {
    for (const StoredRecord& record : records) {
      ++estimate.scanned;
      // A batch of which nothing matches costs the stage nothing.
      const std::int64_t batch = in_range++ / static_cast<std::int64_t>(kBatch);
      const auto label = label_of(record);
      if (!matches(spec, label)) continue;
      estimate.first = estimate.matching == 0 ? record.time : std::min(estimate.first, record.time);
      estimate.last = std::max(estimate.last, record.time);
      ++estimate.matching;
      if (std::exchange(counted, batch) != batch) ++batches;
      ++estimate.by_type[label ? label->type : "undecodable"];
      if (label) ++tenants[label->tenant];
    }
    return true;
  };
  for (const OffsetRange& range : ranges) {
    in_range = 0;
    counted = -1;
    MESH_TRY(scan(log_, range.partition, range.from, range.to, count));
  }
  std::vector<std::pair<std::string, std::int64_t>> largest(tenants.begin(), tenants.end());
  std::ranges::stable_sort(largest, std::greater{}, [](const auto& entry) { return entry.second; });
  largest.resize(std::min(largest.size(), kTenantsListed));
  estimate.by_tenant = {largest.begin(), largest.end()};

  const std::chrono::duration<double> took = clock_.steady() - begin;
  estimate.seconds = two_digits(took.count() + seconds(spec.pipeline, batches, estimate.matching));
  return estimate;
}

Status Replayer::run(TaskContext& context) {
  const Json& json = context.task().spec;
  const auto spec = MESH_TRY(replay_spec_from_json(json));
  if (!json.contains("ranges")) {
    return fail(ErrorKind::internal, "the replay was submitted without fixed offsets");
  }
  // Held to the end of the run: its generation may be dropped meanwhile.
  const auto stage = MESH_TRY(stages_(spec.pipeline));
  return Run(log_, clock_, context, *stage, spec).over(ranges_of(json, spec.topic));
}

}  // namespace mesh::pipeline
