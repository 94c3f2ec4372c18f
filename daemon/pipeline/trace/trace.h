// Where an event is: from its acceptance to what it became.
//
// All of it follows from what is there anyway, and from what every process can see: the record in
// the log or the outbox, what the groups have committed, what is parked for them, dead letters, the
// rows of projections and the points of the index. Nothing is written for it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/ports/embedders.h"
#include "common/ports/event_log.h"
#include "common/ports/outbox.h"
#include "common/ports/projection_store.h"
#include "common/ports/retry_store.h"
#include "common/ports/vector_index.h"
#include "daemon/pipeline/dead_letters/dead_letters.h"
#include "daemon/pipeline/trace/event_search.h"

namespace mesh::pipeline {

struct TracePorts {
  EventLog& log;
  LogAdmin& admin;
  Outbox& outbox;
  RetryStore& retries;
  VectorIndex& index;
  Embedders& embedders;
  AnalyticsStore& analytics;
  ChemicalStore& chemical;
  Clock& clock;
};

enum class TraceState { pending, retrying, dead, done };

// In the outbox: its change is stored, and the relay has not brought it to the log yet.
struct OutboxPlace {
  std::int64_t sequence = 0;
  std::int64_t ahead = 0;  // entries that go before it
  Record record;
};

// What a user's event or an activity event became, as far as the engine can tell.
struct Effect {
  std::string generation;               // of the index; empty: a row of a projection
  bool reached = false;                 // the row is there, or the index has this version or later
  std::optional<Timestamp> since;       // of a row; the index keeps no times
  std::optional<std::int64_t> version;  // that the index holds of the user; nothing: no such user
  std::string text;                     // for people
};

struct PipelineTrace {
  std::string pipeline = {};  // its group
  TraceState state = TraceState::pending;
  bool serves = true;           // of generations of the index the one that searches ask
  std::int64_t behind = 0;      // events of its partition that the group has to do before it
  bool behind_its_key = false;  // pending: parked behind an earlier event of its key that failed
  bool passed = false;          // the group is past it, which alone does not make it done
  bool settled = false;         // dead: its letter was settled, and no record came back from it
  int attempts = 0;             // that failed
  std::vector<Attempt> history = {};
  std::optional<Timestamp> next_attempt = {};
  std::string cause_class = {}, cause = {};  // of the last failure
  std::optional<DeadLetter> letter = {};
  std::optional<Effect> effect = {};
};

struct Trace {
  Event event;
  std::optional<OutboxPlace> outbox = {};   // one of this and the next
  std::optional<StoredRecord> record = {};  // where it stands now
  std::vector<DeadLetter> redriven = {};    // that it came back from, the first one first
  std::vector<PipelineTrace> pipelines = {};
  TraceState state = TraceState::pending;
  EventSearch search = {};
};

inline constexpr std::int64_t kMaxOutboxEntries = 100'000;
// What one trace may cost.
struct TraceBounds {
  std::int64_t records = kMaxSearched;      // that it reads from the log, all its looks together
  std::int64_t outbox = kMaxOutboxEntries;  // entries that it looks at
  bool others = true;                       // groups of other programs are told too
};
// A tenant may ask for any id; what that costs is bounded well below an operator's.
inline constexpr TraceBounds kTenantBounds{50'000, 5'000, false};

// `not_found` with the places that were looked at; `invalid` for a topic of dead letters. Where the
// bound of records ends it, search.whole is false, and done is only what its effect shows. Blocks
// while it reads.
Result<Trace> trace_event(const TracePorts& ports, const EventQuery& query,
                          const TraceBounds& bounds = {});

// --- parts of it, for whoever asks about an entity

// The first entry that `wanted` takes; nothing where none does, or beyond `most` entries.
Result<std::optional<OutboxPlace>> find_in_outbox(Outbox& outbox,
                                                  const std::function<bool(const Record&)>& wanted,
                                                  std::int64_t most = kMaxOutboxEntries);

// Letters of a partition of a dead-letter topic, from a time on.
struct LettersFound {
  struct One {
    DeadLetter letter;
    std::optional<Timestamp> settled;  // redriven, mended or purged
  };
  std::vector<One> letters;
  bool whole = true;  // false: there were more records than could be read
};
inline constexpr std::int64_t kMaxLetters = 200'000;  // records, of a look for letters alone
// Reads at most `left` records, or a batch more, and takes off what it read.
Result<LettersFound> letters_of(EventLog& log, LogAdmin& admin, const std::string& topic,
                                const std::string& key, Timestamp since, std::int64_t& left,
                                const std::function<bool(const StoredRecord& letter)>& wanted);

// Where an event stands now that was redriven or mended, however often, since its record `record`.
struct Standing {
  StoredRecord record;
  std::vector<DeadLetter> redriven = {};        // that it came back from, the first one first
  std::vector<LettersFound::One> letters = {};  // of the record
  bool whole = true;                            // false: there may be a later record, or letters
};
// Reads as letters_of() does.
Result<Standing> follow_redrives(EventLog& log, LogAdmin& admin, StoredRecord record,
                                 std::int64_t& left);

}  // namespace mesh::pipeline
