#include "cli/records.h"

#include <algorithm>
#include <deque>

#include "cli/render/view.h"
#include "common/base/strings.h"

namespace mesh::cli {
namespace {

using client::Positions;

constexpr int kPage = 1000;

std::string time_of(const Json& record) {
  const Json& time = at_path(record, "time");
  return time.is_string() ? time.get<std::string>() : std::string{};
}

// A partition's range as a stream of records, a page at a time. Within a partition times never
// decrease, so that merging partitions gives all records by time.
class Cursor {
 public:
  Cursor(client::Client& mesh, std::string topic, std::int32_t partition, std::int64_t from,
         std::int64_t to, const RecordFilter& filter)
      : mesh_(mesh),
        topic_(std::move(topic)),
        partition_(partition),
        at_(from),
        to_(to),
        filter_(filter) {}

  // nullptr at the end.
  Result<Json*> head() {
    // A page may be empty and lead on: the server looks through so many records, whatever the
    // filter leaves of them.
    while (page_.empty() && at_ < to_) {
      auto page = MESH_TRY(mesh_.records(query()));
      const auto next = page.next.find(partition_);
      // A page that leads nowhere is the end: what was there when the range was made has expired.
      const bool moved = next != page.next.end() && next->second > at_;
      at_ = moved ? next->second : to_;
      for (Json& record : page.records) {
        const Json& offset = at_path(record, "offset");
        if (offset.is_number_integer() && offset.get<std::int64_t>() < to_)
          page_.push_back(std::move(record));
      }
    }
    return page_.empty() ? nullptr : &page_.front();
  }
  void pop() { page_.pop_front(); }

 private:
  client::RecordQuery query() const {
    client::RecordQuery query;
    query.topic = topic_;
    query.positions = {{partition_, at_}};
    // No more than the range can hold: a page beyond its end would be thrown away.
    query.limit = static_cast<int>(std::min<std::int64_t>(to_ - at_, kPage));
    query.tenant = filter_.tenant;
    query.type = filter_.type;
    query.key = filter_.key;
    return query;
  }

  client::Client& mesh_;
  const std::string topic_;
  const std::int32_t partition_;
  std::int64_t at_;
  const std::int64_t to_;
  const RecordFilter& filter_;
  std::deque<Json> page_;
};

}  // namespace

Status add_filter(RecordFilter& filter, const std::string& text) {
  const auto equals = text.find('=');
  const std::string name = text.substr(0, equals);
  std::string* member = name == "type"     ? &filter.type
                        : name == "tenant" ? &filter.tenant
                        : name == "key"    ? &filter.key
                                           : nullptr;
  if (member == nullptr || equals == text.npos || equals + 1 == text.size()) {
    return fail(ErrorKind::invalid,
                "\"" + text + "\" is not a filter; allowed are type=…, tenant=… and key=…");
  }
  const std::string value = text.substr(equals + 1);
  if (!member->empty() && *member != value) {
    return fail(ErrorKind::invalid,
                "two filters on " + name + ": \"" + *member + "\" and \"" + value + "\"");
  }
  *member = value;
  return {};
}

Result<TopicRange> whole_topic(client::Client& mesh, const std::string& topic) {
  auto described = MESH_TRY(mesh.topic(topic));
  TopicRange range{topic, {}, {}};
  for (const Json& one : at_path(described, "partition_offsets")) {
    const Json &partition = at_path(one, "partition"), &start = at_path(one, "start"),
               &end = at_path(one, "end");
    if (!partition.is_number_integer() || !start.is_number_integer() || !end.is_number_integer())
      continue;
    range.from[partition.get<std::int32_t>()] = start.get<std::int64_t>();
    range.to[partition.get<std::int32_t>()] = end.get<std::int64_t>();
  }
  if (range.to.empty()) {
    return fail(ErrorKind::internal,
                "the server's description of " + topic + " names no partitions");
  }
  return range;
}

Result<Positions> resolve_bound(client::Client& mesh, const TopicRange& whole,
                                const std::string& bound) {
  if (bound == "start") return whole.from;
  if (bound == "end") return whole.to;
  if (const auto offset = parse_int(bound)) {
    Positions positions = whole.from;
    for (auto& [partition, at] : positions)
      // One number for all partitions: each takes it within its own range.
      at = std::clamp(*offset, at, std::max(at, whole.to.at(partition)));
    return positions;
  }
  // The server knows times: one record is asked for, and where it lies is its partition's offset.
  client::RecordQuery query;
  query.topic = whole.topic;
  query.from = bound;
  query.limit = 1;
  auto page = MESH_TRY(mesh.records(query));
  Positions positions = whole.to;
  for (auto& [partition, at] : positions) {
    // Partitions from which no record came stand where the server began in them, or behind what it
    // read.
    if (const auto next = page.next.find(partition); next != page.next.end()) at = next->second;
  }
  for (const Json& record : page.records) {
    const Json &partition = at_path(record, "partition"), &offset = at_path(record, "offset");
    if (!partition.is_number_integer() || !offset.is_number_integer()) continue;
    if (const auto at = positions.find(partition.get<std::int32_t>()); at != positions.end()) {
      at->second = offset.get<std::int64_t>();
    }
  }
  return positions;
}

Status read_ranges(client::Client& mesh, const std::vector<TopicRange>& ranges,
                   const RecordFilter& filter, const std::function<bool(Json)>& take) {
  std::deque<Cursor> cursors;
  for (const TopicRange& range : ranges) {
    for (const auto& [partition, from] : range.from) {
      cursors.emplace_back(mesh, range.topic, partition, from, range.to.at(partition), filter);
    }
  }
  while (true) {
    Cursor* earliest = nullptr;
    Json* record = nullptr;
    // A look at each head for each record: what costs is a page, not this.
    for (Cursor& cursor : cursors) {
      auto head = MESH_TRY(cursor.head());
      if (head != nullptr && (record == nullptr || time_of(*head) < time_of(*record))) {
        earliest = &cursor;
        record = head;
      }
    }
    if (record == nullptr) return {};
    Json taken = std::move(*record);
    earliest->pop();
    if (!take(std::move(taken))) return {};
  }
}

Result<std::vector<Json>> last_records(client::Client& mesh, const std::vector<TopicRange>& ranges,
                                       const RecordFilter& filter, std::size_t count) {
  // With a filter nobody knows how far back the last ones lie; 16 keeps what is read twice small.
  for (std::int64_t window = static_cast<std::int64_t>(count);; window *= 16) {
    std::vector<TopicRange> tails = ranges;
    bool everything = true;
    for (TopicRange& tail : tails) {
      for (auto& [partition, from] : tail.from) {
        const std::int64_t begin = tail.to.at(partition) - window;
        everything = everything && begin <= from;
        from = std::max(from, begin);
      }
    }
    std::deque<Json> last;
    std::size_t found = 0;
    MESH_TRY(read_ranges(mesh, tails, filter, [&](Json record) {
      ++found;
      last.push_back(std::move(record));
      if (last.size() > count) last.pop_front();
      return true;
    }));
    // Where fewer than asked for are there, the window grows until it is the whole topic.
    if (found >= count || everything) {
      std::stable_sort(last.begin(), last.end(),
                       [](const Json& a, const Json& b) { return time_of(a) < time_of(b); });
      return std::vector<Json>(std::make_move_iterator(last.begin()),
                               std::make_move_iterator(last.end()));
    }
  }
}

Status tenant_exists(client::Client& mesh, const RecordFilter& filter) {
  if (filter.tenant.empty()) return {};
  const auto record = mesh.tenants(1, filter.tenant);
  return record ? Status{} : fail(record.error());
}

}  // namespace mesh::cli
