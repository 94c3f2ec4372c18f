// From the log into batches.
#include <algorithm>

#include "daemon/pipeline/consumer/runtime_impl.h"
#include "daemon/pipeline/lag.h"

namespace mesh::pipeline {
namespace {

// How far ahead is read between two batches. Reading keys costs some 0.5 µs each, so that a batch
// waits for a few milliseconds and the event behind a million others is found within a second.
constexpr int kPollsAhead = 4;
constexpr std::size_t kPollAhead = 4'096;  // records
constexpr std::size_t kBatchBytes = ReadLimits{}.max_bytes;

}  // namespace

// Close behind the log, where a batch takes in all there is, order does not matter between tenants,
// and the records are processed as they come. Farther behind they are filed in lanes first.
void Pipeline::Impl::take_in() {
  for (int polls = 0; polls < kPollsAhead && may_read_ahead(); ++polls) {
    const bool first = lanes.empty();
    ReadLimits limits;
    limits.max_records = first ? batch_limit() : std::min(kPollAhead, lanes.room());
    if (keeps_what_it_reads) {
      limits.max_bytes = std::min(limits.max_bytes, window.room());
    } else {
      limits.keys_only = !first;
    }
    const bool idle = polls == 0 && (first || blocked);
    auto records = consumer->poll(limits, idle ? until_due() : Duration{0});
    const auto gone = follow();
    if (!records) {
      pause("read the event log", records.error());
      return;
    }
    recovered();
    std::erase_if(*records, [&](const StoredRecord& record) {
      return gone.contains({record.position.topic, record.position.partition});
    });
    if (records->empty()) {
      if (!lanes.empty()) break;
      if (!commit_passed_gaps()) return;
      refresh_lag(true);
      return;
    }
    // With so much parked a single tenant might fill the rest within a batch.
    const bool crowded =
        2 * (parked.size() + records->size()) > static_cast<std::size_t>(options.max_parked);
    if (first && lanes.empty() && !crowded &&
        records_from(deps.log, consumer->position()).value_or(0) < options.batch) {
      process_directly(std::move(*records));
      return;
    }
    file(std::move(*records));
    if (is_stopping()) return;
  }
  take_turns();
}

// Positions move without a record over what retention or a repair removed at the end of a
// partition; uncommitted, that would be lag for as long as nothing is appended there.
bool Pipeline::Impl::commit_passed_gaps() {
  UnderWay work{{}, consumer->position(), {}};
  std::erase_if(work.through, [&](const auto& entry) {
    const auto known = committed.find(entry.first);
    return known != committed.end() && known->second == entry.second;
  });
  if (work.through.empty()) return true;
  if (!commit(work)) return false;
  apply(work);
  return true;
}

void Pipeline::Impl::process_directly(std::vector<StoredRecord> records) {
  Batch batch;
  Through through;
  for (StoredRecord& record : records) {
    through[{record.position.topic, record.position.partition}] = record.position.offset + 1;
    add_to(batch, std::move(record));
  }
  process(std::move(batch), false, through);
}

void Pipeline::Impl::file(std::vector<StoredRecord> records) {
  for (StoredRecord& record : records) {
    const std::string_view lane = lane_of(record.key);
    if (parked.contains(record.position)) {
      lanes.pass(lane, record.position);
      continue;
    }
    lanes.file(lane, record.position);
    if (keeps_what_it_reads) window.put(std::move(record));
  }
  for (const auto& [partition, next] : consumer->position()) lanes.see(partition, next);
  blocked = false;
}

void Pipeline::Impl::take_turns() {
  const auto stretches =
      lanes.next(batch_limit(), [this](const std::string& lane) { return may_park(lane); });
  blocked = stretches.empty() && !lanes.empty();
  if (blocked) {
    set_state(PipelineStatus::State::paused_backlog);
    refresh_lag(true);
    if (!may_read_ahead()) sleep_until(deps.clock.steady() + until_due());
    return;
  }
  Batch batch;
  std::vector<Lanes::Taken> taken;
  if (keeps_what_it_reads) {
    read_window(stretches, taken, batch);
  } else if (!read(stretches, taken, batch)) {
    return;
  }
  for (const Lanes::Taken& one : taken) lanes.take(one);
  process(std::move(batch), false, through());
}

// What the lanes wait for, up to a batch's bytes. False where the log cannot be read.
bool Pipeline::Impl::read(const std::vector<Lanes::Stretch>& stretches,
                          std::vector<Lanes::Taken>& taken, Batch& batch) {
  std::size_t bytes = 0;
  for (const Lanes::Stretch& stretch : stretches) {
    Lanes::Taken one{stretch, stretch.from, 0, 0};
    while (one.next < stretch.to && one.records < stretch.records && bytes < kBatchBytes) {
      auto part = deps.log.read(
          stretch.partition, one.next,
          {.max_records = stretch.records - one.records, .max_bytes = kBatchBytes - bytes});
      if (!part) {
        pause("read the event log", part.error());
        return false;
      }
      // At the end, the rest of the stretch was removed meanwhile.
      one.next = part->at_end ? stretch.to : std::min(part->next, stretch.to);
      for (StoredRecord& record : part->records) {
        if (record.position.offset >= stretch.to) break;
        ++one.records;
        bytes += bytes_of(record);
        if (lane_of(record.key) != stretch.lane) continue;
        ++one.events;
        add_to(batch, std::move(record));
      }
    }
    taken.push_back(std::move(one));
    if (bytes >= kBatchBytes) break;
  }
  return true;
}

void Pipeline::Impl::read_window(const std::vector<Lanes::Stretch>& stretches,
                                 std::vector<Lanes::Taken>& taken, Batch& batch) {
  std::vector<StoredRecord> records;
  std::size_t bytes = 0;
  for (const Lanes::Stretch& stretch : stretches) {
    const std::size_t before = records.size();
    taken.push_back(window.take(stretch, kBatchBytes - bytes, records));
    for (std::size_t i = before; i < records.size(); ++i) bytes += bytes_of(records[i]);
    if (bytes >= kBatchBytes) break;
  }
  for (StoredRecord& record : records) add_to(batch, std::move(record));
}

void Pipeline::Impl::add_to(Batch& batch, StoredRecord record) const {
  if (parked.contains(record.position)) return;
  ParkedEvent event{std::move(record), 0, {}, {}, {}};
  if (parked.size() > 0 && parked.has_key(order_key(event.record))) {
    batch.add_behind(std::move(event));
  } else {
    batch.add(std::move(event));
  }
}

// With what others had parked there may be more than max_parked.
std::size_t Pipeline::Impl::free_places() const {
  const auto most = static_cast<std::size_t>(options.max_parked);
  return most - std::min(most, parked.size());
}

// Even if all of a batch must be parked there is room for it.
std::size_t Pipeline::Impl::batch_limit() const {
  return std::min({static_cast<std::size_t>(options.batch), free_places(), in_time});
}

// Ever twice as many while that takes little time, and at once no more than would fit.
void Pipeline::Impl::learn(std::size_t events, std::chrono::nanoseconds took, bool done) {
  const double longest = std::chrono::duration<double>(options.longest_batch).count();
  const double took_seconds = std::max(std::chrono::duration<double>(took).count(), 1e-6);
  const double fit = static_cast<double>(events) * longest / took_seconds;
  if (fit < static_cast<double>(in_time)) {
    in_time = std::max<std::size_t>(1, static_cast<std::size_t>(fit));
  } else if (done && 2 * events >= in_time) {
    in_time = std::min(2 * events, static_cast<std::size_t>(std::min(fit, 1e9)));
  }
}

// How many events of a lane may be processed though all might have to be parked: a tenant may have
// as many parked as it leaves room for others.
std::size_t Pipeline::Impl::may_park(const std::string& lane) const {
  const std::size_t free = free_places();
  const std::size_t own = parked.size_of(lane);
  return free > own ? (free - own + 1) / 2 : 0;
}

// What may be committed once what is under way is done.
Through Pipeline::Impl::through() const {
  Through through = lanes.low();
  std::erase_if(through, [&](const auto& entry) {
    const auto known = committed.find(entry.first);
    return known != committed.end() && known->second >= entry.second;
  });
  return through;
}

}  // namespace mesh::pipeline
