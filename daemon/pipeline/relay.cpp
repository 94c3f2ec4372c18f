#include "daemon/pipeline/relay.h"

#include <condition_variable>
#include <mutex>
#include <random>
#include <thread>

#include "common/base/backoff.h"
#include "common/base/thread.h"
#include "common/telemetry/log.h"
#include "daemon/pipeline/append.h"

namespace mesh::pipeline {
namespace {

constexpr int kBatch = 500;
constexpr int kMaxUnacknowledged = 8;  // acknowledgements on their way
constexpr BackoffPolicy kBackoff{Duration{100}, Duration{10'000}, 0};

// Shared with completions, which may come after a stop that gave up waiting.
struct Signals {
  std::mutex mutex;
  std::condition_variable changed;
  bool stopping = false;           // this and the following guarded by mutex
  bool added = false;              // the outbox may hold more than was read
  std::optional<Status> appended;  // of the append under way
  int acknowledging = 0;
  std::optional<std::string> trouble;      // Relay::trouble
  std::optional<Error> acknowledge_error;  // entries that are in the log are still in the outbox
};

}  // namespace

struct Relay::Impl {
  Impl(Outbox& o, EventLog& l, Clock& c, Metrics& m)
      : outbox(o),
        log(l),
        clock(c),
        relayed(m.counter("mesh_outbox_relayed_total", "Events moved from the outbox to the log")),
        failures(m.counter("mesh_outbox_failures_total", "Appends of the relay that failed")),
        waiting(m.gauge("mesh_outbox_events", "Events that wait in the outbox")),
        random(std::random_device{}()) {}

  Outbox& outbox;
  EventLog& log;
  Clock& clock;
  Counter& relayed;
  Counter& failures;
  Gauge& waiting;
  const std::shared_ptr<Signals> signals = std::make_shared<Signals>();

  // The relay's thread only.
  std::mt19937_64 random;
  std::int64_t appended_through = 0;  // sequence; entries up to it are in the log
  int failed_in_row = 0;

  std::mutex lifecycle;  // held over start and stop
  std::thread thread;    // last: it uses all of the above

  void run();
  void relay(std::vector<OutboxEntry> entries);
  Status append(std::vector<OutboxEntry> entries);
  void acknowledge();
  void back_off(const char* what, const Error& error);
  void goes_on();
  bool wait(Duration limit, const std::function<bool()>& ready);  // ready is called locked
  bool stopping() {
    std::lock_guard lock(signals->mutex);
    return signals->stopping;
  }
};

void Relay::Impl::run() {
  while (!stopping()) {
    std::optional<Error> unacknowledged;
    {
      std::lock_guard lock(signals->mutex);
      signals->added = false;
      unacknowledged = std::exchange(signals->acknowledge_error, std::nullopt);
    }
    if (unacknowledged) {
      back_off("acknowledge", *unacknowledged);
      acknowledge();
    }
    auto entries = outbox.pending(appended_through, kBatch);
    waiting.set(static_cast<double>(outbox.size()));
    if (!entries) {
      back_off("read the outbox", entries.error());
    } else if (!entries->empty()) {
      relay(std::move(*entries));
    } else {
      goes_on();
      wait(Duration::max(),
           [this] { return signals->stopping || signals->added || signals->acknowledge_error; });
    }
  }
  wait(kAppendLimit, [this] { return signals->acknowledging == 0; });
}

// A batch that could not be appended is read again: its records were moved into the append.
void Relay::Impl::relay(std::vector<OutboxEntry> entries) {
  const std::int64_t last = entries.back().sequence;
  const auto count = static_cast<double>(entries.size());
  const Status appended = append(std::move(entries));
  if (!appended) {
    failures.add();
    back_off("append", appended.error());
    return;
  }
  goes_on();
  appended_through = last;
  relayed.add(count);
  acknowledge();
}

Status Relay::Impl::append(std::vector<OutboxEntry> entries) {
  std::vector<Record> records;
  records.reserve(entries.size());
  for (OutboxEntry& entry : entries) records.push_back(std::move(entry.record));
  {
    std::lock_guard lock(signals->mutex);
    signals->appended.reset();
  }
  log.append(std::move(records), [shared = signals](Result<std::vector<Position>> result) {
    std::lock_guard lock(shared->mutex);
    shared->appended = result ? Status{} : Status{fail(std::move(result.error()))};
    shared->changed.notify_all();
  });
  // Without a limit while it runs: to try again before the answer could put the batch into the log
  // behind a later one.
  wait(Duration::max(), [this] { return signals->appended || signals->stopping; });
  if (!wait(kAppendLimit, [this] { return signals->appended.has_value(); })) {
    return fail(ErrorKind::timeout, "the event log did not confirm an append before the stop");
  }
  std::lock_guard lock(signals->mutex);
  return std::move(*signals->appended);
}

void Relay::Impl::acknowledge() {
  wait(Duration::max(),
       [this] { return signals->acknowledging < kMaxUnacknowledged || signals->stopping; });
  {
    std::lock_guard lock(signals->mutex);
    ++signals->acknowledging;
  }
  outbox.acknowledge(appended_through, [shared = signals](Status status) {
    std::lock_guard lock(shared->mutex);
    --shared->acknowledging;
    // A later acknowledgement covers this one; where none comes, the thread asks again.
    if (!status) shared->acknowledge_error = std::move(status.error());
    shared->changed.notify_all();
  });
}

void Relay::Impl::back_off(const char* what, const Error& error) {
  log::warn("the outbox relay waits", {{"could_not", what}, {"error", error.to_string()}});
  {
    std::lock_guard lock(signals->mutex);
    signals->trouble = std::string("could not ") + what + ": " + error.message;
  }
  wait(backoff_delay(kBackoff, ++failed_in_row, random()), [this] { return signals->stopping; });
}

void Relay::Impl::goes_on() {
  failed_in_row = 0;
  std::lock_guard lock(signals->mutex);
  signals->trouble.reset();
}

bool Relay::Impl::wait(Duration limit, const std::function<bool()>& ready) {
  std::unique_lock lock(signals->mutex);
  const SteadyTime deadline = limit == Duration::max() ? SteadyTime::max() : clock.steady() + limit;
  return clock.wait_until(lock, signals->changed, deadline, ready);
}

Relay::Relay(Outbox& outbox, EventLog& log, Clock& clock, Metrics& metrics)
    : impl_(std::make_unique<Impl>(outbox, log, clock, metrics)) {}

Relay::~Relay() { stop(); }

std::optional<std::string> Relay::trouble() const {
  std::lock_guard lock(impl_->signals->mutex);
  return impl_->signals->trouble;
}

void Relay::start() {
  std::lock_guard guard(impl_->lifecycle);
  if (impl_->thread.joinable()) return;
  {
    std::lock_guard lock(impl_->signals->mutex);
    impl_->signals->stopping = false;
    impl_->signals->added = true;
  }
  impl_->outbox.on_added([shared = impl_->signals] {
    std::lock_guard lock(shared->mutex);
    shared->added = true;
    shared->changed.notify_all();
  });
  impl_->thread = std::thread([this] {
    name_thread("relay");
    stand_back(Standing::background);
    impl_->run();
  });
}

void Relay::stop() {
  std::lock_guard guard(impl_->lifecycle);
  if (!impl_->thread.joinable()) return;
  impl_->outbox.on_added({});
  {
    std::lock_guard lock(impl_->signals->mutex);
    impl_->signals->stopping = true;
    impl_->signals->changed.notify_all();
  }
  impl_->thread.join();
}

}  // namespace mesh::pipeline
