#include "daemon/pipeline/progress.h"

#include <algorithm>
#include <map>
#include <vector>

#include "common/base/ids.h"
#include "common/base/strings.h"
#include "common/base/thread.h"
#include "common/telemetry/log.h"
#include "daemon/pipeline/groups.h"
#include "daemon/pipeline/reading_group.h"

namespace mesh::pipeline {
namespace {

// The looks of those who wait take at most a quarter of the time, however slow the engines are.
constexpr int kPauseForLook = 3;

// Read together, so that it is one state of the engine.
struct Committed {
  std::string group;
  LogOffsets next;
};

}  // namespace

AwaitedWrite::AwaitedWrite(std::optional<TenantId> tenant, WritePosition position, Reached wanted)
    : tenant_(std::move(tenant)),
      position_(std::move(position)),
      wanted_(wanted),
      reached_(position_.outbox.last > 0 ? Reached::stored : Reached::log) {
  if (position_.outbox.last == 0) behind_ = position_.log;
  if (behind_ && behind_->empty()) reached_ = Reached::processed;
}

bool AwaitedWrite::may_hold(const ParkedKey& event) const {
  const TopicPartition partition{event.position.topic, event.position.partition};
  const auto behind = behind_->find(partition);
  if (behind == behind_->end() || event.position.offset >= behind->second) return false;
  if (tenant_ && tenant_of_key(event.key) != tenant_->str()) return false;
  // Of what was appended the place is known.
  if (const auto last = position_.log.find(partition);
      last != position_.log.end() && event.position.offset < last->second) {
    const auto first = position_.first.find(partition);
    if (first == position_.first.end() || event.position.offset >= first->second) return true;
  }
  if (position_.outbox.last == 0) return false;
  if (position_.users.last == 0) return true;
  const auto user = parse_int(subject_of_key(event.key));
  return user && *user >= position_.users.first && *user <= position_.users.last;
}

// What one look reads of the engines, at most once each, when it is first needed.
struct Progress::Facts {
  explicit Facts(const ProgressPorts& p) : ports(p) {}

  // What the group of the topic has committed; nothing where it does not exist (yet), or no
  // pipeline reads the topic.
  Result<const Committed*> committed(const std::string& topic) {
    if (group_of(topic) == nullptr) return nullptr;
    if (const auto known = committed_of.find(topic); known != committed_of.end()) {
      return known->second ? &*known->second : nullptr;
    }
    // A generation that serves later is past this one: a flip waits for that.
    const auto name = MESH_TRY(reading_group(topic, ports.index));
    if (!name) {
      committed_of[topic] = std::nullopt;
      return nullptr;
    }
    if (!groups) {
      auto all = MESH_TRY(ports.admin.groups());
      groups = std::move(all);
    }
    auto& found = committed_of[topic];
    const auto info = std::ranges::find(*groups, *name, &GroupInfo::name);
    if (info == groups->end()) return nullptr;
    found = Committed{*name, {}};
    for (const auto& [partition, next] : info->committed) {
      if (partition.topic == topic) found->next[partition] = next;
    }
    return &*found;
  }

  // After `committed`: an event is parked before it is committed.
  Result<const std::vector<ParkedKey>*> parked(const std::string& group) {
    auto known = parked_of.find(group);
    if (known == parked_of.end()) {
      auto all = MESH_TRY(ports.retries.parked_keys(group));
      known = parked_of.emplace(group, std::move(all)).first;
    }
    return &known->second;
  }

  const ProgressPorts& ports;
  std::optional<std::vector<GroupInfo>> groups;
  std::map<std::string, std::optional<Committed>> committed_of;  // by topic
  std::map<std::string, std::vector<ParkedKey>> parked_of;       // by group
};

class Progress::Watched final : public Watch {
 public:
  Watched(Progress& progress, std::shared_ptr<AwaitedWrite> write, Told told)
      : progress_(progress), write_(std::move(write)), told_(std::move(told)) {
    {
      std::lock_guard lock(progress_.mutex_);
      place_ = progress_.watches_.insert(progress_.watches_.end(), this);
      if (write_->done()) tell();
    }
    progress_.changed_.notify_all();
  }
  ~Watched() override {
    std::lock_guard lock(progress_.mutex_);
    progress_.watches_.erase(place_);
  }
  // With the lock held.
  void tell() {
    if (auto told = std::exchange(told_, nullptr)) told();
  }
  bool waits() const { return told_ != nullptr; }
  const std::shared_ptr<AwaitedWrite>& write() const { return write_; }

 private:
  Progress& progress_;
  const std::shared_ptr<AwaitedWrite> write_;
  Told told_;  // guarded by Progress::mutex_, as is the next
  std::list<Watched*>::iterator place_;
};

Progress::Progress(ProgressPorts ports, Clock& clock) : ports_(ports), clock_(clock) {
  thread_ = std::thread([this] {
    name_thread("progress");
    stand_back(Standing::worker);
    run();
  });
}

Progress::~Progress() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

std::unique_ptr<Watch> Progress::watch(std::shared_ptr<AwaitedWrite> write, Told told) {
  return std::make_unique<Watched>(*this, std::move(write), std::move(told));
}

void Progress::run() {
  SteadyTime next = clock_.steady();
  std::unique_lock lock(mutex_);
  const auto somebody_waits = [this] { return std::ranges::any_of(watches_, &Watched::waits); };
  while (true) {
    clock_.wait_until(lock, changed_, SteadyTime::max(),
                      [&] { return stopping_ || somebody_waits(); });
    clock_.wait_until(lock, changed_, next, [this] { return stopping_; });
    if (stopping_) return;
    // A watch may be dropped while the engines are asked, so the writes are held themselves.
    std::vector<std::shared_ptr<AwaitedWrite>> writes;
    for (const Watched* watched : watches_) {
      if (watched->waits()) writes.push_back(watched->write());
    }
    lock.unlock();
    const auto began = clock_.steady();
    Facts facts(ports_);
    for (const auto& write : writes) look(facts, *write);
    const auto ended = clock_.steady();
    next = ended + std::max<SteadyTime::duration>(kInterval, kPauseForLook * (ended - began));
    lock.lock();
    for (Watched* watched : watches_) {
      if (watched->write()->done()) watched->tell();
    }
  }
}

Status Progress::look(AwaitedWrite& write) {
  for (const auto& [partition, behind] : write.position_.log) {
    // For the error alone: no group ever commits past a partition that is not there.
    (void)MESH_TRY(ports_.log.watermarks(partition));
  }
  Facts facts(ports_);
  look(facts, write);
  return {};
}

// A look that fails has seen nothing; the next one may.
void Progress::look(Facts& facts, AwaitedWrite& write) {
  std::lock_guard only(write.mutex_);
  if (write.done()) return;
  const Status seen = advance(facts, write);
  if (troubled_.exchange(!seen) || seen) return;
  log::warn("the progress of writes cannot be seen; who waits for it waits on",
            {{"cause", seen.error().to_string()}});
}

// Where all that one user's changes can be; nothing where they can be anywhere.
std::optional<std::int32_t> Progress::partition_of(const AwaitedWrite& write,
                                                   std::size_t partitions) {
  const auto& users = write.position_.users;
  if (!write.tenant_ || users.last == 0 || users.first != users.last) return std::nullopt;
  const auto key = key_of(*write.tenant_, std::to_string(users.last));
  return static_cast<std::int32_t>(stable_hash(key) % partitions);
}

Status Progress::advance(Facts& facts, AwaitedWrite& write) {
  const auto& position = write.position_;
  if (write.reached_ == Reached::stored) {
    auto held = MESH_TRY(ports_.outbox.holds(position.outbox.first, position.outbox.last));
    if (held) return {};
    write.reached_ = Reached::log;
    if (write.done()) return {};
  }
  if (!write.behind_) {
    // What left the outbox lies below the ends that its partitions have now.
    auto reads = MESH_TRY(facts.committed(kUserIndex.topic));
    if (reads == nullptr || reads->next.empty()) return {};
    LogOffsets behind = position.log;
    const auto only = partition_of(write, reads->next.size());
    for (const auto& [partition, committed] : reads->next) {
      if (only && partition.partition != *only) continue;
      auto marks = MESH_TRY(ports_.log.watermarks(partition));
      behind[partition] = std::max(behind[partition], marks.end);
    }
    write.behind_ = std::move(behind);
  }
  for (const auto& [partition, behind] : *write.behind_) {
    if (behind == 0 || group_of(partition.topic) == nullptr) continue;
    auto reads = MESH_TRY(facts.committed(partition.topic));
    if (reads == nullptr) return {};
    const auto next = reads->next.find(partition);
    if (next == reads->next.end() || next->second < behind) return {};
  }
  std::string_view asked;  // whose group was asked already
  for (const auto& [partition, behind] : *write.behind_) {
    if (partition.topic == asked) continue;
    asked = partition.topic;
    auto reads = MESH_TRY(facts.committed(partition.topic));
    if (reads == nullptr) continue;
    auto parked = MESH_TRY(facts.parked(reads->group));
    const auto holds = [&](const ParkedKey& event) { return write.may_hold(event); };
    if (std::ranges::any_of(*parked, holds)) return {};
  }
  write.reached_ = Reached::processed;
  return {};
}

}  // namespace mesh::pipeline
