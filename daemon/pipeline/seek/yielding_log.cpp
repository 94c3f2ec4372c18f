#include "daemon/pipeline/seek/yielding_log.h"

#include <algorithm>
#include <condition_variable>
#include <utility>

#include "common/telemetry/log.h"

namespace mesh::pipeline {
namespace {

constexpr Duration kLook{1'000};  // how late a member may see that its group is asked for

// A member that is out of its group from time to time. It goes within any call but commit, so that
// no batch and no outage holds it up, and comes back within a poll.
class YieldingConsumer final : public LogConsumer {
 public:
  YieldingConsumer(LogAdmin& admin, SoughtGroups& sought, Clock& clock, std::string group,
                   std::vector<std::string> topics, std::string member)
      : admin_(admin),
        sought_(sought),
        clock_(clock),
        group_(std::move(group)),
        topics_(std::move(topics)),
        member_(std::move(member)) {}

  // Where the group is asked for it is made known, and joined later.
  Status open() {
    return sought_.contains(group_) ? admin_.ensure_group(group_, topics_) : come_back();
  }

  Result<std::vector<StoredRecord>> poll(const ReadLimits& limits, Duration timeout) override {
    yield_if_asked();
    if (!inner_ && !sought_.contains(group_)) {
      MESH_TRY(come_back());
      untold_return_ = true;
    }
    bool woken = false;
    {
      std::unique_lock lock(mutex_);
      woken = std::exchange(woken_, false);
    }
    // Short enough that it is seen when the group is asked for.
    const Duration wait = woken ? Duration{0} : std::min(timeout, kLook);
    if (inner_) return inner_->poll(limits, wait);
    std::unique_lock lock(mutex_);
    clock_.wait_until(lock, changed_, clock_.steady() + wait, [this] { return woken_; });
    woken_ = false;
    return std::vector<StoredRecord>{};
  }

  Status commit(const std::map<TopicPartition, std::int64_t>& next) override {
    // To the group it is another member than before, which may commit what that one polled.
    if (inner_ && !untold_return_) return inner_->commit(next);
    return fail(ErrorKind::conflict,
                "a commit of group '" + group_ + "' comes too late: the group is being moved");
  }

  Assignment changes() override {
    yield_if_asked();
    Assignment told = std::exchange(untold_, {});
    untold_return_ = false;
    if (inner_) {
      const Assignment fresh = inner_->changes();
      for (const auto& partition : fresh.lost) told.lost.push_back(partition);
      for (const auto& [partition, next] : fresh.gained) {
        // What is back already is not lost: `gained` says that it begins anew.
        std::erase(told.lost, partition);
        told.gained[partition] = next;
      }
    }
    for (const auto& partition : told.lost) has_.erase(partition);
    for (const auto& [partition, next] : told.gained) has_.insert(partition);
    return told;
  }

  void keep_alive() override {
    yield_if_asked();
    if (inner_) inner_->keep_alive();
  }

  std::map<TopicPartition, std::int64_t> position() const override {
    return inner_ ? inner_->position() : std::map<TopicPartition, std::int64_t>{};
  }

  void wake() override {
    std::lock_guard lock(mutex_);
    woken_ = true;
    if (inner_) inner_->wake();
    changed_.notify_all();
  }

 private:
  void yield_if_asked() {
    if (!inner_ || !sought_.contains(group_)) return;
    log::info("a member lets go of its group, which is to be moved",
              {{"group", group_}, {"member", member_}});
    std::unique_ptr<LogConsumer> gone;
    {
      std::lock_guard lock(mutex_);
      gone = std::exchange(inner_, nullptr);
    }
    // Without the lock: leaving the group may wait for the engine, and wake() must not.
    gone.reset();
    // The reader loses only what it was told of.
    untold_ = {{}, {has_.begin(), has_.end()}};
  }

  Status come_back() {
    auto opened = MESH_TRY(admin_.open_consumer(group_, topics_, member_));
    std::lock_guard lock(mutex_);
    inner_ = std::move(opened);
    return {};
  }

  LogAdmin& admin_;
  SoughtGroups& sought_;
  Clock& clock_;
  const std::string group_;
  const std::vector<std::string> topics_;
  const std::string member_;
  std::set<TopicPartition> has_;  // told as gained, and not as lost
  Assignment untold_;             // of its leaving
  bool untold_return_ = false;
  std::mutex mutex_;  // over changes of inner_, which wake() uses, and woken_
  std::condition_variable changed_;
  bool woken_ = false;
  std::unique_ptr<LogConsumer> inner_;  // null while it is out
};

}  // namespace

std::string seek_lease(const std::string& group) { return "seek-" + group; }

bool SoughtGroups::contains(const std::string& group) {
  {
    std::lock_guard lock(mutex_);
    const SteadyTime now = clock_.steady();
    if (now < next_look_) return names_.contains(seek_lease(group));
    next_look_ = now + kLook;  // others go on with what is known
  }
  const auto held = leases_.list();
  std::lock_guard lock(mutex_);
  if (held) {
    names_.clear();
    for (const LeaseInfo& lease : *held) names_.insert(lease.name);
  } else {
    log::warn("whether groups are to be moved cannot be seen, until the next look",
              {{"error", held.error().to_string()}});
  }
  return names_.contains(seek_lease(group));
}

Result<std::unique_ptr<LogConsumer>> YieldingLogAdmin::open_consumer(
    const std::string& group, const std::vector<std::string>& topics, const std::string& member) {
  if (admin_.seeks_active_groups()) return admin_.open_consumer(group, topics, member);
  auto consumer =
      std::make_unique<YieldingConsumer>(admin_, sought_, clock_, group, topics, member);
  MESH_TRY(consumer->open());
  return consumer;
}

}  // namespace mesh::pipeline
