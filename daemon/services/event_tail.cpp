#include "daemon/services/event_tail.h"

#include <algorithm>
#include <utility>

#include "common/base/thread.h"
#include "common/telemetry/log.h"
#include "daemon/pipeline/event_index/event_indexing.h"
#include "daemon/pipeline/scan.h"
#include "daemon/services/event_hits.h"

namespace mesh::services {
namespace {

constexpr Duration kAgain{1'000};  // after the log could not be read, and for topics to come

}  // namespace

EventTail::EventTail(EventTailDeps deps)
    : deps_(std::move(deps)), thread_([this] {
        name_thread("event-tail");
        stand_back(Standing::background);
        run();
      }) {}

EventTail::~EventTail() { stop(); }

void EventTail::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

Result<Watches::Id> EventTail::watch(WatchSpec spec, const Watches::Open& open) {
  const std::string topic = MESH_TRY(pipeline::topic_of(spec.type));
  {
    std::lock_guard lock(mutex_);
    // Until it is registered nobody may think that there is no watch.
    ++coming_;
  }
  auto begun = begin(topic);
  if (begun) spec.since = std::move(*begun);
  Result<Watches::Id> id = begun ? deps_.watches.add(std::move(spec), open) : fail(begun.error());
  {
    std::lock_guard lock(mutex_);
    --coming_;
    told_ = true;
  }
  changed_.notify_all();
  return id;
}

// Follows the topic from its ends, unless it is followed already. Answers the ends of now.
Result<Offsets> EventTail::begin(const std::string& topic) {
  auto found = pipeline::ends(deps_.log, deps_.admin, {topic});
  // That of an own type comes with its first event.
  if (!found && found.error().kind != ErrorKind::not_found) return found;
  std::lock_guard lock(mutex_);
  if (topics_.insert(topic).second && found) next_.insert(found->begin(), found->end());
  return found ? std::move(*found) : Offsets();
}

void EventTail::run() {
  std::unique_ptr<mesh::Watch> watch;
  for (;;) {
    Offsets next;
    {
      std::unique_lock lock(mutex_);
      const auto woken = [this] { return told_ || stopping_; };
      if (again_) {
        deps_.clock.wait_until(lock, changed_, *again_, woken);
      } else {
        changed_.wait(lock, woken);
      }
      if (stopping_) break;
      told_ = false;
      if (deps_.watches.size() == 0 && coming_ == 0) {
        // Whoever comes next begins at the ends of then.
        topics_.clear();
        next_.clear();
        failing_.clear();
        failing_topics_.reset();
        offered_.clear();
      }
      next = next_;
    }
    watch.reset();
    look_for_topics();
    for (const auto& [partition, from] : next) take_turn(partition, from);
    const auto waited = to_wait_for();
    if (!waited) continue;
    // Without the lock, since it may tell at once.
    watch = deps_.log.watch(*waited, [this] {
      {
        std::lock_guard lock(mutex_);
        told_ = true;
      }
      changed_.notify_all();
    });
  }
}

// Beyond which records are news; nothing where nobody is to tell of any. Sets when to look by
// oneself. What fails has records already, or the log is closed: whoever waited for that would be
// told at once, again and again.
std::optional<Offsets> EventTail::to_wait_for() {
  again_.reset();
  const auto by = [this](SteadyTime at) { again_ = again_ ? std::min(*again_, at) : at; };
  std::lock_guard lock(mutex_);
  if (topics_.empty()) return std::nullopt;
  for (const auto& topic : topics_) {
    const auto first = next_.lower_bound({topic, 0});
    // Its coming is polled for: not every engine tells of it.
    if (first == next_.end() || first->first.topic != topic) by(deps_.clock.steady() + kAgain);
  }
  Offsets waited = next_;
  for (const auto& [partition, failing] : failing_) {
    waited.erase(partition);
    by(failing.again);
  }
  const bool fails = !failing_.empty() || failing_topics_;
  if (waited.empty() && fails) return std::nullopt;
  return waited;
}

bool EventTail::is_left_be(const Failing& failing) const {
  return deps_.clock.steady() < failing.again;
}

void EventTail::note(Failing& failing, const Error& error) {
  failing.again = deps_.clock.steady() + kAgain;
  std::string text = error.to_string();
  if (text == failing.told) return;
  log::warn("watches wait for the log", {{"error", text}});
  failing.told = std::move(text);
}

void EventTail::look_for_topics() {
  if (failing_topics_ && is_left_be(*failing_topics_)) return;
  if (auto looked = find_new_topics(); !looked) {
    if (!failing_topics_) failing_topics_.emplace();
    return note(*failing_topics_, looked.error());
  }
  failing_topics_.reset();
}

// Those that were not there when they began to be followed: their first event is new.
Status EventTail::find_new_topics() {
  std::set<std::string> missing;
  {
    std::lock_guard lock(mutex_);
    missing = topics_;
    for (const auto& [partition, offset] : next_) missing.erase(partition.topic);
  }
  if (missing.empty()) return {};
  for (const TopicInfo& topic : MESH_TRY(deps_.admin.topics())) {
    if (!missing.contains(topic.spec.name)) continue;
    std::lock_guard lock(mutex_);
    for (std::int32_t p = 0; p < static_cast<std::int32_t>(topic.partitions.size()); ++p) {
      next_.emplace(TopicPartition{topic.spec.name, p},
                    topic.partitions[static_cast<std::size_t>(p)].start);
    }
    told_ = true;
  }
  return {};
}

void EventTail::take_turn(const TopicPartition& partition, std::int64_t from) {
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return;
  }
  const auto failed = failing_.find(partition);
  if (failed != failing_.end() && is_left_be(failed->second)) return;
  if (auto done = read(partition, from); !done) {
    note(failing_[partition], done.error());
  } else if (failed != failing_.end()) {
    failing_.erase(failed);
  }
}

// One read: where there is more, the others have their turn first.
Status EventTail::read(const TopicPartition& partition, std::int64_t from) {
  const auto some = MESH_TRY(deps_.log.read(partition, from, {}));
  MESH_TRY(offer(partition, some.records));
  std::lock_guard lock(mutex_);
  next_[partition] = some.next;
  if (!some.at_end) told_ = true;
  return {};
}

Status EventTail::offer(const TopicPartition& partition, const std::vector<StoredRecord>& records) {
  if (records.empty()) return {};
  std::map<std::string, Texts> by_type;
  for (auto& text : MESH_TRY(offer_to_filters(partition, records))) {
    by_type[text.document.type].push_back(std::move(text));
  }
  for (auto& [type, texts] : by_type) {
    MESH_TRY(embed(type, texts));
    // Once all have their vectors: what is read again was sent to nobody.
    for (const auto& [document, text] : texts) {
      deps_.watches.offer(document, hit_json(document), WatchKind::query);
    }
    offered_[partition][type] = records.back().position.offset + 1;
  }
  return {};
}

// Before anything is embedded, since they need no vectors. Answers what others may be waiting for.
Result<EventTail::Texts> EventTail::offer_to_filters(const TopicPartition& partition,
                                                     const std::vector<StoredRecord>& records) {
  Texts others;
  auto& offered = offered_[partition];
  for (const auto& record : records) {
    const auto event = from_record(record);
    if (!event || !deps_.watches.wanted(event->tenant, event->type)) continue;
    if (deps_.is_closed && deps_.is_closed(event->tenant)) {
      deps_.watches.close(event->tenant);
      continue;
    }
    auto text = MESH_TRY(pipeline::event_text(*event, record.position, deps_.searchable));
    if (!text) continue;
    const auto offset = record.position.offset;
    if (auto& below = offered[{}]; offset >= below) {
      deps_.watches.offer(text->document, hit_json(text->document), WatchKind::filter_alone);
      below = offset + 1;
    }
    if (offset >= offered[event->type] && deps_.watches.wants_vectors(event->tenant, event->type)) {
      others.push_back(std::move(*text));
    }
  }
  return others;
}

// What can never be embedded stays without a vector; the error of an embedder that may do it later.
Status EventTail::embed(const std::string& type, Texts& texts) {
  // Billed where the pipeline indexes it: the tenant pays for an event once.
  constexpr bool kBilled = false;
  for (const auto& embedder : deps_.watches.embedders(type)) {
    const Status together = pipeline::add_vectors(texts, {embedder}, kBilled);
    if (together) continue;
    if (together.error().retryable()) return together;
    // One of them is refused: one by one, so that it fails alone.
    std::size_t refused = 0;
    for (auto& text : texts) {
      Texts one;
      one.push_back(std::move(text));
      const Status alone = pipeline::add_vectors(one, {embedder}, kBilled);
      text = std::move(one.front());
      if (alone) continue;
      if (alone.error().retryable()) return alone;
      ++refused;
    }
    // They are found by words; who watches wants what happens now.
    log::warn("events could not be compared with the queries of watches",
              {{"type", type}, {"events", refused}, {"error", together.error().to_string()}});
  }
  return {};
}

}  // namespace mesh::services
