#include "daemon/pipeline/runtime.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <random>
#include <thread>

#include "common/telemetry/log.h"
#include "daemon/pipeline/append.h"
#include "daemon/pipeline/batch.h"
#include "daemon/pipeline/lag.h"
#include "daemon/pipeline/parked_events.h"
#include "daemon/pipeline/pipeline_metrics.h"

namespace mesh::pipeline {
namespace {

// The longest sleep: how old a reported lag may be while nothing moves.
constexpr Duration kHeartbeat{5'000};
constexpr Duration kLagAgeInterval{1'000};  // the age of the oldest event costs a read

double seconds(std::chrono::nanoseconds d) { return std::chrono::duration<double>(d).count(); }

}  // namespace

std::string_view to_string(PipelineStatus::State state) {
  switch (state) {
    case PipelineStatus::State::running: return "running";
    case PipelineStatus::State::paused_outage: return "paused_outage";
    case PipelineStatus::State::paused_backlog: return "paused_backlog";
    case PipelineStatus::State::stopped: return "stopped";
    case PipelineStatus::State::failed: return "failed";
  }
  return "unknown";
}

struct Pipeline::Impl {
  Impl(PipelineOptions o, Stage& s, PipelineDeps d)
      : options(std::move(o)),
        stage(s),
        deps(d),
        metrics(d.metrics, options.name),
        breaker(d.clock, options.breaker),
        random(std::random_device{}()) {
    status.name = options.name;
  }

  // Constant after construction.
  const PipelineOptions options;
  Stage& stage;
  const PipelineDeps deps;
  PipelineMetrics metrics;

  // The pipeline's thread only, but for consumer->wake().
  std::unique_ptr<LogConsumer> consumer;
  CircuitBreaker breaker;
  std::mt19937_64 random;
  std::optional<SteadyTime> lag_age_read;

  mutable std::mutex mutex;
  mutable std::condition_variable changed;           // stopping, committed, parked
  bool stopping = false;                             // this and the next three guarded by mutex
  PipelineStatus status;
  std::map<TopicPartition, std::int64_t> committed;
  ParkedEvents parked;  // changed by the pipeline's thread only, so it reads without the lock

  std::mutex lifecycle;  // held over start and stop
  std::thread thread;    // last: it uses all of the above

  Status start();
  void stop();
  void run();
  void wait_for_room();
  void retry_due();
  void poll_once();
  void process(Batch batch, bool from_store, const Through& through);
  bool make_durable(const Settlement& settlement);
  bool commit(const Through& through);
  void apply(const Settlement& settlement, const Through& through);
  void count(const Batch& batch, const Settlement& settlement);
  bool insist(const char* what, const std::function<Status()>& call);
  void pause(const char* what, const Error& error);
  void sleep_until(SteadyTime deadline);
  void recovered();
  void set_state(PipelineStatus::State state);
  void refresh_lag(bool with_age);
  Where where_locked(const Position& position) const;
  bool is_stopping() const {
    std::lock_guard lock(mutex);
    return stopping;
  }
};

Status Pipeline::Impl::start() {
  std::lock_guard guard(lifecycle);
  if (thread.joinable()) return {};
  auto events = deps.retries.load(options.name);
  if (!events) return fail(std::move(events.error()));
  auto opened = deps.admin.open_consumer(options.name, options.topics);
  if (!opened) return fail(std::move(opened.error()));
  consumer = std::move(*opened);
  {
    std::lock_guard lock(mutex);
    stopping = false;
    parked.clear();
    for (ParkedEvent& event : *events) parked.put(std::move(event));
    committed = consumer->position();
    status.parked = static_cast<std::int64_t>(parked.size());
    status.state = PipelineStatus::State::running;
    status.last_error.clear();
  }
  thread = std::thread([this] { run(); });
  return {};
}

void Pipeline::Impl::stop() {
  std::lock_guard guard(lifecycle);
  if (!thread.joinable()) return;
  {
    std::lock_guard lock(mutex);
    stopping = true;
  }
  changed.notify_all();
  consumer->wake();
  thread.join();
  consumer.reset();
  set_state(PipelineStatus::State::stopped);
  metrics.lag_events.set(0);  // a group that nobody follows is not behind
  metrics.lag_seconds.set(0);
  metrics.parked.set(0);
}

void Pipeline::Impl::run() {
  refresh_lag(true);
  // Polls come first: after a restart, what is parked but not committed is passed over before it is
  // done and forgotten.
  while (!is_stopping()) {
    if (static_cast<int>(parked.size()) < options.max_parked) {
      poll_once();
    } else {
      wait_for_room();
    }
    if (!is_stopping()) retry_due();
  }
}

void Pipeline::Impl::wait_for_room() {
  set_state(PipelineStatus::State::paused_backlog);
  refresh_lag(true);
  const Duration until_due = *parked.next_due() - deps.clock.now();
  sleep_until(deps.clock.steady() + std::clamp(until_due, Duration{0}, kHeartbeat));
}

void Pipeline::Impl::retry_due() {
  auto due = parked.due(deps.clock.now(), static_cast<std::size_t>(options.batch));
  if (due.empty()) return;
  Batch batch;
  for (ParkedEvent& event : due) batch.add(std::move(event));
  process(std::move(batch), true, {});
}

void Pipeline::Impl::poll_once() {
  ReadLimits limits;
  limits.max_records = std::min(static_cast<std::size_t>(options.batch),
                                static_cast<std::size_t>(options.max_parked) - parked.size());
  Duration timeout = kHeartbeat;
  if (const auto due = parked.next_due()) {
    timeout = std::clamp(Duration(*due - deps.clock.now()), Duration{0}, timeout);
  }
  auto records = consumer->poll(limits, timeout);
  if (!records) {
    pause("read the event log", records.error());
    return;
  }
  recovered();

  Batch batch;
  Through through;
  {
    // An operator may have moved the group: positions behind the committed ones show it.
    std::lock_guard lock(mutex);
    if (records->empty()) committed = consumer->position();
    for (const StoredRecord& record : *records) {
      const TopicPartition partition{record.position.topic, record.position.partition};
      if (!through.contains(partition)) {
        const auto at = committed.try_emplace(partition, record.position.offset).first;
        at->second = std::min(at->second, record.position.offset);
      }
      through[partition] = record.position.offset + 1;
    }
  }
  if (records->empty()) {
    refresh_lag(true);
    return;
  }
  for (StoredRecord& record : *records) {
    if (parked.contains(record.position)) continue;
    ParkedEvent event{std::move(record), 0, {}, {}, {}};
    if (parked.size() > 0 && parked.has_key(order_key(event.record))) {
      batch.add_behind(std::move(event));
    } else {
      batch.add(std::move(event));
    }
  }
  process(std::move(batch), false, through);
}

void Pipeline::Impl::process(Batch batch, bool from_store, const Through& through) {
  const bool answered = batch.open() == 0 || insist("process events", [&]() -> Status {
    const SteadyTime begin = deps.clock.steady();
    auto status_of_call = batch.consult(stage, through);
    metrics.batch_seconds.observe(seconds(deps.clock.steady() - begin));
    if (!status_of_call) metrics.outage.add(static_cast<double>(batch.open()));
    return status_of_call;
  });
  if (!answered) return;
  Settlement settlement =
      settle(batch, {options.name, options.retry, from_store}, deps.clock.now(), random);
  if (options.writes_letters && !options.writes_letters()) settlement.letters.clear();
  if (!make_durable(settlement)) return;
  if (!through.empty() && !commit(through)) return;
  count(batch, settlement);
  apply(settlement, through);
  refresh_lag(false);
}

bool Pipeline::Impl::make_durable(const Settlement& settlement) {
  if (!settlement.letters.empty() && !insist("write dead letters", [&]() -> Status {
        auto appended = append_within(deps.log, deps.clock, settlement.letters);
        if (!appended) return fail(std::move(appended.error()));
        return {};
      })) {
    return false;
  }
  if (!settlement.parked.empty() && !insist("park events", [&] {
        return deps.retries.park(options.name, settlement.parked);
      })) {
    return false;
  }
  if (settlement.removed.empty()) return true;
  std::vector<Position> positions;
  for (const StoredRecord& record : settlement.removed) positions.push_back(record.position);
  return insist("remove parked events", [&] {
    return deps.retries.remove(options.name, positions);
  });
}

bool Pipeline::Impl::commit(const Through& through) {
  return insist("commit offsets", [&]() -> Status {
    auto done = consumer->commit(through);
    if (!done && !done.error().retryable()) {
      // The effects are durable and a later commit covers this one; to stand still would help
      // nobody.
      log::error("offsets were not committed", {{"pipeline", options.name},
                                                {"error", done.error().to_string()}});
      return {};
    }
    return done;
  });
}

void Pipeline::Impl::apply(const Settlement& settlement, const Through& through) {
  {
    // Under one lock, so that no event looks past while it is parked.
    std::lock_guard lock(mutex);
    for (const auto& [partition, next] : through) committed[partition] = next;
    for (const StoredRecord& record : settlement.removed) parked.remove(record);
    for (const ParkedEvent& event : settlement.parked) {
      if (event.attempts > 0) status.last_error = event.cause_class + ": " + event.cause;
      parked.put(event);
    }
    status.parked = static_cast<std::int64_t>(parked.size());
    if (parked.size() == 0) status.last_error.clear();
  }
  metrics.parked.set(static_cast<double>(parked.size()));
  changed.notify_all();
}

void Pipeline::Impl::count(const Batch& batch, const Settlement& settlement) {
  double done = 0, retry = 0, behind = 0;
  for (const ParkedEvent& event : settlement.parked) (event.attempts > 0 ? retry : behind) += 1;
  for (const Work& work : batch.works()) done += work.verdict == Work::Verdict::done ? 1 : 0;
  if (done > 0) metrics.done.add(done);
  if (retry > 0) metrics.retry.add(retry);
  if (behind > 0) metrics.behind.add(behind);
  for (const Record& letter : settlement.letters) {
    metrics.dead.add();
    deps.metrics
        .counter("mesh_dead_letters_total", "Events that died, by source topic and cause",
                 {{"topic", std::string(find_header(letter.headers, dead_letter::kSourceTopic))},
                  {"cause_class",
                   std::string(find_header(letter.headers, dead_letter::kCauseClass))}})
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
  log::warn("the pipeline pauses", {{"pipeline", options.name},
                                    {"could_not", what},
                                    {"error", error.to_string()}});
  {
    std::lock_guard lock(mutex);
    status.state = error.kind == ErrorKind::corrupt ? PipelineStatus::State::failed
                                                    : PipelineStatus::State::paused_outage;
    status.last_error = error.to_string();
  }
  while (!is_stopping() && !breaker.allow()) {
    refresh_lag(true);
    sleep_until(std::min(breaker.open_until(), deps.clock.steady() + kHeartbeat));
  }
  metrics.breaker_state.set(1);
}

void Pipeline::Impl::sleep_until(SteadyTime deadline) {
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

void Pipeline::Impl::set_state(PipelineStatus::State state) {
  std::lock_guard lock(mutex);
  status.state = state;
  status.parked = static_cast<std::int64_t>(parked.size());
}

void Pipeline::Impl::refresh_lag(bool with_age) {
  const Timestamp now = deps.clock.now();
  const SteadyTime steady = deps.clock.steady();
  with_age = with_age || !lag_age_read || steady - *lag_age_read >= kLagAgeInterval;
  std::map<TopicPartition, std::int64_t> positions;
  {
    std::lock_guard lock(mutex);
    positions = committed;
  }
  const Lag lag = measure_lag(deps.log, positions, with_age);
  std::optional<Timestamp> oldest = lag.oldest;
  if (const auto waiting = with_age ? parked.oldest() : std::nullopt) {
    oldest = std::min(oldest.value_or(Timestamp::max()), *waiting);
  }
  std::lock_guard lock(mutex);
  status.lag_events = lag.events;
  metrics.lag_events.set(static_cast<double>(lag.events));
  if (!with_age) return;
  lag_age_read = steady;
  status.lag_seconds = oldest ? std::max(0.0, seconds(now - *oldest)) : 0;
  metrics.lag_seconds.set(status.lag_seconds);
}

Pipeline::Where Pipeline::Impl::where_locked(const Position& position) const {
  if (parked.contains(position)) return Where::parked;
  const auto next = committed.find({position.topic, position.partition});
  return next != committed.end() && position.offset < next->second ? Where::past : Where::ahead;
}

Pipeline::Pipeline(PipelineOptions options, Stage& stage, PipelineDeps deps)
    : impl_(std::make_unique<Impl>(std::move(options), stage, deps)) {}

Pipeline::~Pipeline() { stop(); }

Status Pipeline::start() { return impl_->start(); }

void Pipeline::stop() { impl_->stop(); }

PipelineStatus Pipeline::status() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->status;
}

std::map<TopicPartition, std::int64_t> Pipeline::committed() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->committed;
}

Pipeline::Where Pipeline::where(const Position& position) const {
  std::lock_guard lock(impl_->mutex);
  return impl_->where_locked(position);
}

bool Pipeline::wait_past(const Position& position, Duration timeout) const {
  Impl& impl = *impl_;
  std::unique_lock lock(impl.mutex);
  auto past = [&] { return impl.where_locked(position) == Where::past; };
  impl.deps.clock.wait_until(lock, impl.changed, impl.deps.clock.steady() + timeout,
                             [&] { return past() || impl.stopping; });
  return past();
}

}  // namespace mesh::pipeline
