// One batch of a pipeline: what the stage said of each event, and what follows from it.
#pragma once

#include <chrono>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "common/base/backoff.h"
#include "common/ports/retry_store.h"
#include "daemon/pipeline/consumer/letter_rule.h"
#include "daemon/pipeline/stages/stage.h"

namespace mesh::pipeline {

struct Work {
  // behind: waits for one of its key; abandoned: its partition was lost, or begins anew
  enum class Verdict { open, done, retry, dead, behind, abandoned };
  ParkedEvent event;  // attempts: those before this batch
  std::string tenant;
  Verdict verdict = Verdict::open;
  std::string cause_class;
  std::string cause;
};

class Batch {
 public:
  // In log order. What cannot be decoded is dead with the cause class "decode". A tombstone is
  // done: its events have been, and no stage has anything to make of it.
  void add(ParkedEvent event);
  // An event that waits behind a parked one; the stage does not see it.
  void add_behind(ParkedEvent event);
  bool empty() const { return works_.empty(); }
  // Gives the open events to the stage. An error where some are still open, because the stage or
  // what is behind it is down: the same call again goes on with those.
  Status consult(Stage& stage, const Through& through);
  // Gives each open event the span that `begin` makes, or none: it is called with the event's place
  // in works(), and with its work.
  template <typename Begin>
  void give_spans(Begin begin) {
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      inputs_[i].span = begin(positions_[i], works_[positions_[i]]);
    }
  }
  // Nothing follows from what these partitions have in it.
  void abandon(const std::set<TopicPartition>& partitions);
  std::size_t open() const { return inputs_.size(); }
  const std::vector<Work>& works() const { return works_; }

 private:
  std::vector<Work> works_;
  std::vector<StageInput> inputs_;      // of the open works
  std::vector<std::size_t> positions_;  // of inputs_[i] in works_
};

// What makes a batch's verdicts durable, in this order: letters, parked, removed, then the commit.
// An event parked behind another is due from the start: it goes as soon as it is the first.
struct Letter {
  Position source;
  Record record;
};
struct Disposition {
  std::vector<Letter> letters;
  std::vector<ParkedEvent> parked;
  std::vector<StoredRecord> removed;  // from the retry store
  std::vector<StoredRecord> done;     // likewise, but later

  void abandon(const std::set<TopicPartition>& partitions);
};
struct DispositionRules {
  std::string pipeline;
  BackoffPolicy retry;
  bool from_store = false;            // the events were parked before this batch
  bool removes_late = false;          // what is done may be undone yet; a letter may not
  LetterRule letter = {};             // empty: write all
  std::chrono::microseconds took{0};  // the stage's call, for the history of what failed
};
Disposition dispose(const Batch& batch, const DispositionRules& rules, Timestamp now,
                    std::mt19937_64& random);

}  // namespace mesh::pipeline
