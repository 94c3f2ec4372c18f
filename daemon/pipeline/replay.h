// Replay: a pipeline's stage over a range of the log; redrive and purge of dead letters.
#pragma once

#include <functional>
#include <map>
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
Result<ReplaySpec> replay_spec_from_json(const Json& json);  // the body of POST /admin/v1/replays

struct ReplayEstimate {
  std::int64_t scanned = 0;   // records in the range
  std::int64_t matching = 0;  // of the tenant and type
  std::map<std::string, std::int64_t> by_type;
  std::map<std::string, std::int64_t> by_tenant;  // the 20 largest
  double seconds = 0;         // at the measured rate of the counting scan and of the last replay
  Timestamp first{}, last{};
};
Json to_json(const ReplayEstimate& estimate);

// What replays need of the pipelines: the stage by name, "user-index" being the serving one.
using StageByName = std::function<Result<Stage*>(const std::string& pipeline)>;

class Replayer {
 public:
  Replayer(EventLog& log, LogAdmin& admin, Clock& clock, StageByName stages);
  // Reads the range and counts; nothing is changed. Blocks.
  Result<ReplayEstimate> estimate(const ReplaySpec& spec);
  // The work of a task of kind "replay": result {"done","dead","skipped"}.
  Status run(TaskContext& context);

 private:
  EventLog& log_;
  LogAdmin& admin_;
  Clock& clock_;
  StageByName stages_;
};

struct DeadLetterFilter {
  std::optional<std::string> tenant;
  std::optional<std::string> cause_class;
  std::optional<std::string> event_id;
};
struct DeadLetter {
  Position position;          // in the dead-letter topic
  Timestamp died_at{};
  std::string pipeline, source, tenant, cause_class, cause;  // source: "user.events/3@17"
  int attempts = 0;
  Event event;
};
Json to_json(const DeadLetter& letter);

// A dead-letter topic is an ordinary activity topic, so a letter that was redriven or purged is not
// taken out of it: a marker record (header mesh_settles = "<partition>@<offset>", same key, no value)
// is appended behind it, and settled letters are no longer listed or counted.
class DeadLetters {
 public:
  DeadLetters(EventLog& log, LogAdmin& admin, Clock& clock);
  // Newest first, at most `limit`, positions before `before` when given.
  Result<std::vector<DeadLetter>> list(const std::string& topic, const DeadLetterFilter& filter,
                                       int limit);
  Result<std::int64_t> count(const std::string& topic, const DeadLetterFilter& filter);
  // The work of tasks of kind "redrive" (back to the source topic, so that every pipeline sees it
  // again, idempotently; headers of death removed) and "purge".
  Status redrive(TaskContext& context);
  Status purge(TaskContext& context);

 private:
  EventLog& log_;
  LogAdmin& admin_;
  Clock& clock_;
};

}  // namespace mesh::pipeline
