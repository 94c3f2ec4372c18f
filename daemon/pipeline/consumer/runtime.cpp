#include "daemon/pipeline/consumer/runtime.h"

#include <algorithm>

#include "common/base/ids.h"
#include "common/base/thread.h"
#include "daemon/pipeline/consumer/late_commits.h"
#include "daemon/pipeline/consumer/runtime_impl.h"
#include "daemon/pipeline/lag.h"
#include "daemon/pipeline/scan.h"

namespace mesh::pipeline {
namespace {

constexpr Duration kLagAgeInterval{1'000};  // the age of the oldest event costs a read

}  // namespace

std::string_view to_string(PipelineStatus::State state) {
  switch (state) {
    case PipelineStatus::State::running:
      return "running";
    case PipelineStatus::State::paused_outage:
      return "paused_outage";
    case PipelineStatus::State::paused_backlog:
      return "paused_backlog";
    case PipelineStatus::State::stopped:
      return "stopped";
    case PipelineStatus::State::failed:
      return "failed";
  }
  return "unknown";
}

std::string_view state_text(PipelineStatus::State state) {
  using State = PipelineStatus::State;
  switch (state) {
    case State::running:
      return "running";
    case State::paused_outage:
      return "paused: engine outage";
    case State::paused_backlog:
      return "paused: too many retries";
    case State::stopped:
      return "inactive";
    case State::failed:
      return "failed";
  }
  return "unknown";
}

Pipeline::Impl::Impl(PipelineOptions o, Stage& s, PipelineDeps d)
    : options(std::move(o)),
      stage(s),
      deps(d),
      metrics(d.metrics, options.name),
      // A new id, by which the store tells this pipeline from another that lost a partition to it.
      parker{options.name, new_uuid_v7(d.clock.now())},
      keeps_what_it_reads(!d.log.reads_again_cheaply()),
      breaker(d.clock, options.breaker),
      // Seeded anew, lest processes that failed together try again together.
      random(std::random_device{}()),
      in_time(static_cast<std::size_t>(options.first_batch)),
      window(options.window_bytes) {
  status.name = options.name;
  // From 0 on, so that the first letter of a cause counts as an increase.
  for (const auto& topic : options.topics) {
    for (const char* cause : kCausesOfDeath) dead_letters(deps.metrics, topic, cause);
  }
}

Status Pipeline::Impl::start() {
  std::lock_guard guard(lifecycle);
  if (thread.joinable()) return {};
  auto opened = MESH_TRY(deps.admin.open_consumer(options.name, options.topics, options.member));
  if (options.commit_delay > Duration{0}) {
    opened = commit_late(std::move(opened), options.commit_delay, deps.clock);
  }
  {
    std::lock_guard lock(mutex);
    stopping = false;
    parked.clear();
    committed.clear();
  }
  lanes.reset({});
  window.clear();
  finished.clear();
  blocked = false;
  set_state(PipelineStatus::State::stopped);  // and nothing is parked yet
  // Before the thread reads: a later event of a parked key would overtake it. Where this fails,
  // the member leaves the group again.
  MESH_TRY(take_on(opened->changes().gained));
  consumer = std::move(opened);
  {
    std::lock_guard lock(mutex);
    status.state = PipelineStatus::State::running;
    status.last_error.clear();
  }
  thread = std::thread([this] {
    name_thread(options.name.c_str());
    stand_back(Standing::background);
    run();
  });
  return {};
}

void Pipeline::Impl::stop() {
  std::lock_guard guard(lifecycle);
  if (!thread.joinable()) return;
  {
    std::lock_guard lock(mutex);
    stopping = true;
  }
  // The thread may sleep on the clock or in a poll.
  changed.notify_all();
  consumer->wake();
  thread.join();
  consumer.reset();
  window.clear();
  set_state(PipelineStatus::State::stopped);
  metrics.lag_events.set(0);  // a group that nobody follows is not behind
  metrics.lag_seconds.set(0);
  metrics.parked.set(0);
}

void Pipeline::Impl::run() {
  refresh_lag(true);
  // Reading comes first: after a restart, what is parked but not committed is passed over before it
  // is done and forgotten. Where it stands too far ahead for that it is done twice.
  while (!is_stopping()) {
    follow();
    if (is_stopping()) return;  // maybe before parked events were loaded
    if (free_places() > 0) {
      take_in();
    } else {
      wait_for_room();
    }
    if (!is_stopping()) retry_due();
  }
}

void Pipeline::Impl::wait_for_room() {
  set_state(PipelineStatus::State::paused_backlog);
  refresh_lag(true);
  sleep_until(deps.clock.steady() + until_due());
}

void Pipeline::Impl::retry_due() {
  remove_finished();
  auto due =
      parked.due(deps.clock.now(), std::min(in_time, static_cast<std::size_t>(options.batch)));
  if (due.empty()) return;
  // Those that get through leave room for lanes that had none.
  blocked = false;
  Batch batch;
  for (ParkedEvent& event : due) batch.add(std::move(event));
  // No offsets: the batch that read an event commits past it.
  process(std::move(batch), true, {});
}

Duration Pipeline::Impl::until_due() const {
  Duration left = kHeartbeat;
  if (const auto due = parked.next_due()) left = std::min(left, Duration(*due - deps.clock.now()));
  if (!finished.empty()) {
    left = std::min(left, std::chrono::ceil<Duration>(finished.front().due - deps.clock.steady()));
  }
  return std::max(left, Duration{0});
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
  // Where the log cannot be read the last figures stay: none would look like no lag.
  const auto ahead = records_from(deps.log, lanes.seen());
  if (!ahead) return;
  const std::int64_t events = static_cast<std::int64_t>(lanes.events()) + *ahead;
  Result<std::optional<Timestamp>> oldest;
  if (with_age) oldest = oldest_from(deps.log, committed);
  if (const auto waiting = parked.oldest(); waiting && oldest) {
    *oldest = std::min(oldest->value_or(Timestamp::max()), *waiting);
  }
  std::lock_guard lock(mutex);
  status.lag_events = events;
  metrics.lag_events.set(static_cast<double>(events));
  if (!with_age || !oldest) return;
  lag_age_read = steady;
  status.lag_seconds = *oldest ? std::max(0.0, seconds(now - **oldest)) : 0;
  metrics.lag_seconds.set(status.lag_seconds);
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

}  // namespace mesh::pipeline
