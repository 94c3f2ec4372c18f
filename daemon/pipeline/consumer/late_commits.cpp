#include "daemon/pipeline/consumer/late_commits.h"

#include <algorithm>
#include <deque>

namespace mesh::pipeline {
namespace {

class LateCommits final : public LogConsumer {
 public:
  LateCommits(std::unique_ptr<LogConsumer> consumer, Duration delay, Clock& clock)
      : consumer_(std::move(consumer)), delay_(delay), clock_(clock) {}

  Result<std::vector<StoredRecord>> poll(const ReadLimits& limits, Duration timeout) override {
    // A `conflict` is told by changes(): the poll learns of it, too.
    if (auto handed = hand_on(); !handed && handed.error().kind != ErrorKind::conflict) {
      return fail(std::move(handed.error()));
    }
    if (!waiting_.empty()) {
      const auto left = std::chrono::ceil<Duration>(waiting_.front().due - clock_.steady());
      timeout = std::min(timeout, std::max(left, Duration{0}));
    }
    return consumer_->poll(limits, timeout);
  }

  Status commit(const Offsets& next) override {
    // Whoever is told of a failure calls again with the same, which waits already.
    if (waiting_.empty() || waiting_.back().next != next) {
      waiting_.push_back({clock_.steady() + delay_, next});
    }
    return hand_on();
  }

  Assignment changes() override {
    auto changes = consumer_->changes();
    for (const auto& [partition, next] : changes.gained) forget(partition);
    for (const auto& partition : changes.lost) forget(partition);
    return changes;
  }

  void keep_alive() override {
    // A failure is told by the next commit or poll, which tries again.
    (void)hand_on();
    consumer_->keep_alive();
  }
  Offsets position() const override { return consumer_->position(); }
  void wake() override { consumer_->wake(); }

 private:
  struct Waiting {
    SteadyTime due;
    Offsets next;
  };

  // Commits what is due, as one. It stays where it may be tried again; after a `conflict` that is
  // what changes() has not named.
  Status hand_on() {
    const auto now = clock_.steady();
    const auto later = std::ranges::find_if(waiting_, [&](auto& one) { return one.due > now; });
    Offsets due;
    for (const auto& one : std::ranges::subrange(waiting_.begin(), later)) {
      for (const auto& [partition, next] : one.next) due[partition] = next;
    }
    Status done;
    if (!due.empty()) done = consumer_->commit(due);
    const bool again =
        !done && (done.error().retryable() || done.error().kind == ErrorKind::conflict);
    if (!again) waiting_.erase(waiting_.begin(), later);
    return done;
  }

  void forget(const TopicPartition& partition) {
    for (auto& one : waiting_) one.next.erase(partition);
  }

  const std::unique_ptr<LogConsumer> consumer_;
  const Duration delay_;
  Clock& clock_;
  std::deque<Waiting> waiting_;  // the oldest first
};

}  // namespace

std::unique_ptr<LogConsumer> commit_late(std::unique_ptr<LogConsumer> consumer, Duration delay,
                                         Clock& clock) {
  return std::make_unique<LateCommits>(std::move(consumer), delay, clock);
}

}  // namespace mesh::pipeline
