#include "daemon/pipeline/consumer/batch.h"

#include <algorithm>
#include <exception>
#include <set>

#include "daemon/pipeline/consumer/parked_events.h"
#include "daemon/pipeline/dead_letters/dead_letter_record.h"

namespace mesh::pipeline {
namespace {

// A stage that throws or miscounts condemns no event: the call fails, and is tried again as in an
// outage.
Result<std::vector<StageResult>> ask(Stage& stage, std::span<const StageInput> inputs,
                                     const Through& through) {
  std::vector<StageResult> results;
  try {
    results = stage.process(inputs, through);
  } catch (const std::exception& error) {
    return fail(ErrorKind::internal, "the stage threw", error.what());
  }
  if (results.size() != inputs.size()) {
    return fail(ErrorKind::internal, "the stage answered " + std::to_string(results.size()) +
                                         " results for " + std::to_string(inputs.size()) +
                                         " events");
  }
  return results;
}

bool lies_in(const Position& position, const std::set<TopicPartition>& partitions) {
  return partitions.contains({position.topic, position.partition});
}

}  // namespace

void Batch::add(ParkedEvent event) {
  if (is_tombstone(event.record)) {
    works_.push_back({std::move(event), {}, Work::Verdict::done, {}, {}});
    return;
  }
  auto decoded = from_record(event.record);
  Work work{std::move(event), {}, Work::Verdict::open, {}, {}};
  if (!decoded) {
    work.verdict = Work::Verdict::dead;
    work.cause_class = "decode";
    work.cause = decoded.error().to_string();
  } else {
    work.tenant = decoded->tenant.str();
    inputs_.push_back({std::move(*decoded), work.event.record.position});
    positions_.push_back(works_.size());
  }
  works_.push_back(std::move(work));
}

void Batch::add_behind(ParkedEvent event) {
  works_.push_back({std::move(event), {}, Work::Verdict::behind, {}, {}});
}

Status Batch::consult(Stage& stage, const Through& through) {
  if (inputs_.empty()) return {};
  auto results = MESH_TRY(ask(stage, inputs_, through));

  std::set<std::string> retrying;  // keys with an event that waits for another attempt
  std::set<std::string> down;      // keys with an event that met an outage
  std::optional<Error> outage;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    StageResult& result = results[i];
    Work& work = works_[positions_[i]];
    // Making a key allocates, and while nothing has failed none is needed.
    const bool check_keys = !retrying.empty() || !down.empty() ||
                            result.outcome == StageResult::Outcome::retry ||
                            result.outcome == StageResult::Outcome::outage;
    const std::string key = check_keys ? order_key(work.event.record) : std::string();
    if (check_keys && retrying.contains(key)) {
      // Whatever the stage said of it: its predecessor comes again, and it must come after that.
      work.verdict = Work::Verdict::behind;
      continue;
    }
    const bool behind_outage = check_keys && down.contains(key);
    if (behind_outage || result.outcome == StageResult::Outcome::outage) {
      if (!outage) {
        outage =
            Error{ErrorKind::unavailable, result.cause_class + ": " + result.cause, {}, {}, {}};
      }
      // Stays open, and so do the later ones of its key: the next call gets them in the same order.
      down.insert(key);
      if (kept != i) {
        inputs_[kept] = std::move(inputs_[i]);
        positions_[kept] = positions_[i];
      }
      ++kept;
      continue;
    }
    if (result.outcome == StageResult::Outcome::retry) retrying.insert(key);
    work.verdict = result.outcome == StageResult::Outcome::done   ? Work::Verdict::done
                   : result.outcome == StageResult::Outcome::dead ? Work::Verdict::dead
                                                                  : Work::Verdict::retry;
    work.cause_class = std::move(result.cause_class);
    work.cause = std::move(result.cause);
  }
  inputs_.erase(inputs_.begin() + static_cast<std::ptrdiff_t>(kept), inputs_.end());
  positions_.resize(kept);
  if (outage) return fail(std::move(*outage));
  return {};
}

void Batch::abandon(const std::set<TopicPartition>& partitions) {
  for (Work& work : works_) {
    if (lies_in(work.event.record.position, partitions)) work.verdict = Work::Verdict::abandoned;
  }
  // The stage must not see them again when the call is repeated.
  std::vector<StageInput> inputs;
  std::vector<std::size_t> positions;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    if (works_[positions_[i]].verdict == Work::Verdict::abandoned) continue;
    inputs.push_back(std::move(inputs_[i]));
    positions.push_back(positions_[i]);
  }
  inputs_ = std::move(inputs);
  positions_ = std::move(positions);
}

void Disposition::abandon(const std::set<TopicPartition>& partitions) {
  std::erase_if(letters, [&](const Letter& one) { return lies_in(one.source, partitions); });
  std::erase_if(parked,
                [&](const auto& event) { return lies_in(event.record.position, partitions); });
  for (auto* records : {&removed, &done}) {
    std::erase_if(*records,
                  [&](const auto& record) { return lies_in(record.position, partitions); });
  }
}

Disposition dispose(const Batch& batch, const DispositionRules& rules, Timestamp now,
                    std::mt19937_64& random) {
  Disposition result;
  for (const Work& work : batch.works()) {
    const StoredRecord& record = work.event.record;
    // Only what came out of the retry store has anything to be removed there.
    auto finish = [&](std::vector<StoredRecord>& records) {
      if (rules.from_store) records.push_back(record);
    };
    // Only of an attempt that failed.
    auto history = [&] {
      return with_attempt(work.event.history, {now, rules.took, work.cause_class, work.cause});
    };
    auto park = [&](int attempts) {
      result.parked.push_back({record, attempts,
                               now + backoff_delay(rules.retry, attempts, random()),
                               work.cause_class, work.cause, history()});
    };
    auto bury = [&](int attempts, std::string cause_class, std::string cause) {
      const auto fate = rules.letter ? rules.letter(record.position) : LetterFate::write;
      if (fate == LetterFate::leave) return finish(result.removed);
      // Beyond that the other one may never come, and the event would be parked for ever.
      if (fate == LetterFate::later && attempts < 2 * rules.retry.max_attempts) {
        return park(attempts);
      }
      result.letters.push_back(
          {record.position,
           dead_letter_record(record, {rules.pipeline, work.tenant, attempts,
                                       std::move(cause_class), std::move(cause), now, history()})});
      finish(result.removed);
    };
    const int attempts = work.event.attempts + 1;
    switch (work.verdict) {
      case Work::Verdict::done:
        finish(rules.removes_late ? result.done : result.removed);
        break;
      case Work::Verdict::dead:
        bury(attempts, work.cause_class, work.cause);
        break;
      case Work::Verdict::retry:
        if (attempts >= rules.retry.max_attempts) {
          bury(attempts, "exhausted", work.cause_class + ": " + work.cause);
          break;
        }
        park(attempts);
        break;
      // No attempt of its own was made, so none counts.
      case Work::Verdict::behind:
      case Work::Verdict::open:
        result.parked.push_back({record, 0, now, {}, {}});
        break;
      case Work::Verdict::abandoned:
        break;
    }
  }
  return result;
}

}  // namespace mesh::pipeline
