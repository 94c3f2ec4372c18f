#include "daemon/pipeline/trace/event_search.h"

#include <algorithm>

#include "common/base/ids.h"
#include "common/base/time.h"
#include "daemon/pipeline/replay/bounds.h"
#include "daemon/pipeline/scan.h"

namespace mesh::pipeline {
namespace {

// How far around a time is looked; nothing: as far as there are records.
struct Window {
  std::optional<Duration> before, after;
};
// Most events are taken within milliseconds; the next windows are for an outbox that waits, and for
// clocks that differ.
constexpr Window kAroundId[] = {{Duration{50}, Duration{250}},
                                {Duration{2'000}, Duration{10'000}},
                                {Duration{60'000}, Duration{600'000}},
                                {Duration{3'600'000}, std::nullopt}};
// From now.
constexpr Window kNewestFirst[] = {{Duration{60'000}, std::nullopt},
                                   {Duration{3'600'000}, std::nullopt},
                                   {Duration{86'400'000}, std::nullopt},
                                   {std::nullopt, std::nullopt}};

struct Range {
  TopicPartition partition;
  std::int64_t from, to;
};

class Search {
 public:
  Search(EventLog& log, const EventQuery& query, std::int64_t max_records)
      : log_(log), query_(query), left_(max_records) {}

  void add(const TopicInfo& topic) {
    for (std::size_t p = 0; p < topic.partitions.size(); ++p) {
      const Watermarks& marks = topic.partitions[p];
      if (marks.start >= marks.end) continue;
      partitions_.push_back({{topic.spec.name, static_cast<std::int32_t>(p)}, marks, std::nullopt});
    }
  }

  Status around(Timestamp time, std::span<const Window> windows) {
    for (const Window& window : windows) {
      std::vector<Range> ranges;
      for (Partition& one : partitions_) {
        std::int64_t low = one.marks.start, high = one.marks.end;
        if (window.before) low = MESH_TRY(log_.offset_at(one.name, earlier(time, *window.before)));
        if (window.after) high = MESH_TRY(log_.offset_at(one.name, time + *window.after));
        widen(one, low, high, ranges);
      }
      MESH_TRY(read(std::move(ranges)));
      found_.since = window.before ? std::optional(earlier(time, *window.before)) : std::nullopt;
      found_.until = window.after ? std::optional(time + *window.after) : std::nullopt;
      if (found_.record || !found_.whole) return {};
    }
    return {};
  }

  Status from(const std::string& bound, Timestamp now) {
    std::vector<Range> ranges;
    for (Partition& one : partitions_) {
      const auto low = MESH_TRY(resolve_bound(log_, one.name, bound, now));
      widen(one, low, one.marks.end, ranges);
    }
    return read(std::move(ranges));
  }

  EventSearch found() && { return std::move(found_); }

 private:
  struct Partition {
    TopicPartition name;
    Watermarks marks;
    std::optional<std::pair<std::int64_t, std::int64_t>> seen;  // read so far
  };

  // What of [low, high) was not read yet.
  static void widen(Partition& one, std::int64_t low, std::int64_t high,
                    std::vector<Range>& ranges) {
    high = std::max(low, std::min(high, one.marks.end));
    if (!one.seen) {
      ranges.push_back({one.name, low, high});
      one.seen = {low, high};
      return;
    }
    auto& [first, last] = *one.seen;
    ranges.push_back({one.name, low, std::min(first, high)});
    ranges.push_back({one.name, std::max(last, low), high});
    first = std::min(first, low);
    last = std::max(last, high);
  }

  // The partitions in turn, so that a busy one does not use up the bound of all.
  Status read(std::vector<Range> ranges) {
    while (!found_.record) {
      std::erase_if(ranges, [](const Range& range) { return range.from >= range.to; });
      if (ranges.empty()) return {};
      for (Range& range : ranges) {
        if (left_ <= 0) {
          found_.whole = false;
          return {};
        }
        const auto most = std::min<std::int64_t>(kBatch, range.to - range.from);
        auto batch = MESH_TRY(log_.read(range.partition, range.from,
                                        {.max_records = static_cast<std::size_t>(most)}));
        // A fetch may bring nothing and not be at the end: it counts, so that the loop has a bound.
        left_ -= std::max<std::int64_t>(1, std::ssize(batch.records));
        found_.records += std::ssize(batch.records);
        range.from = batch.at_end ? range.to : batch.next;
        const auto at = std::ranges::find_if(
            batch.records, [&](const StoredRecord& record) { return is_event(record, query_); });
        if (at == batch.records.end()) continue;
        found_.record = std::move(*at);
        break;
      }
    }
    return {};
  }

  static constexpr std::int64_t kBatch = 1'000;

  EventLog& log_;
  const EventQuery& query_;
  std::int64_t left_;
  std::vector<Partition> partitions_;
  EventSearch found_;
};

}  // namespace

bool is_event(const StoredRecord& record, const EventQuery& query) {
  const auto id = find_header(record.headers, "ce_id");
  if (!id.empty()) {
    if (id != query.id) return false;
    const auto tenant = find_header(record.headers, "ce_tenantid");
    if (query.tenant.empty() || tenant == query.tenant) return true;
    if (!tenant.empty()) return false;
  }
  // Another producer's: the id may follow from its place, the tenant from its data.
  const auto event = from_record(record);
  return event && event->id == query.id &&
         (query.tenant.empty() || event->tenant.str() == query.tenant);
}

Timestamp earlier(Timestamp time, Duration by) { return std::max(Timestamp{}, time - by); }

std::string where_searched(const EventSearch& search) {
  std::string text = std::to_string(search.records) + " records";
  if (search.since) text += " from " + format_rfc3339(*search.since) + " on";
  if (!search.whole) text += ", which is the most that one search reads";
  return text;
}

Error not_found(const EventQuery& query, const EventSearch& search) {
  std::string text = "no event " + query.id;
  if (!query.tenant.empty()) text += " of tenant " + query.tenant;
  text += " was found in " + where_searched(search);
  if (!search.whole) text += "; say where to look: its topic, and from when on";
  return {ErrorKind::not_found, std::move(text), {}, {}, {}};
}

Result<EventSearch> find_event(EventLog& log, LogAdmin& admin, const EventQuery& query,
                               Timestamp now, std::int64_t max_records) {
  Search search(log, query, max_records);
  if (!query.topic.empty()) {
    const auto topic = MESH_TRY(find_topic(admin, query.topic));
    search.add(topic);
  } else {
    const auto topics = MESH_TRY(admin.topics());
    for (const TopicInfo& topic : topics) {
      // A letter has the id of its event: it is found only where its topic is named.
      if (!is_dead_letter_topic(topic.spec.name)) search.add(topic);
    }
  }
  const auto made = uuid_v7_time(query.id);
  if (!query.from.empty()) {
    MESH_TRY(search.from(query.from, now));
  } else if (made) {
    // A clock that is ahead makes ids of the future.
    MESH_TRY(search.around(std::min(*made, now), kAroundId));
  } else {
    MESH_TRY(search.around(now, kNewestFirst));
  }
  return std::move(search).found();
}

}  // namespace mesh::pipeline
