#include "daemon/metering/metering.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <span>

#include "common/base/ids.h"
#include "common/telemetry/log.h"
#include "daemon/pipeline/append.h"

namespace mesh::metering {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kJournal = ".counters";
constexpr std::size_t kEventsAtOnce = 1'000;
constexpr const char* kStorageLease = "stored-users";
// Shorter than the hour that it is for; whoever gets it in the next one counts then.
constexpr Duration kStorageLeaseTime = std::chrono::minutes{30};

}  // namespace

Metering::Metering(MeteringOptions options, MeteringPorts ports, Clock& clock, Metrics& metrics)
    : options_(std::move(options)),
      ports_(ports),
      clock_(clock),
      spool_(options_.folder),
      waiting_(metrics.gauge("mesh_usage_waiting_periods",
                             "Minutes of usage that wait to be written into billing.events.")),
      written_(metrics.counter("mesh_usage_events_total",
                               "Events of usage that were written into billing.events.")),
      damaged_(metrics.gauge("mesh_usage_damaged_periods",
                             "Files of usage that could not be read since the start; they are "
                             "kept under another name.")) {
  damaged_.set(0);
}

Metering::~Metering() { stop(); }

Result<std::unique_ptr<Metering>> Metering::open(MeteringOptions options, MeteringPorts ports,
                                                 Usage& usage, Clock& clock, Metrics& metrics) {
  std::error_code error;
  fs::create_directories(options.folder, error);
  if (error) {
    return fail(ErrorKind::unavailable, options.folder + " cannot be made: " + error.message());
  }
  chmod(options.folder.c_str(), 0700);
  std::unique_ptr<Metering> metering(new Metering(std::move(options), ports, clock, metrics));
  MESH_TRY(metering->take_over());
  metering->put_into_totals();
  const std::string path = metering->options_.folder + "/" + random_hex(8) + std::string(kJournal);
  metering->journal_ = MESH_TRY(UsageJournal::make(path, clock.now()));
  metering->minute_ = start_of(UsageGrain::minute, clock.now());
  usage.keep_in(*metering->journal_);
  return metering;
}

// What is left of a journal becomes a period of its own, and the file goes.
Status Metering::take_over() {
  std::vector<std::string> left;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(options_.folder, error)) {
    if (entry.path().extension() == kJournal) left.push_back(entry.path());
  }
  const auto kept = [this](const std::string& journal, std::uint64_t number) {
    return spool_.has(journal, number);
  };
  for (const auto& path : left) {
    auto journal = UsageJournal::adopt(path, kept);
    if (!journal && journal.error().kind == ErrorKind::corrupt) {
      log::error("usage that a process counted before its end cannot be read; the file is kept",
                 {{"file", path + ".damaged"}, {"cause", journal.error().to_string()}});
      fs::rename(path, path + ".damaged", error);
      damaged_.add(1);
      continue;
    }
    if (!journal) return fail(journal.error());
    if (!*journal) continue;  // another process counts there
    MESH_TRY((*journal)->seal((*journal)->last_seen(), [this](const auto& period) {
      return spool_.keep(period, options_.process);
    }));
    fs::remove(path, error);
  }
  return {};
}

void Metering::start() {
  sending_ = in_background("usage sender", kRetry, &Metering::send);
  // On a thread of its own: it reads all that is stored, and bills do not wait for it.
  if (options_.counts_stored) {
    counting_ = in_background("stored users", kCount, &Metering::count);
  }
  ticking_ = std::make_unique<Periodic>(
      "usage", clock_, kTick, [this] { tick(); }, Periodic::Rest::keeps);
}

// The first time of a Periodic is the caller's, who should not wait for log or store.
std::unique_ptr<Periodic> Metering::in_background(const char* name, Duration period,
                                                  void (Metering::*work)()) {
  auto begun = std::make_shared<std::atomic<bool>>(false);
  auto made = std::make_unique<Periodic>(
      name, clock_, period,
      [this, begun, work] {
        if (*begun) (this->*work)();
      },
      Periodic::Rest::keeps);
  *begun = true;
  made->hurry();
  return made;
}

void Metering::stop() {
  if (std::exchange(stopped_, true)) return;
  until_ = clock_.steady() + kStopLimit;
  for (auto* thread : {&ticking_, &counting_, &sending_}) {
    if (*thread) (*thread)->stop();
  }
  if (auto sealed = seal(*journal_); !sealed) {
    log::warn("usage was not sealed; the next start does so",
              {{"cause", sealed.error().to_string()}});
  }
  put_into_totals();
  if (auto sent = send_all(); !sent) {
    log::warn("usage waits for the log; the next start writes it",
              {{"periods", spool_.names().size()}, {"cause", sent.error().to_string()}});
  }
}

void Metering::tick() {
  const Timestamp now = clock_.now();
  const Timestamp minute = start_of(UsageGrain::minute, now);
  if (minute == minute_) return journal_->sync(now);
  if (auto sealed = seal(*journal_); !sealed) {
    if (std::exchange(goes_on_, true)) return;
    return log::warn("a minute of usage was not sealed; it goes on until it can be",
                     {{"cause", sealed.error().to_string()}});
  }
  goes_on_ = false;
  minute_ = minute;
  if (sending_) sending_->hurry();
}

Status Metering::seal(UsageJournal& journal) {
  if (spool_.names().size() >= kMostWaiting) {
    journal.sync(clock_.now());
    return fail(ErrorKind::unavailable, "too many minutes wait for the log");
  }
  std::lock_guard lock(sealing_);
  return journal.seal(clock_.now(), [this](const UsageJournal::Period& period) {
    return spool_.keep(period, options_.process);
  });
}

void Metering::send() {
  const Status sent = send_all();
  waiting_.set(static_cast<double>(spool_.names().size()));
  if (!sent && !failing_) {
    log::warn("usage is not written into billing.events; it is kept and tried again",
              {{"cause", sent.error().to_string()}});
  }
  failing_ = !sent;
}

void Metering::count() {
  const Status counted = count_stored();
  if (!counted && !uncounted_) {
    log::warn("what is stored of tenants is not counted for their bills; it is tried again",
              {{"cause", counted.error().to_string()}});
  }
  uncounted_ = !counted;
}

std::vector<std::string> Metering::sealed() {
  std::lock_guard lock(sealing_);
  return spool_.names();
}

Status Metering::send_all() {
  Status all;
  for (const auto& name : sealed()) {
    auto increments = spool_.read(name);
    if (!increments && increments.error().kind == ErrorKind::corrupt) {
      log::error("a minute of usage cannot be read; the file is kept",
                 {{"cause", increments.error().to_string()}});
      spool_.set_aside(name);
      damaged_.add(1);
      continue;
    }
    // The others do not wait for it.
    if (!increments) {
      all = fail(increments.error());
      continue;
    }
    MESH_TRY(append(*increments));
    spool_.remove(name);
  }
  return all;
}

// The pipeline finds their ids and counts none of them twice. What cannot be read is send_all()'s
// to tell.
void Metering::put_into_totals() {
  const Timestamp now = clock_.now();
  const SteadyTime until = clock_.steady() + kTotalsLimit;
  std::vector<UsageIncrement> increments;
  for (const auto& name : sealed()) {
    for (auto& increment : spool_.read(name).value_or(std::vector<UsageIncrement>())) {
      // As the pipeline does: whether an older one was counted is not known.
      if (increment.time >= now - kUsageTakenFor) increments.push_back(std::move(increment));
    }
  }
  const std::span<const UsageIncrement> all(increments);
  for (std::size_t from = 0; from < all.size() && clock_.steady() < until; from += kEventsAtOnce) {
    const auto some = all.subspan(from, std::min(kEventsAtOnce, all.size() - from));
    if (const auto recorded = ports_.usage.record(some, {}, now); !recorded) {
      log::warn(
          "what was used last is not in the totals that quotas go by; it will be once it is "
          "read from billing.events",
          {{"cause", recorded.error().to_string()}});
      return;
    }
  }
}

Status Metering::append(const std::vector<UsageIncrement>& increments) {
  for (std::size_t from = 0; from < increments.size(); from += kEventsAtOnce) {
    const std::size_t to = std::min(from + kEventsAtOnce, increments.size());
    std::vector<Record> records;
    for (std::size_t i = from; i < to; ++i)
      records.push_back(to_record(usage_event(increments[i])));
    const auto left = std::chrono::floor<Duration>(until_.load() - clock_.steady());
    if (left <= Duration{0}) return fail(ErrorKind::unavailable, "there was no time left to write");
    (void)MESH_TRY(pipeline::append_within(ports_.log, clock_, std::move(records),
                                           std::min(kAppendLimit, left)));
    written_.add(static_cast<double>(to - from));
  }
  return {};
}

// Their ids follow from the hour, the tenant and the numbers: the same count again changes nothing,
// and of several of an hour the highest stands.
Status Metering::count_stored() {
  const Timestamp now = clock_.now(), hour = start_of(UsageGrain::hour, now);
  if (hour == hour_) return {};
  const auto lease =
      MESH_TRY(ports_.leases.acquire(kStorageLease, options_.process, kStorageLeaseTime));
  if (!lease) {
    hour_ = hour;  // another process does
    return {};
  }
  std::vector<UsageIncrement> increments;
  // Given back where it fails, for the next try.
  const Status counted = [&]() -> Status {
    // A stop ends it at once: the time that it has is for the bills.
    const auto all =
        MESH_TRY(ports_.usage.stored([this] { return until_.load() == SteadyTime::max(); }));
    for (const auto& [tenant, stored] : all) {
      const std::string name = "stored:" + tenant.str() + ":" + std::to_string(stored.users) + ":" +
                               std::to_string(stored.bytes);
      increments.push_back({uuid_v7_of(hour, name), tenant, now, hour, 3600, options_.process, {}});
      increments.back().amounts[UsageKind::stored_users] = stored.users;
      increments.back().amounts[UsageKind::stored_bytes] = stored.bytes;
    }
    return append(increments);
  }();
  if (counted) {
    hour_ = hour;
  } else {
    (void)ports_.leases.release(*lease);  // it runs out by itself
  }
  return counted;
}

}  // namespace mesh::metering
