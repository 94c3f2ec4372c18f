// From a batch to what is durable.
#include "common/domain/cause.h"
#include "common/telemetry/log.h"
#include "daemon/pipeline/append.h"
#include "daemon/pipeline/consumer/attempt_spans.h"
#include "daemon/pipeline/consumer/runtime_impl.h"

namespace mesh::pipeline {
namespace {

// Each event takes an equal share of the time.
void count_usage(Usage& usage, const Batch& batch, std::chrono::nanoseconds took) {
  std::map<std::string_view, int> done;
  for (const Work& work : batch.works()) done[work.tenant] += work.verdict == Work::Verdict::done;
  const auto each = took / std::max<std::ptrdiff_t>(std::ssize(batch.works()), 1);
  for (const auto& [tenant, n] : done) {
    if (n == 0 || tenant.empty()) continue;  // empty: tombstones, which are nobody's work
    usage.add(tenant, {{Use::processed, static_cast<std::uint64_t>(n)},
                       {Use::stage_micros, micros(each * n)}});
  }
}

}  // namespace

void Pipeline::Impl::process(Batch batch, bool from_store, Through through) {
  UnderWay work{std::move(batch), std::move(through), {}};
  std::chrono::nanoseconds took{0};
  if (work.batch.open() > 0 && !consult(work, took)) return;
  const LetterRule rule = options.letter_rule ? options.letter_rule() : LetterRule();
  const bool removes_late = options.commit_delay > Duration{0};
  work.disposition = dispose(work.batch,
                             {options.name, options.retry, from_store, removes_late, rule,
                              std::chrono::duration_cast<std::chrono::microseconds>(took)},
                             deps.clock.now(), random);
  if (!make_durable(work) || !commit(work)) return;
  count(work);
  if (deps.usage != nullptr) count_usage(*deps.usage, work.batch, took);
  apply(work);
  refresh_lag(false);
}

bool Pipeline::Impl::consult(UnderWay& work, std::chrono::nanoseconds& took) {
  return insist("process events", [&]() -> Status {
    follow(work);
    if (work.batch.open() == 0) return {};
    const SteadyTime begin = deps.clock.steady();
    const std::size_t events = work.batch.open();
    auto attempts = AttemptSpans::begin(deps, options.name, work.batch);
    auto status_of_call = work.batch.consult(stage, work.through);
    took = deps.clock.steady() - begin;
    metrics.batch_seconds.observe(seconds(took), attempts ? attempts->exemplar() : "");
    if (attempts) attempts->end(work.batch, status_of_call);
    learn(events, took, status_of_call.has_value());
    if (status_of_call) {
      stage.cost().observe(static_cast<std::int64_t>(events), took);
    } else {
      metrics.outage.add(static_cast<double>(work.batch.open()));
    }
    return status_of_call;
  });
}

// Before each write it is looked whether the partition is still its own: what the stage did is done
// again by whoever has it now, but a letter or a parked event of two would stay.
bool Pipeline::Impl::make_durable(UnderWay& work) {
  Disposition& disposition = work.disposition;
  if (!disposition.letters.empty() && !insist("write dead letters", [&]() -> Status {
        follow(work);
        std::vector<Record> letters;
        for (const Letter& letter : disposition.letters) letters.push_back(letter.record);
        (void)MESH_TRY(append_within(deps.log, deps.clock, std::move(letters)));
        return {};
      })) {
    return false;
  }
  if (!disposition.parked.empty() && !change_parked(work, "park events", [&] {
        return deps.retries.park(parker, disposition.parked);
      })) {
    return false;
  }
  return remove_parked(work);
}

bool Pipeline::Impl::remove_parked(UnderWay& work) {
  const auto& removed = work.disposition.removed;
  if (removed.empty()) return true;
  return change_parked(work, "remove parked events", [&] {
    std::vector<Position> positions;
    for (const StoredRecord& record : removed) positions.push_back(record.position);
    return deps.retries.remove(parker, positions);
  });
}

// A power cut of the stage's server may undo what was done just now, and nothing but the store has
// the event then: the group has committed past it when it was parked.
void Pipeline::Impl::remove_finished() {
  UnderWay work;
  const auto now = deps.clock.steady();
  for (; !finished.empty() && finished.front().due <= now; finished.pop_front()) {
    work.disposition.removed.emplace_back().position = std::move(finished.front().position);
  }
  (void)remove_parked(work);  // what a stop leaves is done again
}

// A `conflict`: another has taken what is parked of a partition. After the pause the log tells that
// this one has lost it; where it does not, that other one was late.
bool Pipeline::Impl::change_parked(UnderWay& work, const char* what,
                                   const std::function<Status()>& change) {
  bool refused = false;
  return insist(what, [&]() -> Status {
    if (!follow(work) && refused) MESH_TRY(take_again());
    auto done = change();
    refused = !done && done.error().kind == ErrorKind::conflict;
    return done;
  });
}

// A `conflict` is no failure: some of it came too late, and what is left is committed alone.
bool Pipeline::Impl::commit(UnderWay& work) {
  if (work.through.empty()) return true;
  return insist("commit offsets", [&]() -> Status {
    while (!work.through.empty()) {
      auto done = consumer->commit(work.through);
      if (done || done.error().retryable()) return done;
      if (done.error().kind == ErrorKind::conflict) {
        // Where the log does not tell yet what changed, a later commit covers what stays.
        if (!follow(work)) work.through.clear();
        continue;
      }
      // The effects are durable and a later commit covers this one; to stand still would help
      // nobody.
      log::error("offsets were not committed",
                 {{"pipeline", options.name}, {"error", done.error().to_string()}});
      return {};
    }
    return {};
  });
}

void Pipeline::Impl::apply(const UnderWay& work) {
  for (const auto& [partition, next] : work.through) lanes.see(partition, next);
  lanes.finish();
  for (const StoredRecord& record : work.disposition.removed) parked.remove(record);
  const auto due = deps.clock.steady() + options.commit_delay;
  for (const StoredRecord& record : work.disposition.done) {
    parked.remove(record);
    finished.push_back({due, record.position});
  }
  for (const ParkedEvent& event : work.disposition.parked) parked.put(event);
  {
    std::lock_guard lock(mutex);
    for (const auto& [partition, next] : work.through) committed[partition] = next;
    for (const ParkedEvent& event : work.disposition.parked) {
      // Without what the cause quotes of the event: checks and the overview tell it to many.
      if (event.attempts > 0)
        status.last_error = event.cause_class + ": " + general_cause(event.cause);
    }
    status.parked = static_cast<std::int64_t>(parked.size());
    if (parked.size() == 0) status.last_error.clear();
  }
  metrics.parked.set(static_cast<double>(parked.size()));
}

void Pipeline::Impl::count(const UnderWay& work) {
  double done = 0, retry = 0, behind = 0;
  for (const ParkedEvent& event : work.disposition.parked) {
    (event.attempts > 0 ? retry : behind) += 1;
  }
  for (const Work& one : work.batch.works()) done += one.verdict == Work::Verdict::done ? 1 : 0;
  if (done > 0) metrics.done.add(done);
  if (retry > 0) metrics.retry.add(retry);
  if (behind > 0) metrics.behind.add(behind);
  for (const auto& [source, letter] : work.disposition.letters) {
    metrics.dead.add();
    dead_letters(deps.metrics, std::string(find_header(letter.headers, dead_letter::kSourceTopic)),
                 std::string(find_header(letter.headers, dead_letter::kCauseClass)))
        .add();
  }
}

// Calls until it succeeds; false when the pipeline is to stop before that. Even then it was tried
// once, so that a stop finishes the batch under way.
bool Pipeline::Impl::insist(const char* what, const std::function<Status()>& call) {
  for (;;) {
    auto done = call();
    if (done) {
      recovered();
      return true;
    }
    pause(what, done.error());
    if (is_stopping()) return false;
  }
}

void Pipeline::Impl::pause(const char* what, const Error& error) {
  breaker.failed();
  metrics.breaker_state.set(2);
  const std::string why = error.to_string();
  bool told = false;
  {
    std::lock_guard lock(mutex);
    status.state = error.kind == ErrorKind::corrupt ? PipelineStatus::State::failed
                                                    : PipelineStatus::State::paused_outage;
    told = std::exchange(status.last_error, why) == why;
  }
  // Once, however often it is tried meanwhile.
  if (!told) {
    log::warn("the pipeline pauses",
              {{"pipeline", options.name}, {"could_not", what}, {"error", why}});
  }
  while (!is_stopping() && !breaker.allow()) {
    refresh_lag(true);
    sleep_until(std::min(breaker.open_until(), deps.clock.steady() + kHeartbeat));
  }
  metrics.breaker_state.set(1);
}

// At most kHeartbeat ahead: nothing is polled meanwhile.
void Pipeline::Impl::sleep_until(SteadyTime deadline) {
  consumer->keep_alive();
  std::unique_lock lock(mutex);
  deps.clock.wait_until(lock, changed, deadline, [&] { return stopping; });
}

void Pipeline::Impl::recovered() {
  if (breaker.state() != CircuitBreaker::State::closed) {
    log::info("the pipeline goes on", {{"pipeline", options.name}});
    metrics.breaker_state.set(0);
    std::lock_guard lock(mutex);
    status.last_error.clear();
  }
  breaker.succeeded();
  set_state(PipelineStatus::State::running);
}

}  // namespace mesh::pipeline
