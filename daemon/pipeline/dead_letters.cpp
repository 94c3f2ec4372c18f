#include <algorithm>
#include <set>

#include "common/base/time.h"
#include "common/domain/catalogue.h"
#include "daemon/pipeline/letter.h"
#include "daemon/pipeline/replay.h"
#include "daemon/pipeline/scan.h"
#include "daemon/pipeline/settling.h"

namespace mesh::pipeline {
namespace {

std::string letters_of(const std::string& topic) {
  return is_dead_letter_topic(topic) ? topic : dead_letter_topic(topic);
}

// Letters of a partition that are not settled and match, newest first, until `use` returns false;
// a letter's marker has its key and so stands behind it in its partition.
Status each_letter_in(EventLog& log, const TopicPartition& partition,
                      const DeadLetterFilter& filter,
                      const std::function<bool(const StoredRecord&)>& use) {
  std::set<std::string> settled;
  return scan_back(log, partition, [&](std::vector<StoredRecord>& records) {
    for (auto record = records.rbegin(); record != records.rend(); ++record) {
      if (is_marker(*record)) {
        settled.emplace(find_header(record->headers, kSettles));
      } else if (settled.erase(settled_name(record->position)) == 0 && matches(filter, *record) &&
                 !use(*record)) {
        return false;
      }
    }
    return true;
  });
}

}  // namespace

Json to_json(const DeadLetter& letter) {
  Json json = {{"topic", letter.position.topic},
               {"partition", letter.position.partition},
               {"offset", letter.position.offset},
               {"died_at", format_rfc3339(letter.died_at)},
               {"pipeline", letter.pipeline},
               {"source", letter.source},
               {"tenant", letter.tenant},
               {"attempts", letter.attempts},
               {"cause_class", letter.cause_class},
               {"cause", letter.cause},
               {"key", letter.key},
               {"event", nullptr},
               {"value", letter.value ? Json(*letter.value) : Json(nullptr)}};
  if (!letter.event) return json;
  const Event& event = *letter.event;
  auto data = parse_json(event.data);
  json["event"] = {{"id", event.id},
                   {"type", event.type},
                   {"source", event.source},
                   {"time", format_rfc3339(event.time)},
                   {"subject", event.subject},
                   {"sequence", event.sequence},
                   {"data", data ? std::move(*data) : Json(event.data)}};
  json.erase("value");
  return json;
}

DeadLetters::DeadLetters(EventLog& log, LogAdmin& admin, Clock& clock)
    : log_(log), admin_(admin), clock_(clock) {}

Result<std::vector<DeadLetter>> DeadLetters::list(const std::string& topic,
                                                  const DeadLetterFilter& filter, int limit) {
  const std::string name = letters_of(topic);
  const auto info = find_topic(admin_, name);
  if (!info) return fail(info.error());
  std::vector<DeadLetter> letters;
  for (int p = 0; p < info->spec.partitions; ++p) {
    int found = 0;  // the newest of all are among the newest of each partition
    auto read = each_letter_in(log_, {name, p}, filter, [&](const StoredRecord& record) {
      if (found >= limit) return false;
      ++found;
      letters.push_back(letter_of(record));
      return true;
    });
    if (!read) return fail(std::move(read.error()));
  }
  std::ranges::stable_sort(
      letters, [](const DeadLetter& a, const DeadLetter& b) { return a.died_at > b.died_at; });
  if (letters.size() > static_cast<std::size_t>(std::max(limit, 0))) {
    letters.erase(letters.begin() + std::max(limit, 0), letters.end());
  }
  return letters;
}

Status DeadLetters::each(const std::string& topic, const DeadLetterFilter& filter,
                         const std::function<bool(const DeadLetter&)>& use) {
  const std::string name = letters_of(topic);
  const auto info = find_topic(admin_, name);
  if (!info) return fail(info.error());
  bool more = true;
  for (int p = 0; more && p < info->spec.partitions; ++p) {
    auto read = each_letter_in(log_, {name, p}, filter, [&](const StoredRecord& record) {
      return more = use(letter_of(record));
    });
    if (!read) return read;
  }
  return {};
}

Result<std::int64_t> DeadLetters::count(const std::string& topic, const DeadLetterFilter& filter) {
  std::int64_t count = 0;
  auto read = each(topic, filter, [&](const DeadLetter&) {
    ++count;
    return true;
  });
  if (!read) return fail(std::move(read.error()));
  return count;
}

Status DeadLetters::redrive(TaskContext& context) { return settle_all(context, true); }

Status DeadLetters::purge(TaskContext& context) { return settle_all(context, false); }

Status DeadLetters::settle_all(TaskContext& context, bool redrive) {
  const Json& spec = context.task().spec;
  const auto filter = dead_letter_filter_from_json(spec);
  if (!filter) return fail(filter.error());
  const std::string topic = spec.value("topic", std::string());
  return settle_letters(log_, admin_, clock_, context, letters_of(topic), *filter, redrive);
}

}  // namespace mesh::pipeline
