// Dead letters: listing, redriving, mending and purging them.
//
// A dead-letter topic is an ordinary activity topic, so a letter that was redriven, mended or
// purged is not taken out of it: a marker record (header mesh_settles = "<partition>@<offset>",
// same key, no value) is appended behind it, once the record that goes back is in the log, and
// settled letters are no longer listed or counted. What ends in between leaves a letter whose event
// is back already, and may go back again: under the same id, which counts once. From the look at
// what is settled to the append that settles more it is one process's turn (turn.h). What goes back
// carries the history of its letter in headers (letter.h), so that a letter of one that dies again
// tells it all.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/domain/attempt.h"
#include "common/ports/event_log.h"
#include "common/ports/lease_store.h"
#include "common/ports/retry_store.h"
#include "common/ports/vector_index.h"
#include "daemon/pipeline/dead_letters/filter.h"
#include "daemon/pipeline/tasks/tasks.h"

namespace mesh::pipeline {

struct DeadLetter {
  Position position;  // in the dead-letter topic
  Timestamp died_at{};
  Timestamp first_died_at{};                                 // the same unless it was redriven
  std::string pipeline, source, tenant, cause_class, cause;  // source: "user.events/3@17"
  std::string fingerprint;                                   // of its cause
  int attempts = 0;                                          // since it was redriven last
  int attempts_before = 0;                                   // over all redrives before that
  int redrives = 0;              // how often it went back, mended or not
  std::vector<Attempt> history;  // since it was redriven last; the last ones
  std::string key;
  StoredRecord record;         // as it stood in its source topic
  std::optional<Event> event;  // empty where that cannot be decoded
};
// "event" is null where it cannot be decoded, and there is "value" then; else it is in the JSON
// format of CloudEvents, as mend takes it.
Json to_json(const DeadLetter& letter);

struct Mended {
  std::string id;     // of the event
  Position position;  // in its source topic
};

struct LettersDeps {
  EventLog& log;
  LogAdmin& admin;
  RetryStore& retries;
  LeaseStore& leases;
  VectorIndex& index;  // which of its generations serves
  Clock& clock;
  std::string holder;  // names the process in the list of leases
};

// `topic` may be the dead-letter topic or the one it belongs to. Any thread.
class DeadLetters {
 public:
  explicit DeadLetters(LettersDeps deps);
  // Newest first, at most `limit`.
  Result<std::vector<DeadLetter>> list(const std::string& topic, const DeadLetterFilter& filter,
                                       int limit);
  // Calls `use` with each unsettled letter that matches, newest first within each partition, until
  // it returns false (which is success). Letters are not kept, so any number of them will do; a
  // settled one costs its name between its marker and itself. Blocks while it reads the topic.
  Status each(const std::string& topic, const DeadLetterFilter& filter,
              const std::function<bool(const DeadLetter&)>& use);
  // How many match. `not_found` where a cause or an event is named that no letter has although the
  // tenant has letters, since that is a slip: the text lists the causes that there are.
  Result<std::int64_t> count(const std::string& topic, const DeadLetterFilter& filter);
  // The letter at a place, settled or not; `not_found` where there is none.
  Result<DeadLetter> at(const Position& letter);
  // Appends the mended event to the letter's source topic, then settles the letter. `uncertain`
  // where it is not known whether the event is there, or where it is and the letter could not be
  // settled: to mend the letter again, with the same id, is safe.
  // `unprocessable` for an event of another tenant or topic, or of another entity or version where
  // the topic is one of entities; `conflict` for a letter that is settled already, or that a newer
  // state of its entity has overtaken; `unavailable` where others settle letters of the topic, or
  // this process stood still meanwhile. Blocks for its turn (5 s at most) and an append.
  Result<Mended> mend(const Position& letter, const Event& event);
  // The works of tasks of kind "redrive" and "purge"; spec: {"topic"}, the filter's members, and of
  // a redrive "wait"? and "rate"?, at most so many letters a second. Redriven records go back to
  // the source topic, oldest first, without the headers of death and with those of their history,
  // so that every pipeline sees them again, idempotently. In a topic of entities a letter that a
  // newer state of its entity has overtaken is settled only: as the last record of its key the old
  // state would outlive the new one.
  //
  // Then the task waits, at most `wait` seconds (kOutcomeWait), until it is known what became of
  // them. Result {"redriven","done","died_again","pending","superseded","skipped"} and, of a topic
  // that a pipeline reads, how many are "searchable" or "counted" by now; or {"purged"}.
  Status redrive(TaskContext& context);
  Status purge(TaskContext& context);

 private:
  Status settle_all(TaskContext& context, bool redrive);

  const LettersDeps deps_;
};

inline constexpr std::chrono::seconds kOutcomeWait{60};
inline constexpr std::chrono::seconds kMaxOutcomeWait{3600};
inline constexpr std::int64_t kMaxRedriveRate = 1'000'000;  // letters a second

}  // namespace mesh::pipeline
