#include "daemon/pipeline/relay.h"

#include <algorithm>
#include <condition_variable>
#include <iterator>
#include <mutex>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "common/base/backoff.h"
#include "common/base/thread.h"
#include "common/base/time.h"
#include "common/telemetry/log.h"
#include "daemon/pipeline/append.h"
#include "daemon/pipeline/batch_spans.h"
#include "daemon/pipeline/relay_order.h"

namespace mesh::pipeline {
namespace {

constexpr int kBatch = 500;
constexpr int kMaxUnacknowledged = 8;  // acknowledgements on their way
// The number of attempts is not looked at: the relay tries for ever. Events have to go on within
// seconds when the log is back, which says at once that it is away.
constexpr BackoffPolicy kBackoff{Duration{100}, Duration{2'000}, 0};

constexpr auto kLease = "relay";
constexpr Duration kLeaseTtl{10'000};
constexpr Duration kRenewal = kLeaseTtl / 3;
constexpr Duration kRetry = kLeaseTtl / 10;  // to take the lease, or to renew it after an error
// Not renewed for so long it counts as lost: an append that has begun has a third to arrive.
constexpr Duration kTrusted = kLeaseTtl * 2 / 3;

// Shared with completions, which may come after a stop that gave up waiting.
struct Signals {
  std::mutex mutex;
  std::condition_variable changed;
  bool stopping = false;  // this and the following guarded by mutex
  int acknowledging = 0;
  std::optional<std::string> trouble;    // Relay::trouble
  std::int64_t token = 0;                // of the lease that is held; 0: none is
  std::shared_ptr<OutboxReader> reader;  // of that lease
  // In the log and still in the outbox, since an acknowledgement failed: why, and which.
  std::optional<Error> acknowledge_error;
  std::vector<std::int64_t> unacknowledged;
  std::int64_t unacknowledged_batch = 0;  // the last of theirs

  // Called locked.
  void lose_lease(const Error& error) {
    log::warn("the outbox relay lost its lease", {{"error", error.to_string()}});
    token = 0;
  }
};

// Of each event the append, and once that has succeeded how long it lay in the outbox: an event
// leaves the outbox once, however many appends it takes.
struct RelaySpans {
  struct One {
    std::optional<TraceContext> parent;
    Span::Attributes attributes;
    Duration lay;  // until the append began
  };
  BatchSpans relays, appends;
  SteadyTime begun;
  std::vector<One> events = {};

  static std::optional<RelaySpans> begin(Spans* spans, const Clock& clock,
                                         const std::vector<Record>& records) {
    if (spans == nullptr) return std::nullopt;
    RelaySpans all{{*spans, "outbox relay", Span::Kind::internal},
                   {*spans, "log append", Span::Kind::producer},
                   spans->now()};
    for (const Record& record : records) {
      // The event's time is that of its commit.
      const auto time = parse_rfc3339(find_header(record.headers, "ce_time"));
      all.events.push_back({parent_of(record.headers), attributes_of(record.topic, record.headers),
                            time ? std::max(Duration{0}, clock.now() - *time) : Duration{0}});
    }
    return all;
  }
  void end(const std::optional<Error>& error) {
    for (One& one : events) {
      const auto parent =
          error ? one.parent : relays.add(one.parent, one.attributes, begun - one.lay);
      appends.add(parent, std::move(one.attributes), begun);
    }
    appends.end_all(error);
    relays.end();
  }
};

}  // namespace

struct Relay::Impl {
  Impl(Outbox& o, LeaseStore& ls, EventLog& l, LogAdmin& a, std::string h, Clock& c, Metrics& m,
       Spans* s)
      : outbox(o),
        leases(ls),
        log(l),
        holder(std::move(h)),
        clock(c),
        spans(s),
        relayed(m.counter("mesh_outbox_relayed_total", "Events moved from the outbox to the log")),
        failures(m.counter("mesh_outbox_failures_total", "Appends of the relay that failed")),
        relaying(m.gauge("mesh_outbox_relaying", "1 where this process holds the relay's lease")),
        order(std::make_shared<RelayOrder>(l, a)),
        random(std::random_device{}()) {}

  Outbox& outbox;
  LeaseStore& leases;
  EventLog& log;
  const std::string holder;
  Clock& clock;
  Spans* const spans;
  Counter& relayed;
  Counter& failures;
  Gauge& relaying;
  const std::shared_ptr<Signals> signals = std::make_shared<Signals>();
  const std::shared_ptr<RelayOrder> order;  // shared with completions, too

  // The relay's thread only.
  std::mt19937_64 random;
  int failed_in_row = 0;
  Lease lease;  // that is or was held
  SteadyTime renew_at{}, trusted_until{};
  std::shared_ptr<OutboxReader> reader;
  bool unanswered = false;  // the log may still get an append that a stop gave up

  std::mutex lifecycle;  // held over start and stop
  std::thread thread;    // last: it uses all of the above

  void run();
  bool heal(bool holds);
  bool take_lease();
  bool held();
  void give_lease_up();
  void lease_lasts_from(SteadyTime when) {
    renew_at = when + kRenewal;
    trusted_until = when + kTrusted;
  }
  void relay(std::vector<OutboxEntry> entries);
  Result<std::vector<Position>> append(std::vector<Record> records);
  void acknowledge(std::vector<std::int64_t> sequences, std::int64_t batch);
  void acknowledge_again();
  void wait_for_entries();
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
    const bool holds = held();
    if (!heal(holds)) continue;
    if (!holds && !take_lease()) continue;
    acknowledge_again();
    auto entries = reader->next(kBatch);
    if (!entries) {
      back_off("read the outbox", entries.error());
    } else if (!entries->empty()) {
      relay(std::move(*entries));
    } else {
      goes_on();
      wait_for_entries();
    }
  }
  // They are refused without the lease, and the next holder would append their entries again.
  wait(kAppendLimit, [this] { return signals->acknowledging == 0; });
  heal(held());  // once more; then it is the next holder's, or of the next start
  give_lease_up();
}

// Before all else: meanwhile an older state of an entity may be the last one in the log.
bool Relay::Impl::heal(bool holds) {
  if (!order->needs_healing(holds)) return true;
  log::warn("two outbox relays may have appended at one time: older states may be the last ones",
            {{"lease", holds ? "held" : "lost"}});
  const Status healed = order->heal(clock, holds);
  if (!healed) back_off("put newest states behind older ones", healed.error());
  return healed.has_value();
}

// Where another has it, or it cannot be asked for, waits for the next try.
bool Relay::Impl::take_lease() {
  relaying.set(0);
  // From before the call, so that the lease is not trusted for longer than the store keeps it.
  const SteadyTime now = clock.steady();
  auto taken = leases.acquire(kLease, holder, kLeaseTtl);
  if (!taken) {
    back_off("take its lease", taken.error());
    return false;
  }
  if (!*taken) {
    goes_on();
    wait(kRetry, [this] { return signals->stopping; });
    return false;
  }
  lease = std::move(**taken);
  lease_lasts_from(now);
  reader = outbox.open(lease);
  order->begin_lease();
  relaying.set(1);
  std::lock_guard lock(signals->mutex);
  signals->token = lease.token;
  signals->reader = reader;
  // Of an earlier lease: the new reader gives those entries again.
  signals->acknowledge_error.reset();
  signals->unacknowledged.clear();
  return true;
}

// Whether the lease is still held; renews it when it is time.
bool Relay::Impl::held() {
  {
    std::lock_guard lock(signals->mutex);
    if (signals->token == 0) return false;
  }
  const SteadyTime now = clock.steady();
  if (now < renew_at) return true;
  const Status renewed = leases.renew(lease, kLeaseTtl);
  if (renewed) {
    lease_lasts_from(now);
    return true;
  }
  // A store that cannot be asked has not taken the lease away.
  if (renewed.error().kind != ErrorKind::conflict && clock.steady() < trusted_until) {
    log::warn("the outbox relay could not renew its lease",
              {{"error", renewed.error().to_string()}});
    renew_at = std::min(now + kRetry, trusted_until);
    return true;
  }
  relaying.set(0);
  std::lock_guard lock(signals->mutex);
  signals->lose_lease(renewed.error());
  return false;
}

// While an append may still arrive no other relay is to begin.
void Relay::Impl::give_lease_up() {
  if (held() && !unanswered) {
    if (auto released = leases.release(lease); !released) {
      log::warn("the outbox relay could not give its lease up, which runs out by itself",
                {{"error", released.error().to_string()}});
    }
  }
  relaying.set(0);
  reader.reset();
  std::lock_guard lock(signals->mutex);
  signals->token = 0;
  signals->reader.reset();
}

void Relay::Impl::relay(std::vector<OutboxEntry> entries) {
  // Reading the outbox asks for no lease, so the look stands right before the append.
  if (!held()) return;
  std::vector<std::int64_t> sequences;
  std::vector<Record> records;
  sequences.reserve(entries.size());
  records.reserve(entries.size());
  for (OutboxEntry& entry : entries) {
    sequences.push_back(entry.sequence);
    records.push_back(std::move(entry.record));
  }
  const std::int64_t batch = order->add(records);
  auto traced = RelaySpans::begin(spans, clock, records);
  const auto appended = append(std::move(records));
  if (traced) traced->end(appended ? std::nullopt : std::optional(appended.error()));
  if (!appended) {
    const ErrorKind kind = appended.error().kind;
    // A batch that may be in the log yet stays known: its keys are healed if the lease is lost.
    if (kind != ErrorKind::uncertain && kind != ErrorKind::timeout) order->drop(batch);
    failures.add();
    reader->rewind();
    back_off("append", appended.error());
    return;
  }
  order->appended(batch, *appended);
  goes_on();
  relayed.add(static_cast<double>(sequences.size()));
  acknowledge(std::move(sequences), batch);
}

Result<std::vector<Position>> Relay::Impl::append(std::vector<Record> records) {
  // Guarded by signals->mutex.
  const auto answer = std::make_shared<std::optional<Result<std::vector<Position>>>>();
  log.append(std::move(records), [shared = signals, answer](Result<std::vector<Position>> result) {
    std::lock_guard lock(shared->mutex);
    *answer = std::move(result);
    shared->changed.notify_all();
  });
  // Without a limit while it runs: to try again before the answer could put the batch into the log
  // behind a later one.
  wait(Duration::max(), [&] { return *answer || signals->stopping; });
  if (!wait(kAppendLimit, [&] { return answer->has_value(); })) {
    unanswered = true;
    return fail(ErrorKind::timeout, "the event log did not confirm an append before the stop");
  }
  std::lock_guard lock(signals->mutex);
  return std::move(**answer);
}

void Relay::Impl::acknowledge(std::vector<std::int64_t> sequences, std::int64_t batch) {
  wait(Duration::max(),
       [this] { return signals->acknowledging < kMaxUnacknowledged || signals->stopping; });
  if (!held()) return;  // the entries are the next holder's
  {
    std::lock_guard lock(signals->mutex);
    ++signals->acknowledging;
  }
  reader->acknowledge(sequences, [shared = signals, order = order, token = lease.token, sequences,
                                  batch](Status status) {
    // Whatever lease is held by now: the outbox has compared the one of this batch.
    if (status) order->proven(batch);
    std::lock_guard lock(shared->mutex);
    --shared->acknowledging;
    // A failure under an earlier lease says nothing of this one.
    if (!status && token == shared->token) {
      if (status.error().kind == ErrorKind::conflict) {
        shared->lose_lease(status.error());
      } else {
        std::ranges::copy(sequences, std::back_inserter(shared->unacknowledged));
        shared->unacknowledged_batch = std::max(shared->unacknowledged_batch, batch);
        shared->acknowledge_error = std::move(status.error());
      }
      // The relay may sleep on an empty outbox, and would not see it before the next renewal.
      shared->reader->wake();
    }
    shared->changed.notify_all();
  });
}

void Relay::Impl::acknowledge_again() {
  std::optional<Error> error;
  std::vector<std::int64_t> sequences;
  std::int64_t batch = 0;
  {
    std::lock_guard lock(signals->mutex);
    error = std::exchange(signals->acknowledge_error, std::nullopt);
    sequences = std::exchange(signals->unacknowledged, {});
    batch = std::exchange(signals->unacknowledged_batch, 0);
  }
  if (!error) return;
  back_off("acknowledge", *error);
  acknowledge(std::move(sequences), batch);
}

void Relay::Impl::wait_for_entries() {
  const auto disturbed = [this] {
    std::lock_guard lock(signals->mutex);
    return signals->stopping || signals->acknowledge_error;
  };
  while (!disturbed() && held()) {
    // No longer than to the next renewal, so that the lease lasts while nothing is to be done.
    if (reader->wait(std::chrono::ceil<Duration>(renew_at - clock.steady()))) return;
  }
}

void Relay::Impl::back_off(const char* what, const Error& error) {
  const std::string trouble = std::string("could not ") + what + ": " + error.message;
  bool told = false;
  {
    std::lock_guard lock(signals->mutex);
    told = std::exchange(signals->trouble, trouble) == trouble;
  }
  // Once, however often it is tried meanwhile.
  if (!told) {
    log::warn("the outbox relay waits", {{"could_not", what}, {"error", error.to_string()}});
  }
  wait(backoff_delay(kBackoff, ++failed_in_row, random()), [this] { return signals->stopping; });
}

void Relay::Impl::goes_on() {
  failed_in_row = 0;
  std::lock_guard lock(signals->mutex);
  signals->trouble.reset();
}

// Keeps the lease meanwhile.
bool Relay::Impl::wait(Duration limit, const std::function<bool()>& ready) {
  const SteadyTime deadline = limit == Duration::max() ? SteadyTime::max() : clock.steady() + limit;
  for (;;) {
    const SteadyTime until = held() ? std::min(deadline, renew_at) : deadline;
    {
      std::unique_lock lock(signals->mutex);
      if (clock.wait_until(lock, signals->changed, until, ready)) return true;
    }
    if (clock.steady() >= deadline) return false;
  }
}

Relay::Relay(Outbox& outbox, LeaseStore& leases, EventLog& log, LogAdmin& admin, std::string holder,
             Clock& clock, Metrics& metrics, Spans* spans)
    : impl_(std::make_unique<Impl>(outbox, leases, log, admin, std::move(holder), clock, metrics,
                                   spans)) {}

Relay::~Relay() { stop(); }

std::optional<std::string> Relay::trouble() const {
  std::lock_guard lock(impl_->signals->mutex);
  return impl_->signals->trouble;
}

void Relay::start() {
  std::lock_guard guard(impl_->lifecycle);
  if (impl_->thread.joinable()) return;
  impl_->unanswered = false;
  {
    std::lock_guard lock(impl_->signals->mutex);
    impl_->signals->stopping = false;
  }
  impl_->thread = std::thread([this] {
    name_thread("relay");
    stand_back(Standing::background);
    impl_->run();
  });
}

void Relay::stop() {
  std::lock_guard guard(impl_->lifecycle);
  if (!impl_->thread.joinable()) return;
  {
    std::lock_guard lock(impl_->signals->mutex);
    impl_->signals->stopping = true;
    impl_->signals->changed.notify_all();
    if (impl_->signals->reader) impl_->signals->reader->wake();
  }
  impl_->thread.join();
}

}  // namespace mesh::pipeline
