#include "cli/commands/task_view.h"

#include "cli/render/number.h"
#include "common/base/time.h"

namespace mesh::cli {
namespace {

// Put into a task that is shown to people: a column's function sees the task alone, and how long a
// running one takes needs the time of day.
constexpr const char* kSeenAt = "seen_at";

std::string word(const Json& task, std::string_view path) {
  const Json& value = at_path(task, path);
  return value.is_string() ? value.get<std::string>() : std::string{};
}

bool any(const Json& task, std::string_view path) {
  const Json& value = at_path(task, path);
  return value.is_number_integer() && value.get<std::int64_t>() > 0;
}

// From its start to its end, or to now.
std::string took_text(const Json& task) {
  const auto from = parse_rfc3339(word(task, "started_at"));
  auto to = parse_rfc3339(word(task, "finished_at"));
  if (!to) to = parse_rfc3339(word(task, kSeenAt));
  if (!from || !to || *to < *from) return {};
  return seconds_text(std::chrono::duration<double>(*to - *from).count());
}

// Units of work: bytes of a backup, partitions of a seek, rows of an import, else events.
std::string units_text(const Json& task, std::string_view path) {
  const Json& units = at_path(task, path);
  return word(task, "kind") == "backup" ? size_text(units) : count_text(units);
}
std::string done_text(const Json& task) { return units_text(task, "progress.done"); }
std::string total_text(const Json& task) { return units_text(task, "progress.total"); }

}  // namespace

std::string task_next_step(const Json& task) {
  const std::string id = word(task, "id"), state = word(task, "state"), kind = word(task, "kind");
  if (state == "queued" || state == "running") {
    return "`mesh tasks wait " + id + "` follows it, `mesh tasks cancel " + id + "` stops it";
  }
  if (state != "done") return {};
  // One step is named, that for the worst of what the result says.
  const std::string letters = "`mesh dlq show " + word(task, "spec.topic") + "`";
  if (any(task, "result.died_again")) return letters + " shows why they died again";
  if (any(task, "result.pending")) {
    return "`mesh groups list` shows what holds the pipelines up, " + letters + " what dies still";
  }
  if (any(task, "result.dead")) {
    return "`mesh tasks get " + id + " -o json` lists them under result.dead_events";
  }
  if (kind == "backup") {
    const std::string folder = word(task, "spec.path");
    return "`mesh backup verify " + folder + "` looks at it again, `mesh restore " + folder +
           " --data-dir NEW` puts it into a new data folder";
  }
  if (kind == "erasure" && at_path(task, "result.receipt").is_object()) {
    return "`mesh tasks get " + id + " -o json` has the receipt as result.receipt";
  }
  if (const std::string type = word(task, "spec.type"); kind == "rebuild" && !type.empty()) {
    return "`mesh index events` shows it, `mesh index rollback-events " + type + "` goes back";
  }
  if (kind == "rebuild" && at_path(task, "spec.shadow") == true) {
    const std::string number = plain_text(at_path(task, "result.generation"));
    return "`mesh index compare` asks it and the one that serves, `mesh index serve " + number +
           "` serves it, `mesh index drop " + number + "` gives it up";
  }
  if (kind == "rebuild") {
    return "`mesh index verify` compares it with the log, `mesh index rollback` goes back";
  }
  return {};
}

const View& task_view() {
  using Show = Field::Show;
  using Kind = Field::Kind;
  static const View view{
      "id",
      {{"id", "ID", "the task's id"},
       {"kind", "KIND",
        "replay, rebuild, redrive, purge, backup, seek, migration, erasure, import or export"},
       {"state", "STATE", "queued, running, done, failed or cancelled"},
       {"", "DONE", "units of work done: events, bytes of a backup, partitions of a seek, rows",
        Show::wide, Kind::count, done_text},
       {"", "TOTAL", "units of work there are; 0: not known", Show::wide, Kind::count, total_text},
       {"progress.rate", "RATE", "units done in a second, since its start", Show::wide, Kind::rate},
       {"progress.remaining_seconds", "LEFT", "how long it takes still, at that rate", Show::always,
        Kind::seconds},
       {"started_by", "BY", "who asked for it, as the audit log names him"},
       {"created_at", "CREATED", "when it was asked for", Show::wide, Kind::time},
       {"started_at", "STARTED", "when it began", Show::wide, Kind::time},
       {"finished_at", "FINISHED", "when it ended", Show::wide, Kind::time},
       {"", "TOOK", "from its start to its end, or to now", Show::always, Kind::seconds, took_text},
       {"summary", "RESULT", "what came of it, in words; before its end, how far it is"},
       {"", "NEXT", "what may be done about it", Show::wide, Kind::text, task_next_step},
       {"spec", "ASKED", "what was asked", Show::wide},
       {"progress.done", "UNITS DONE",
        "units of work done: events, bytes of a backup, partitions of a seek, rows", Show::never},
       {"progress.total", "UNITS", "units of work there are; 0: not known", Show::never},
       {"result", "FINDINGS", "counts and findings so far", Show::never},
       {"error", "ERROR", "why it failed", Show::never}},
      "RESULT"};
  return view;
}

Json shown_task(const Session& session, const Json& task) {
  // JSON, YAML and CSV have what the server answered and nothing else.
  if (!task.is_object() || !session.out.for_people()) return task;
  Json shown = task;
  shown[kSeenAt] = format_rfc3339(session.clock.now());
  return shown;
}

}  // namespace mesh::cli
