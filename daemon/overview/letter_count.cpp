#include "daemon/overview/letter_count.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

#include "common/base/strings.h"
#include "common/domain/catalogue.h"
#include "daemon/pipeline/dead_letters/letter.h"

namespace mesh::overview {
namespace {

constexpr std::chrono::hours kHour{1};

std::int64_t sum_of_ends(const TopicInfo& info) {
  return std::accumulate(info.partitions.begin(), info.partitions.end(), std::int64_t{0},
                         [](auto sum, const Watermarks& marks) { return sum + marks.end; });
}

// The offset of "<partition>@<offset>", where it is of this partition.
std::optional<std::int64_t> settled_offset(const StoredRecord& marker) {
  const auto name = find_header(marker.headers, pipeline::kSettles);
  const auto at = name.find('@');
  if (at == name.npos) return std::nullopt;
  const auto partition = parse_int(name.substr(0, at));
  if (!partition || *partition != marker.position.partition) return std::nullopt;
  return parse_int(name.substr(at + 1));
}

}  // namespace

Status LetterCount::update(std::span<const TopicInfo> topics, Timestamp now) {
  std::set<std::string> seen;
  Status first_error;
  std::size_t left = kRecordsAtOnce;
  for (const auto& info : topics) {
    if (!is_dead_letter_topic(info.spec.name)) continue;
    seen.insert(info.spec.name);
    Topic& topic = topics_[info.spec.name];
    const auto ends = sum_of_ends(info);
    const bool lost =
        topic.shown &&
        info.records < topic.records +
                           static_cast<std::uint64_t>(std::max<std::int64_t>(ends - topic.ends, 0));
    topic.records = info.records;
    topic.ends = ends;
    if (lost || (!topic.shown && !topic.counting)) topic.counting = Count{};
    for (auto* count : {&topic.shown, &topic.counting}) {
      if (!*count) continue;
      auto read_on = read(topic, **count, info, left, now);
      if (!read_on && first_error) first_error = std::move(read_on);
    }
    const auto is_read = [](const Partition& partition, const Watermarks& marks) {
      return partition.next >= marks.end;
    };
    if (topic.counting &&
        std::ranges::equal(topic.counting->partitions, info.partitions, is_read)) {
      topic.shown = std::exchange(topic.counting, std::nullopt);
    }
  }
  std::erase_if(topics_, [&](const auto& topic) { return !seen.contains(topic.first); });
  return first_error;
}

Status LetterCount::read(Topic& topic, Count& count, const TopicInfo& info, std::size_t& left,
                         Timestamp now) {
  for (std::size_t p = count.partitions.size(); p < info.partitions.size(); ++p) {
    count.partitions.push_back({info.partitions[p].start, info.partitions[p].start, {}, 0});
  }
  for (std::size_t p = 0; p < info.partitions.size(); ++p) {
    Partition& partition = count.partitions[p];
    while (left > 0 && partition.next < info.partitions[p].end) {
      const auto got =
          MESH_TRY(log_.read({info.spec.name, static_cast<std::int32_t>(p)}, partition.next,
                             {.max_records = std::min<std::size_t>(left, 500)}));
      for (const auto& record : got.records) take(topic, count, partition, record, now);
      partition.next = std::max(partition.next, got.next);
      left -= std::min(left, std::max<std::size_t>(got.records.size(), 1));
      if (got.at_end) {
        // Behind the last record may be gaps.
        partition.next = std::max(partition.next, info.partitions[p].end);
        break;
      }
    }
  }
  return {};
}

void LetterCount::take(Topic& topic, Count& count, Partition& partition, const StoredRecord& record,
                       Timestamp now) {
  const bool marker = pipeline::is_marker(record);
  const auto offset =
      marker ? settled_offset(record) : std::optional<std::int64_t>(record.position.offset);
  // What a marker settles may have gone before this process looked.
  if (!offset || *offset < partition.began) return;
  const auto at = static_cast<std::size_t>(*offset - partition.began);
  if (marker) {
    if (at >= partition.letters.size() || !partition.letters[at]) return;
    partition.letters[at] = false;
    --partition.open;
    --count.open;
    return;
  }
  partition.letters.resize(std::max(partition.letters.size(), at + 1));
  partition.letters[at] = true;
  ++partition.open;
  ++count.open;
  // What is counted anew did not come now.
  const bool again = topic.shown && &count != &*topic.shown;
  if (again || record.time <= now - kHour) return;
  topic.recent.push_back(record.time);
  if (topic.recent.size() > kRecent) topic.recent.pop_front();
}

std::vector<Letters> LetterCount::letters(Timestamp now) const {
  std::vector<Letters> all;
  for (const auto& [name, topic] : topics_) {
    if (!topic.shown) continue;
    const auto came =
        std::ranges::count_if(topic.recent, [&](const auto& time) { return time > now - kHour; });
    all.push_back({name, topic.shown->open, came});
  }
  return all;
}

std::optional<std::int64_t> LetterCount::open() const {
  std::int64_t sum = 0;
  for (const auto& [name, topic] : topics_) {
    if (!topic.shown) return std::nullopt;
    sum += topic.shown->open;
  }
  return sum;
}

}  // namespace mesh::overview
