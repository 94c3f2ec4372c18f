#include "daemon/pipeline/settling.h"

#include <algorithm>
#include <set>

#include "daemon/pipeline/append.h"
#include "daemon/pipeline/entity_states.h"
#include "daemon/pipeline/letter.h"
#include "daemon/pipeline/scan.h"
#include "daemon/pipeline/task_support.h"

namespace mesh::pipeline {
namespace {

constexpr std::string_view kRedrivenFrom = "mesh_redriven_from";
constexpr std::size_t kChunk = 100;  // letters per append
constexpr int kHealings = 5;

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
      auto records = insist(context_, [&] { return log_.read(at, next, {.max_records = kChunk}); });
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
      const auto overtaken = insist(context_, [&] { return states.overtaken(source); });
      if (!overtaken) return fail(overtaken.error());
      if (*overtaken) {
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

Status settle_letters(EventLog& log, LogAdmin& admin, Clock& clock, TaskContext& context,
                      const std::string& topic, const DeadLetterFilter& filter, bool redrive) {
  return Settling(log, admin, clock, context, redrive).run(topic, filter);
}

}  // namespace mesh::pipeline
