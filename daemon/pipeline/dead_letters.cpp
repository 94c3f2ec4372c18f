#include <algorithm>
#include <set>

#include "common/base/strings.h"
#include "common/base/time.h"
#include "common/domain/catalogue.h"
#include "daemon/pipeline/append.h"
#include "daemon/pipeline/dead_letter_record.h"
#include "daemon/pipeline/entity_states.h"
#include "daemon/pipeline/replay.h"
#include "daemon/pipeline/scan.h"
#include "daemon/pipeline/task_support.h"

namespace mesh::pipeline {
namespace {

constexpr std::string_view kSettles = "mesh_settles";
constexpr std::string_view kRedrivenFrom = "mesh_redriven_from";
constexpr std::size_t kChunk = 100;  // letters per append
constexpr int kHealings = 5;

std::string letters_of(const std::string& topic) {
  return is_dead_letter_topic(topic) ? topic : dead_letter_topic(topic);
}

std::string settled_name(const Position& position) {
  return std::to_string(position.partition) + "@" + std::to_string(position.offset);
}

Record marker_of(const StoredRecord& letter) {
  return {letter.position.topic, letter.key, std::nullopt,
          {{std::string(kSettles), settled_name(letter.position)}}};
}

bool is_marker(const StoredRecord& record) {
  return !find_header(record.headers, kSettles).empty();
}

// The record as it stood in its source topic; its position where no producer's header says it.
StoredRecord source_of(const StoredRecord& letter) {
  auto header = [&](std::string_view name) { return find_header(letter.headers, name); };
  StoredRecord source;
  source.position = {std::string(header(dead_letter::kSourceTopic)),
                     static_cast<std::int32_t>(
                         parse_int(header(dead_letter::kSourcePartition)).value_or(0)),
                     parse_int(header(dead_letter::kSourceOffset)).value_or(-1)};
  source.time = letter.time;
  source.key = letter.key;
  source.value = letter.value;
  source.headers = without_death(letter.headers);
  return source;
}

DeadLetter letter_of(const StoredRecord& record) {
  auto header = [&](std::string_view name) {
    return std::string(find_header(record.headers, name));
  };
  const StoredRecord source = source_of(record);
  DeadLetter letter;
  letter.position = record.position;
  letter.died_at = parse_rfc3339(header(dead_letter::kDiedAt)).value_or(record.time);
  letter.pipeline = header(dead_letter::kPipeline);
  letter.source = to_string(source.position);
  letter.tenant = header(dead_letter::kTenant);
  letter.cause_class = header(dead_letter::kCauseClass);
  letter.cause = header(dead_letter::kCause);
  letter.attempts = static_cast<int>(parse_int(header(dead_letter::kAttempts)).value_or(0));
  letter.key = record.key;
  letter.value = record.value;
  if (auto event = from_record(source)) letter.event = std::move(*event);
  return letter;
}

bool matches(const DeadLetterFilter& filter, const StoredRecord& record) {
  auto header = [&](std::string_view name) { return find_header(record.headers, name); };
  if (filter.tenant && header(dead_letter::kTenant) != *filter.tenant) return false;
  if (filter.cause_class && header(dead_letter::kCauseClass) != *filter.cause_class) return false;
  if (!filter.event_id) return true;
  if (header("ce_id") == *filter.event_id) return true;
  const auto event = from_record(source_of(record));
  return event && event->id == *filter.event_id;
}

// Letters that are not settled and match, newest first within each partition; a letter's marker
// has its key and so stands behind it in its partition.
Status each_letter(EventLog& log, LogAdmin& admin, const std::string& topic,
                   const DeadLetterFilter& filter,
                   const std::function<bool(StoredRecord&)>& use) {
  const auto info = find_topic(admin, topic);
  if (!info) return fail(info.error());
  for (int p = 0; p < info->spec.partitions; ++p) {
    std::set<std::string> settled;
    auto read = scan_back(log, {topic, p}, [&](std::vector<StoredRecord>& records) {
      for (auto record = records.rbegin(); record != records.rend(); ++record) {
        if (is_marker(*record)) {
          settled.emplace(find_header(record->headers, kSettles));
        } else if (settled.erase(settled_name(record->position)) == 0 &&
                   matches(filter, *record) && !use(*record)) {
          return false;
        }
      }
      return true;
    });
    if (!read) return read;
  }
  return {};
}

// One run of a redrive or purge.
class Settling {
 public:
  Settling(EventLog& log, LogAdmin& admin, Clock& clock, TaskContext& context, bool redrive)
      : log_(log), admin_(admin), clock_(clock), context_(context), redrive_(redrive) {
    const Json& before = context.task().result;
    moved_ = before.value(moved_name(), std::int64_t{0});
    superseded_ = before.value("superseded", std::int64_t{0});
    skipped_ = before.value("skipped", std::int64_t{0});
  }

  Status run(const std::string& topic, const DeadLetterFilter& filter) {
    if (auto known = load_topics(topic); !known) return known;
    if (auto fixed = fix_ends(topic); !fixed) return fixed;
    for (int p = 0; p < topics_.at(topic).spec.partitions; ++p) {
      auto settled = partition({topic, p}, filter);
      if (!settled) return settled;
    }
    report_now();
    return {};
  }

 private:
  const char* moved_name() const { return redrive_ ? "redriven" : "purged"; }

  Status load_topics(const std::string& topic) {
    auto infos = insist(context_, [&] { return admin_.topics(); });
    if (!infos) return fail(std::move(infos.error()));
    for (TopicInfo& info : *infos) topics_.emplace(info.spec.name, std::move(info));
    if (topics_.contains(topic)) return {};
    return fail(ErrorKind::not_found, "there is no topic \"" + topic + "\"");
  }

  // Letters that come later are left alone: what dies again must not be redriven for ever.
  Status fix_ends(const std::string& topic) {
    ends_ = context_.task().checkpoint.value("to", Json::object());
    if (!ends_.empty()) return {};
    auto now = insist(context_, [&] { return ends(log_, admin_, {topic}); });
    if (!now) return fail(std::move(now.error()));
    for (const auto& [partition, end] : *now) ends_[std::to_string(partition.partition)] = end;
    report_now();
    return {};
  }

  void report_now() {
    Json result = {{moved_name(), moved_}};
    if (redrive_) {
      result["superseded"] = superseded_;
      result["skipped"] = skipped_;
    }
    const std::int64_t done = moved_ + superseded_ + skipped_;
    Json checkpoint = Json::object();
    checkpoint["to"] = ends_;
    report(context_, done, std::max(done, context_.task().total), std::move(checkpoint),
           std::move(result));
  }

  Status partition(const TopicPartition& at, const DeadLetterFilter& filter) {
    std::set<std::string> settled;
    EntityStates states(log_);
    auto watched = insist(context_, [&] { return survey(at, filter, settled, states); });
    if (!watched) return watched;
    const std::int64_t to = ends_.value(std::to_string(at.partition), std::int64_t{0});
    std::int64_t next = 0;
    while (next < to) {
      if (context_.stopping()) return stopped_early();
      auto records =
          insist(context_, [&] { return log_.read(at, next, {.max_records = kChunk}); });
      if (!records) return fail(std::move(records.error()));
      if (records->empty()) break;
      next = records->back().position.offset + 1;
      std::erase_if(*records, [&](const StoredRecord& record) {
        return record.position.offset >= to || is_marker(record) ||
               settled.contains(settled_name(record.position)) || !matches(filter, record);
      });
      if (records->empty()) continue;
      auto done = redrive_ ? redrive(*records, states) : purge(*records);
      if (!done) return done;
      report_now();
    }
    return {};
  }

  // Which letters are settled already, and which entities those to be redriven are of.
  Status survey(const TopicPartition& at, const DeadLetterFilter& filter,
                std::set<std::string>& settled, EntityStates& states) {
    const auto marks = log_.watermarks(at);
    if (!marks) return fail(marks.error());
    return scan(log_, at, marks->start, marks->end, [&](std::vector<StoredRecord>& records) {
      for (const StoredRecord& record : records) {
        if (is_marker(record)) {
          settled.emplace(find_header(record.headers, kSettles));
        } else if (redrive_ && matches(filter, record)) {
          const StoredRecord source = source_of(record);
          if (!is_entity_topic(source.position.topic)) continue;
          states.watch({source.position.topic, source.position.partition}, source.key,
                       source.position.offset + 1);
        }
      }
      return true;
    });
  }

  bool is_entity_topic(const std::string& topic) const {
    const auto info = topics_.find(topic);
    return info != topics_.end() && info->second.spec.kind == TopicKind::entity;
  }

  Status append(const std::vector<Record>& records) {
    auto appended = insist(context_, [&] { return append_within(log_, clock_, records); });
    if (!appended) return fail(std::move(appended.error()));
    return {};
  }

  Status purge(const std::vector<StoredRecord>& letters) {
    std::vector<Record> records;
    for (const StoredRecord& letter : letters) records.push_back(marker_of(letter));
    auto appended = append(records);
    if (appended) moved_ += static_cast<std::int64_t>(letters.size());
    return appended;
  }

  // A record and the marker of its letter are one append: after a crash a letter is either still
  // there or was redriven.
  Status redrive(const std::vector<StoredRecord>& letters, EntityStates& states) {
    auto advanced = insist(context_, [&] { return states.advance(); });
    if (!advanced) return advanced;
    std::vector<Record> records;
    std::int64_t moved = 0, superseded = 0, skipped = 0;
    for (const StoredRecord& letter : letters) {
      StoredRecord source = source_of(letter);
      if (source.position.topic.empty()) {
        ++skipped;  // not written by a pipeline: there is nowhere to send it
        continue;
      }
      if (!topics_.contains(source.position.topic)) {
        return fail(ErrorKind::not_found,
                    "there is no topic \"" + source.position.topic + "\" to redrive to");
      }
      if (states.overtaken(source)) {
        ++superseded;
      } else {
        std::erase_if(source.headers, [](const auto& h) { return h.first == kRedrivenFrom; });
        source.headers.emplace_back(std::string(kRedrivenFrom), to_string(letter.position));
        records.push_back({std::move(source.position.topic), std::move(source.key),
                           std::move(source.value), std::move(source.headers)});
        ++moved;
      }
      records.push_back(marker_of(letter));
    }
    if (!records.empty()) {
      if (auto appended = append(records); !appended) return appended;
    }
    moved_ += moved;
    superseded_ += superseded;
    skipped_ += skipped;
    return heal(states);
  }

  // A newer state may have come between the look and the append; it goes behind again.
  Status heal(EntityStates& states) {
    for (int i = 0; i < kHealings; ++i) {
      auto advanced = insist(context_, [&] { return states.advance(); });
      if (!advanced) return advanced;
      const auto misplaced = states.misplaced();
      if (misplaced.empty()) return {};
      if (auto appended = append(misplaced); !appended) return appended;
    }
    return {};
  }

  EventLog& log_;
  LogAdmin& admin_;
  Clock& clock_;
  TaskContext& context_;
  const bool redrive_;
  std::map<std::string, TopicInfo> topics_;
  Json ends_;  // partition → where the letters of this task end
  std::int64_t moved_ = 0, superseded_ = 0, skipped_ = 0;
};

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
  std::vector<DeadLetter> letters;
  std::map<std::int32_t, int> found;  // per partition: the newest of all are among these
  auto read = each_letter(log_, admin_, letters_of(topic), filter, [&](StoredRecord& record) {
    if (found[record.position.partition] >= limit) return false;
    ++found[record.position.partition];
    letters.push_back(letter_of(record));
    return true;
  });
  if (!read) return fail(std::move(read.error()));
  std::ranges::stable_sort(letters, [](const DeadLetter& a, const DeadLetter& b) {
    return a.died_at > b.died_at;
  });
  if (letters.size() > static_cast<std::size_t>(std::max(limit, 0))) {
    letters.erase(letters.begin() + std::max(limit, 0), letters.end());
  }
  return letters;
}

Result<std::int64_t> DeadLetters::count(const std::string& topic, const DeadLetterFilter& filter) {
  std::int64_t count = 0;
  auto read = each_letter(log_, admin_, letters_of(topic), filter, [&](StoredRecord&) {
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
  return Settling(log_, admin_, clock_, context, redrive).run(letters_of(topic), *filter);
}

}  // namespace mesh::pipeline
