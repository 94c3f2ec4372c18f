#include "daemon/pipeline/dead_letters/settling.h"

#include <algorithm>
#include <set>
#include <span>

#include "daemon/pipeline/append.h"
#include "daemon/pipeline/dead_letters/letter.h"
#include "daemon/pipeline/dead_letters/outcomes.h"
#include "daemon/pipeline/dead_letters/turn.h"
#include "daemon/pipeline/entity_states.h"
#include "daemon/pipeline/groups.h"
#include "daemon/pipeline/scan.h"
#include "daemon/pipeline/tasks/task_support.h"

namespace mesh::pipeline {
namespace {

constexpr std::size_t kChunk = 100;                      // letters per read, and append at most
constexpr Duration kTurn{1'000};                         // of chunks, then others may
constexpr Duration kFirstLook{50}, kLongestLook{2'000};  // between two looks at outcomes

// One run of a redrive or purge.
class Settling {
 public:
  Settling(const LettersDeps& deps, TaskContext& context, const SettlingSpec& spec)
      : deps_(deps), log_(deps.log), context_(context), spec_(spec), paused_(deps.clock.steady()) {
    const Json& before = context.task().result;
    moved_ = before.value(moved_name(), std::int64_t{0});
    superseded_ = before.value("superseded", std::int64_t{0});
    appended_ = context.task().checkpoint.value(kAllAppended, false);
    // Else they are counted anew.
    if (appended_) skipped_ = before.value("skipped", std::int64_t{0});
    pending_ = spec.redrive ? moved_ : 0;  // until it was looked
  }

  Status run() {
    MESH_TRY(load_topics());
    MESH_TRY(fix_ends());
    if (!appended_) {
      for (int p = 0; p < topics_.at(spec_.topic).spec.partitions; ++p) {
        MESH_TRY(partition({spec_.topic, p}));
      }
      appended_ = true;
      report_now();
    }
    return spec_.redrive ? await_outcomes() : Status();
  }

 private:
  const char* moved_name() const { return spec_.redrive ? "redriven" : "purged"; }
  std::string source_topic() const {
    return spec_.topic.substr(0, spec_.topic.size() - dead_letter_topic("").size());
  }

  Status load_topics() {
    auto infos = MESH_TRY(insist(context_, [&] { return deps_.admin.topics(); }));
    for (TopicInfo& info : infos) topics_.emplace(info.spec.name, std::move(info));
    if (topics_.contains(spec_.topic)) return {};
    return fail(ErrorKind::not_found, "there is no topic \"" + spec_.topic + "\"");
  }

  // Letters that come later are left alone: what dies again must not be redriven for ever. What
  // comes behind the source's end by way of this task is what it waits for.
  Status fix_ends() {
    const Json& before = context_.task().checkpoint;
    ends_ = before.value("to", Json::object());
    source_ends_ = before.value("from", Json::object());
    if (!ends_.empty()) return {};
    for (const auto& [topic, into] :
         {std::pair{spec_.topic, &ends_}, std::pair{source_topic(), &source_ends_}}) {
      if (!topics_.contains(topic)) continue;
      auto now = MESH_TRY(insist(context_, [&] { return ends(log_, deps_.admin, {topic}); }));
      for (const auto& [partition, end] : now) (*into)[std::to_string(partition.partition)] = end;
    }
    report_now();
    return {};
  }

  void report_now() {
    Json result = {{moved_name(), moved_}};
    if (spec_.redrive) {
      result["done"] = moved_ - died_again_ - pending_;
      result["died_again"] = died_again_;
      if (const TopicGroup* reads = group_of(source_topic())) result[reads->done] = handled_;
      result["pending"] = pending_;
      result["superseded"] = superseded_;
      result["skipped"] = skipped_;
    }
    const std::int64_t taken = moved_ + superseded_ + skipped_;
    report(context_, taken - pending_, std::max(taken, context_.task().total),
           {{"to", ends_}, {"from", source_ends_}, {kAllAppended, appended_}}, std::move(result));
  }

  Status partition(const TopicPartition& at) {
    const auto marks = MESH_TRY(insist(context_, [&] { return log_.watermarks(at); }));
    EntityStates states(log_);
    MESH_TRY(insist(context_, [&] { return watch(at, marks, states); }));
    Markers markers(log_, at, marks.start);
    const std::int64_t to = ends_.value(std::to_string(at.partition), std::int64_t{0});
    std::int64_t next = marks.start;
    while (next < to) {
      auto read =
          MESH_TRY(insist(context_, [&] { return log_.read(at, next, {.max_records = kChunk}); }));
      next = read.at_end ? to : read.next;
      std::erase_if(read.records, [&](const StoredRecord& record) {
        return record.position.offset >= to || is_marker(record) || !matches(spec_.filter, record);
      });
      std::span<const StoredRecord> left = read.records;
      do {
        if (context_.stopping()) return stopped_early();
        const auto letters = left.first(std::min(left.size(), chunk()));
        left = left.subspan(letters.size());
        MESH_TRY(settle_some(letters, markers, states));
      } while (!left.empty());
    }
    return {};
  }

  Status settle_some(std::span<const StoredRecord> letters, Markers& markers,
                     EntityStates& states) {
    if (letters.empty()) return {};
    bool any = false;
    std::set<std::int64_t> sent;
    const std::int64_t before = moved_;
    MESH_TRY(insist(context_, [&] { return settle(letters, markers, states, sent, any); }));
    if (!any) return {};
    report_now();
    // A rate leaves others their turns, too.
    if (spec_.rate) {
      context_.pause(Duration{1'000 * (moved_ - before) / *spec_.rate});
    } else {
      let_others();
    }
    return {};
  }

  // What a second lets through at most, so that a slow redrive is no row of bursts.
  std::size_t chunk() const {
    return spec_.rate ? std::min(kChunk, static_cast<std::size_t>(*spec_.rate)) : kChunk;
  }

  // Each chunk is a turn of its own, but whoever wants one between two of a long work has no luck
  // while the next is taken at once.
  void let_others() {
    if (deps_.clock.steady() - paused_ < kTurn) return;
    context_.pause(kTurnPause);
    paused_ = deps_.clock.steady();
  }

  // Whether a letter names a place that it can have come from. Where a letter was written by hand
  // there is nowhere to send it, and of an entity nobody knows which states have overtaken it.
  bool goes_back(const Position& source) const {
    const auto info = topics_.find(source_topic());
    if (source.topic != source_topic()) return false;
    return info == topics_.end() || info->second.spec.kind != TopicKind::entity ||
           is_place(source, info->second.spec.partitions);
  }

  // Which entities the letters to be redriven are of.
  Status watch(const TopicPartition& at, const Watermarks& marks, EntityStates& states) {
    const auto info = topics_.find(source_topic());
    const bool entities = info != topics_.end() && info->second.spec.kind == TopicKind::entity;
    if (!spec_.redrive || !entities) return {};
    return scan(log_, at, marks.start, marks.end, [&](std::vector<StoredRecord>& records) {
      for (const StoredRecord& record : records) {
        if (is_marker(record) || !matches(spec_.filter, record)) continue;
        const StoredRecord source = source_of(record);
        if (!goes_back(source.position)) continue;
        states.watch({source.position.topic, source.position.partition}, source.key,
                     source.position.offset + 1);
      }
      return true;
    });
  }

  // The events first, and the markers of their letters once those are in the log: what dies in
  // between redrives its letters again, under the same event ids. Called again where an append
  // failed, it looks first which letters were settled all the same; `sent` keeps the offsets of
  // those that only want their markers.
  Status settle(std::span<const StoredRecord> letters, Markers& markers, EntityStates& states,
                std::set<std::int64_t>& sent, bool& any) {
    // Most of it is read before the turn, which then is short.
    MESH_TRY(markers.advance());
    MESH_TRY(states.advance());
    auto turn = MESH_TRY(SettlingTurn::take(deps_, spec_.topic));
    MESH_TRY(markers.advance());
    MESH_TRY(states.advance());
    std::vector<Record> records, settled;
    std::vector<std::int64_t> moving;
    std::int64_t moved = 0, superseded = 0, skipped = 0;
    for (const StoredRecord& letter : letters) {
      if (markers.is_settled(letter.position)) {
        // Its marker came in with an append that failed otherwise.
        moved += sent.contains(letter.position.offset) ? 1 : 0;
        continue;
      }
      auto fate =
          MESH_TRY(spec_.redrive ? fate_of(letter, states, sent) : Result<Fate>(Fate::settled));
      if (fate == Fate::skipped) {
        ++skipped;
        continue;
      }
      if (fate == Fate::sent) {
        StoredRecord source = source_of(letter);
        records.push_back({std::move(source.position.topic), std::move(source.key),
                           std::move(source.value),
                           with_history(std::move(source.headers), letter, kRedrivenFrom)});
      }
      if (fate == Fate::superseded) {
        ++superseded;
      } else {
        ++moved;
        moving.push_back(letter.position.offset);
      }
      settled.push_back(marker_of(letter, topics_.at(spec_.topic).spec.partitions));
    }
    if (!records.empty()) {
      MESH_TRY(turn.renew());
      (void)MESH_TRY(append_within(log_, deps_.clock, std::move(records)));
    }
    sent.insert(moving.begin(), moving.end());
    if (!settled.empty()) {
      // Before the markers: of letters that are settled nobody looks again whether an older state
      // went behind a newer one.
      MESH_TRY(states.heal(deps_.clock));
      MESH_TRY(turn.renew());
      (void)MESH_TRY(append_within(log_, deps_.clock, std::move(settled)));
    }
    any = moved + superseded + skipped > 0;
    moved_ += moved;
    pending_ += spec_.redrive ? moved : 0;
    superseded_ += superseded;
    skipped_ += skipped;
    return {};
  }

  enum class Fate {
    sent,        // its event goes back
    settled,     // its event is back, or does not go: only the marker is missing
    superseded,  // a newer state has overtaken it
    skipped      // it has nowhere to go
  };
  Result<Fate> fate_of(const StoredRecord& letter, const EntityStates& states,
                       const std::set<std::int64_t>& sent) const {
    if (sent.contains(letter.position.offset)) return Fate::settled;
    const StoredRecord source = source_of(letter);
    if (!goes_back(source.position)) return Fate::skipped;
    if (!topics_.contains(source.position.topic)) {
      return fail(ErrorKind::not_found,
                  "there is no topic \"" + source.position.topic + "\" to redrive to");
    }
    // One that was sent and not settled would be overtaken by itself.
    const Record* newest =
        states.newest({source.position.topic, source.position.partition}, source.key);
    if (newest != nullptr && came_from(newest->headers, letter.position)) return Fate::settled;
    const auto overtaken = states.overtaken(source);
    if (!overtaken) return fail(overtaken.error());
    return *overtaken ? Fate::superseded : Fate::sent;
  }

  Offsets offsets(const std::string& topic, const Json& by_partition) const {
    Offsets all;
    const auto info = topics_.find(topic);
    if (info == topics_.end()) return all;
    for (std::int32_t p = 0; p < info->second.spec.partitions; ++p) {
      all[{topic, p}] = by_partition.value(std::to_string(p), std::int64_t{0});
    }
    return all;
  }

  Status await_outcomes() {
    Outcomes outcomes(deps_, offsets(spec_.topic, ends_), offsets(source_topic(), source_ends_));
    MESH_TRY(insist(context_, [&] { return outcomes.find(); }));
    // The log knows better than a count that a crash may have left behind.
    moved_ = std::max(moved_, outcomes.redriven());
    const SteadyTime end = deps_.clock.steady() + spec_.wait;
    for (Duration pause = kFirstLook;; pause = std::min(2 * pause, kLongestLook)) {
      MESH_TRY(insist(context_, [&] { return outcomes.look(); }));
      died_again_ = outcomes.died_again();
      handled_ = outcomes.handled();
      pending_ = outcomes.pending();
      report_now();
      const Duration left = std::chrono::ceil<Duration>(end - deps_.clock.steady());
      if (pending_ == 0 || !outcomes.followed() || left <= Duration::zero()) return {};
      context_.pause(std::min(pause, left));
      if (context_.stopping()) return stopped_early();
    }
  }

  const LettersDeps& deps_;
  EventLog& log_;
  TaskContext& context_;
  const SettlingSpec& spec_;
  std::map<std::string, TopicInfo> topics_;
  Json ends_, source_ends_;  // partition → where the topics ended when the task began
  std::int64_t moved_ = 0, superseded_ = 0, skipped_ = 0;
  bool appended_ = false;                                    // all that it appends: it only waits
  std::int64_t died_again_ = 0, pending_ = 0, handled_ = 0;  // of those moved
  SteadyTime paused_;                                        // when others had their chance last
};

}  // namespace

Status settle_letters(const LettersDeps& deps, TaskContext& context, const SettlingSpec& spec) {
  return Settling(deps, context, spec).run();
}

}  // namespace mesh::pipeline
