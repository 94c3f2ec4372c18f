// Replay: a pipeline's stage over a range of the log; redrive and purge of dead letters.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/ports/event_log.h"
#include "daemon/pipeline/stage.h"
#include "daemon/pipeline/tasks.h"

namespace mesh::pipeline {

// One end of a range: "start", "end", an offset ("1234", applies to every partition), a time
// ("@2026-11-21T08:00:00Z"), a duration before now ("@-1h", "-1h").
Result<std::int64_t> resolve_bound(EventLog& log, const TopicPartition& partition,
                                   std::string_view bound, Timestamp now);

struct ReplaySpec {
  std::string topic;
  std::string pipeline;  // "user-index" (the serving generation), "analytics", "chemical"
  std::string from = "start";
  std::string to = "end";  // fixed to offsets when the task is made
  std::optional<std::string> tenant;
  std::optional<std::string> type;
  std::optional<int> partition;
};
// The body of POST /admin/v1/replays: the members above (and "dry_run"). Without "pipeline" the one
// that follows the topic is meant.
Result<ReplaySpec> replay_spec_from_json(const Json& json);

struct ReplayEstimate {
  std::int64_t scanned = 0;   // records in the range
  std::int64_t matching = 0;  // of the tenant and type
  std::map<std::string, std::int64_t> by_type;
  std::map<std::string, std::int64_t> by_tenant;  // the 20 largest
  double seconds = 0;  // at the measured rate of the counting scan and of the last replay
  Timestamp first{}, last{};
};
Json to_json(const ReplayEstimate& estimate);

// What replays need of the pipelines: the stage by name, "user-index" being the serving one.
using StageByName = std::function<Result<Stage*>(const std::string& pipeline)>;

// A replay whose bounds have become offsets: what a task of kind "replay" is submitted with.
struct FixedReplay {
  Json spec;               // the spec's members, and "ranges":[{"partition","from","to"}]
  std::int64_t total = 0;  // offsets in the ranges
};

// Any thread.
class Replayer {
 public:
  Replayer(EventLog& log, LogAdmin& admin, Clock& clock, StageByName stages);
  // Resolves the bounds; `not_found` for an unknown topic, partition or pipeline, `invalid` for a
  // bound that is none or a range that ends before it begins.
  Result<FixedReplay> fix(const ReplaySpec& spec);
  // Reads the range and counts; nothing is changed. Blocks.
  Result<ReplayEstimate> estimate(const ReplaySpec& spec);
  // The work of a task of kind "replay", submitted with fix()'s spec: result {"done","dead",
  // "skipped","dead_events":[…]}. Dead outcomes write no dead letters; the first 20 are listed.
  Status run(TaskContext& context);

 private:
  EventLog& log_;
  LogAdmin& admin_;
  Clock& clock_;
  const StageByName stages_;
  std::mutex mutex_;
  std::map<std::string, double> rates_;  // events/s of the last replay by pipeline; by mutex_
};

struct DeadLetterFilter {
  std::optional<std::string> tenant;
  std::optional<std::string> cause_class;
  std::optional<std::string> event_id;
};
// Of a task's spec: {"topic","tenant"?,"cause"?,"id"?}; `invalid` for other members.
Result<DeadLetterFilter> dead_letter_filter_from_json(const Json& json);
struct DeadLetter {
  Position position;  // in the dead-letter topic
  Timestamp died_at{};
  std::string pipeline, source, tenant, cause_class, cause;  // source: "user.events/3@17"
  int attempts = 0;
  std::string key;
  std::optional<std::string> value;
  std::optional<Event> event;  // empty where the record cannot be decoded
};
Json to_json(const DeadLetter& letter);

// A dead-letter topic is an ordinary activity topic, so a letter that was redriven or purged is not
// taken out of it: a marker record (header mesh_settles = "<partition>@<offset>", same key, no
// value) is appended behind it, in one append with the redriven record, and settled letters are no
// longer listed or counted. `topic` may be the dead-letter topic or the one it belongs to. Any
// thread.
class DeadLetters {
 public:
  DeadLetters(EventLog& log, LogAdmin& admin, Clock& clock);
  // Newest first, at most `limit`.
  Result<std::vector<DeadLetter>> list(const std::string& topic, const DeadLetterFilter& filter,
                                       int limit);
  // Calls `use` with each unsettled letter that matches, newest first within each partition, until
  // it returns false (which is success). Letters are not kept, so any number of them will do; a
  // settled one costs its name between its marker and itself. Blocks while it reads the topic.
  Status each(const std::string& topic, const DeadLetterFilter& filter,
              const std::function<bool(const DeadLetter&)>& use);
  Result<std::int64_t> count(const std::string& topic, const DeadLetterFilter& filter);
  // The works of tasks of kind "redrive" and "purge"; spec: {"topic"} and the filter's members.
  // Redriven records go back to the source topic, oldest first, without the headers of death and
  // with mesh_redriven_from, so that every pipeline sees them again, idempotently. In a topic of
  // entities a letter that a newer state of its entity has overtaken is settled only: as the last
  // record of its key the old state would outlive the new one. Result {"redriven","superseded",
  // "skipped"} or {"purged"}.
  Status redrive(TaskContext& context);
  Status purge(TaskContext& context);

 private:
  Status settle_all(TaskContext& context, bool redrive);

  EventLog& log_;
  LogAdmin& admin_;
  Clock& clock_;
};

}  // namespace mesh::pipeline
