// Long work that an operator started: replays, rebuilds, redrives, purges, backups, seeks,
// migrations, erasures, imports, exports.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/json.h"

namespace mesh {

inline constexpr std::string_view kStartedByMesh = "meshd";

// All there are. Which of them a process can do is its own matter.
inline constexpr std::string_view kTaskKinds[] = {"replay", "rebuild", "redrive",   "purge",
                                                  "backup", "seek",    "migration", "erasure",
                                                  "import", "export"};
// Those of them that a client does by itself, and tells the mesh of.
inline constexpr std::string_view kClientTaskKinds[] = {"import", "export"};
bool is_done_by_client(std::string_view kind);
// A client that did not report for so long is gone.
inline constexpr Duration kClientSilence{60'000};

struct Task {
  enum class State { queued, running, done, failed, cancelled };
  std::string id;    // UUIDv7
  std::string kind;  // one of kTaskKinds
  State state = State::queued;
  Json spec;               // what was asked; depends on kind
  Json checkpoint;         // where to go on after a restart; depends on kind
  Json result;             // counts and findings, filled as it goes
  std::int64_t done = 0;   // units of work (events; bytes of a backup; partitions of a seek; rows)
  std::int64_t total = 0;  // estimate; 0: unknown
  std::string error;       // for `failed`
  std::string started_by;  // who asked for it, as the audit log names him; "meshd": the mesh itself
  bool cancel_requested = false;
  Timestamp created_at{};
  Timestamp started_at{};
  Timestamp finished_at{};
};

bool has_ended(const Task& task);
std::string_view to_string(Task::State state);
// Whose events alone it is about; empty: everyone's.
std::string tenant_of(const Task& task);
// What no two tasks may do at once: where both name the same here, one waits for the other. Empty:
// it bears any beside it.
std::string target_of(const Task& task);
// In the checkpoint of a redrive, true: all is appended, and it only waits for what comes of that.
inline constexpr const char* kAllAppended = "appended";

// In the checkpoint of what a client does, milliseconds since the epoch: when it was last there.
inline constexpr const char* kReportedAt = "reported_at";
Timestamp reported_at(const Task& task);  // the epoch where it is not said

// {"id","kind","state","spec","progress":{"done","total"},"result","summary","error","started_by",
//  "created_at","started_at","finished_at"}; times that are not set are null. `summary` is
// task_summary's.
Json to_json(const Task& task);
// Likewise, as it looks at a time: "progress" has the units done in a second since the start, as
// "rate", and of one that runs "remaining_seconds"; null where they are not known. One that stood
// still in between is slower by that.
Json to_json(const Task& task, Timestamp now);

}  // namespace mesh
