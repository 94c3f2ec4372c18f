// Writes the usage that a process counts into billing.events: one event per tenant and minute.
//
//   counters in a mapped file ─(each minute)→ a file of the period ─(until the log has it)→ log
//
// Both files are in <data_dir>/usage. Whatever ends the process, the next one in that folder finds
// what was counted and what was not written. An append that may or may not have come through is
// made again, of the same events, whose ids the pipeline "metering" counts once. So each increment
// is in the totals exactly once, and what was acknowledged is what is billed: requests are counted
// just before they are answered. A start and a stop put what waits into the totals themselves:
// quotas go by these from the first request on, which comes before the pipeline is through.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "common/base/clock.h"
#include "common/base/periodic.h"
#include "common/ports/event_log.h"
#include "common/ports/lease_store.h"
#include "common/ports/usage_store.h"
#include "common/telemetry/metrics.h"
#include "common/telemetry/usage.h"
#include "common/telemetry/usage_journal.h"
#include "daemon/metering/spool.h"

namespace mesh::metering {

struct MeteringOptions {
  std::string folder;   // made where it is missing
  std::string process;  // named in the events
  // Whether this process counts what is stored of all tenants, once an hour, on a thread of its
  // own; of several that do one counts, by a lease.
  bool counts_stored = false;
};

struct MeteringPorts {
  EventLog& log;
  UsageStore& usage;
  LeaseStore& leases;
};

class Metering {
 public:
  static constexpr Duration kTick{1'000};   // the journal is made durable as often
  static constexpr Duration kRetry{5'000};  // between two tries to reach the log
  // Between two looks whether an hour has begun, whose count of what is stored is due. A count is
  // dear, so one that failed is not made again sooner.
  static constexpr Duration kCount{300'000};
  static constexpr Duration kAppendLimit{15'000};  // of one
  static constexpr Duration kStopLimit{3'000};     // of all that begin once it stops
  static constexpr Duration kTotalsLimit{3'000};   // no part of them begins later
  // Periods that wait for the log: a week of minutes. Beyond, the period under way goes on.
  static constexpr std::size_t kMostWaiting = 10'000;

  // Takes over what processes left in the folder, and has `usage` count in a journal of its own
  // from then on. What they left is in the totals then, where the store took it. What is given
  // outlives it. `unavailable` where the folder cannot be written.
  static Result<std::unique_ptr<Metering>> open(MeteringOptions options, MeteringPorts ports,
                                                Usage& usage, Clock& clock, Metrics& metrics);
  ~Metering();
  void start();
  // Seals what was counted, and tries once, for kStopLimit, to write all that waits, and to put it
  // into the totals; the rest waits
  // for the next start. An append that is under way has its kAppendLimit. Callable twice, and
  // before start. What is counted later is billed by the next start.
  void stop();

  // The work of its threads, for them and for tests.
  void tick();   // seals where a minute is over
  void send();   // writes what waits
  void count();  // what is stored, where that was not done for the hour

 private:
  Metering(MeteringOptions options, MeteringPorts ports, Clock& clock, Metrics& metrics);
  Status take_over();
  Status seal(UsageJournal& journal);
  std::vector<std::string> sealed();
  Status send_all();
  void put_into_totals();
  Status append(const std::vector<UsageIncrement>& increments);
  Status count_stored();
  std::unique_ptr<Periodic> in_background(const char* name, Duration period,
                                          void (Metering::*work)());

  const MeteringOptions options_;
  const MeteringPorts ports_;
  Clock& clock_;
  const Spool spool_;
  Gauge& waiting_;
  Counter& written_;
  Gauge& damaged_;
  std::unique_ptr<UsageJournal> journal_;             // constant once it is opened
  Timestamp minute_{};                                // that tick() saw last
  Timestamp hour_{};                                  // whose stored() was counted; of count()
  bool failing_ = false;                              // of send(): told once
  bool uncounted_ = false;                            // of count(): told once
  bool goes_on_ = false;                              // the minute, of tick(): told once
  std::atomic<SteadyTime> until_{SteadyTime::max()};  // appends may take
  // Held while a period is sealed: its file is there before the journal has forgotten it, and what
  // was written and removed meanwhile would count again after a loss of power.
  std::mutex sealing_;
  bool stopped_ = false;
  // Last: their threads use all of the above.
  std::unique_ptr<Periodic> sending_, counting_, ticking_;
};

}  // namespace mesh::metering
