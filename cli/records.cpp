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

client::RecordQuery query_of(const std::string& topic, const Positions& positions, const RecordFilter& filter) {
  client::RecordQuery query;
  query.topic = topic;
  query.positions = positions;
  query.limit = kPage;
  query.tenant = filter.tenant;
  query.type = filter.type;
  query.key = filter.key;
  return query;
}

// A topic's range as a stream of records, a page at a time.
class Cursor {
 public:
  Cursor(client::Client& mesh, const TopicRange& range, const RecordFilter& filter)
      : mesh_(mesh), range_(range), filter_(filter), at_(range.from) {}

  // nullptr at the end.
  Result<Json*> head() {
    while (page_.empty() && !finished()) {
      auto page = mesh_.records(query_of(range_.topic, at_, filter_));
      if (!page) return fail(page.error());
      const bool moved = advance(page->next);
      for (Json& record : page->records) {
        if (inside(record)) page_.push_back(std::move(record));
      }
      if (!moved && page_.empty()) stuck_ = true;
    }
    return page_.empty() ? nullptr : &page_.front();
  }
  void pop() { page_.pop_front(); }

 private:
  bool finished() const {
    return stuck_ || std::all_of(range_.to.begin(), range_.to.end(), [&](const auto& end) {
      const auto at = at_.find(end.first);
      return at != at_.end() && at->second >= end.second;
    });
  }
  bool advance(const Positions& next) {
    bool moved = false;
    for (const auto& [partition, offset] : next) {
      std::int64_t& at = at_[partition];
      moved = moved || offset > at;
      at = std::max(at, offset);
    }
    return moved;
  }
  bool inside(const Json& record) const {
    const Json& partition = at_path(record, "partition");
    const Json& offset = at_path(record, "offset");
    if (!partition.is_number_integer() || !offset.is_number_integer()) return false;
    const auto end = range_.to.find(partition.get<std::int32_t>());
    return end != range_.to.end() && offset.get<std::int64_t>() < end->second;
  }

  client::Client& mesh_;
  const TopicRange range_;
  const RecordFilter& filter_;
  Positions at_;
  std::deque<Json> page_;
  bool stuck_ = false;
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
    return fail(ErrorKind::invalid, "\"" + text + "\" is not a filter; allowed are type=…, tenant=… and key=…");
  }
  const std::string value = text.substr(equals + 1);
  if (!member->empty() && *member != value) {
    return fail(ErrorKind::invalid, "two filters on " + name + ": \"" + *member + "\" and \"" + value + "\"");
  }
  *member = value;
  return {};
}

Result<TopicRange> whole_topic(client::Client& mesh, const std::string& topic) {
  auto described = mesh.topic(topic);
  if (!described) return fail(described.error());
  TopicRange range{topic, {}, {}};
  for (const Json& one : at_path(*described, "partition_offsets")) {
    const Json &partition = at_path(one, "partition"), &start = at_path(one, "start"), &end = at_path(one, "end");
    if (!partition.is_number_integer() || !start.is_number_integer() || !end.is_number_integer()) continue;
    range.from[partition.get<std::int32_t>()] = start.get<std::int64_t>();
    range.to[partition.get<std::int32_t>()] = end.get<std::int64_t>();
  }
  if (range.to.empty()) {
    return fail(ErrorKind::internal, "the server's description of " + topic + " names no partitions");
  }
  return range;
}

Result<Positions> resolve_bound(client::Client& mesh, const TopicRange& whole, const std::string& bound) {
  if (bound == "start") return whole.from;
  if (bound == "end") return whole.to;
  if (const auto offset = parse_int(bound)) {
    Positions positions = whole.from;
    for (auto& [partition, at] : positions) at = std::clamp(*offset, at, std::max(at, whole.to.at(partition)));
    return positions;
  }
  // The server knows times: one record is asked for, and where it lies is its partition's offset.
  client::RecordQuery query;
  query.topic = whole.topic;
  query.from = bound;
  query.limit = 1;
  auto page = mesh.records(query);
  if (!page) return fail(page.error());
  Positions positions = whole.to;
  for (const auto& [partition, offset] : page->next) positions[partition] = offset;
  for (const Json& record : page->records) {
    const Json &partition = at_path(record, "partition"), &offset = at_path(record, "offset");
    if (partition.is_number_integer() && offset.is_number_integer()) {
      positions[partition.get<std::int32_t>()] = offset.get<std::int64_t>();
    }
  }
  return positions;
}

Status read_ranges(client::Client& mesh, const std::vector<TopicRange>& ranges,
                   const RecordFilter& filter, const std::function<bool(Json)>& take) {
  std::vector<Cursor> cursors;
  for (const TopicRange& range : ranges) cursors.emplace_back(mesh, range, filter);
  while (true) {
    Cursor* earliest = nullptr;
    Json* record = nullptr;
    for (Cursor& cursor : cursors) {
      auto head = cursor.head();
      if (!head) return fail(head.error());
      if (*head != nullptr && (record == nullptr || time_of(**head) < time_of(*record))) {
        earliest = &cursor;
        record = *head;
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
    auto read = read_ranges(mesh, tails, filter, [&](Json record) {
      ++found;
      last.push_back(std::move(record));
      if (last.size() > count) last.pop_front();
      return true;
    });
    if (!read) return fail(read.error());
    if (found >= count || everything) {
      std::stable_sort(last.begin(), last.end(), [](const Json& a, const Json& b) { return time_of(a) < time_of(b); });
      return std::vector<Json>(std::make_move_iterator(last.begin()), std::make_move_iterator(last.end()));
    }
  }
}

}  // namespace mesh::cli
