#include "daemon/services/event_tail.h"

#include <utility>

#include "common/base/thread.h"
#include "common/base/time.h"
#include "common/telemetry/log.h"
#include "daemon/pipeline/event_index/event_indexing.h"
#include "daemon/pipeline/scan.h"

namespace mesh::services {
namespace {

constexpr Duration kAgain{1'000};  // after the log could not be read, and for topics to come

Json hit_of(const EventDocument& document) {
  return {{"event_id", document.event_id},     {"type", document.type},
          {"subject", document.subject},       {"time", format_rfc3339(document.time)},
          {"title", document.title},           {"fields", to_json(document.fields)},
          {"topic", document.position.topic},  {"partition", document.position.partition},
          {"offset", document.position.offset}};
}

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

Result<Watches::Id> EventTail::watch(WatchSpec spec, std::shared_ptr<Embedder> embedder,
                                     const Watches::Open& open) {
  const std::string topic = MESH_TRY(pipeline::topic_of(spec.type));
  {
    std::lock_guard lock(mutex_);
    // Until it is registered nobody may think that there is no watch.
    ++coming_;
    // Whoever watches by a filter alone needs no vectors.
    if (!spec.query.empty()) embedders_[spec.type][embedder->id()] = std::move(embedder);
  }
  const Status begun = begin(topic);
  Result<Watches::Id> id = begun ? deps_.watches.add(std::move(spec), open) : fail(begun.error());
  {
    std::lock_guard lock(mutex_);
    --coming_;
    told_ = true;
  }
  changed_.notify_all();
  return id;
}

// From the ends, unless it is followed already.
Status EventTail::begin(const std::string& topic) {
  {
    std::lock_guard lock(mutex_);
    if (topics_.contains(topic)) return {};
  }
  const auto found = pipeline::ends(deps_.log, deps_.admin, {topic});
  // That of an own type comes with its first event.
  if (!found && found.error().kind != ErrorKind::not_found) return fail(found.error());
  std::lock_guard lock(mutex_);
  if (topics_.insert(topic).second && found) next_.insert(found->begin(), found->end());
  return {};
}

void EventTail::run() {
  Clock& clock = deps_.clock;
  bool again = false;  // though nobody tells
  std::unique_ptr<mesh::Watch> watch;
  for (;;) {
    Offsets next;
    {
      std::unique_lock lock(mutex_);
      const auto woken = [this] { return told_ || stopping_; };
      if (again) {
        clock.wait_until(lock, changed_, clock.steady() + kAgain, woken);
      } else {
        changed_.wait(lock, woken);
      }
      if (stopping_) break;
      told_ = false;
      if (deps_.watches.size() == 0 && coming_ == 0) {
        // Whoever comes next begins at the ends of then.
        topics_.clear();
        next_.clear();
        embedders_.clear();
      }
      next = next_;
    }
    watch.reset();
    again = false;
    const auto failed = [&](const Error& error) {
      again = true;
      log::warn("watches wait for the log", {{"error", error.to_string()}});
    };
    if (auto looked = find_new_topics(); !looked) failed(looked.error());
    for (const auto& [partition, from] : next) {
      auto more = read(partition, from);
      if (!more) {
        failed(more.error());
        break;
      }
    }
    {
      std::lock_guard lock(mutex_);
      if (topics_.empty()) continue;
      for (const auto& topic : topics_) {
        // Its coming is polled for: not every engine tells of it.
        again = again || next_.lower_bound({topic, 0}) == next_.end() ||
                next_.lower_bound({topic, 0})->first.topic != topic;
      }
      next = next_;
    }
    // Without the lock, since it may tell at once.
    watch = deps_.log.watch(next, [this] {
      {
        std::lock_guard lock(mutex_);
        told_ = true;
      }
      changed_.notify_all();
    });
  }
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

// Up to the end of now.
Result<bool> EventTail::read(const TopicPartition& partition, std::int64_t from) {
  for (;;) {
    auto some = MESH_TRY(deps_.log.read(partition, from, {}));
    MESH_TRY(offer(some.records));
    from = some.next;
    std::lock_guard lock(mutex_);
    const auto at = next_.find(partition);
    if (at == next_.end() || stopping_) return false;  // nobody watches any more
    at->second = from;
    if (some.at_end) return true;
    if (some.records.empty()) {
      told_ = true;  // a gap, or an engine that was slow: the next turn goes on
      return true;
    }
  }
}

Status EventTail::offer(const std::vector<StoredRecord>& records) {
  std::map<std::string, std::vector<pipeline::EventText>> wanted;  // by type
  for (const auto& record : records) {
    const auto event = from_record(record);
    if (!event || !deps_.watches.wanted(event->tenant, event->type)) continue;
    auto text = MESH_TRY(pipeline::event_text(*event, record.position, deps_.searchable));
    if (text) wanted[event->type].push_back(std::move(*text));
  }
  for (auto& [type, texts] : wanted) {
    // Billed where the pipeline indexes it: the tenant pays for an event once.
    if (auto made = pipeline::add_vectors(texts, embedders_of(type), false); !made) {
      // Events that cannot be embedded are found later; who watches wants what happens now.
      if (made.error().retryable()) return made;
      log::warn("events were not matched with watches",
                {{"type", type}, {"error", made.error().to_string()}});
      texts.clear();
    }
  }
  // Once all have their vectors: what is read again was sent to nobody.
  for (const auto& [type, texts] : wanted) {
    for (const auto& [document, text] : texts) deps_.watches.offer(document, hit_of(document));
  }
  return {};
}

std::vector<std::shared_ptr<Embedder>> EventTail::embedders_of(const std::string& type) {
  std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Embedder>> all;
  for (const auto& [id, embedder] : embedders_[type]) all.push_back(embedder);
  return all;
}

}  // namespace mesh::services
