// A stage that answers as the test says, and remembers its effects.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "daemon/pipeline/stages/stage.h"

namespace mesh::test {

class FakeStage final : public pipeline::Stage {
 public:
  using Outcome = pipeline::StageResult::Outcome;

  // The next `times` answers for the event of this id; done afterwards.
  void answer(const std::string& id, Outcome outcome, int times = 1) {
    std::lock_guard lock(mutex_);
    scripts_[id] = {outcome, times};
  }
  // The next n calls meet an outage.
  void fail_calls(int n) {
    std::lock_guard lock(mutex_);
    outages_ = n;
  }
  // The next n calls answer a result too few.
  void answer_too_few(int n) {
    std::lock_guard lock(mutex_);
    too_few_ = n;
  }
  // Calls do not return until released.
  void hold() {
    std::lock_guard lock(mutex_);
    held_ = true;
  }
  void release() {
    std::lock_guard lock(mutex_);
    held_ = false;
    changed_.notify_all();
  }

  std::vector<std::string> effects() const {  // ids, in order
    std::lock_guard lock(mutex_);
    return effects_;
  }
  std::vector<std::vector<std::string>> calls() const {
    std::lock_guard lock(mutex_);
    return calls_;
  }
  std::vector<Through> throughs() const {
    std::lock_guard lock(mutex_);
    return throughs_;
  }

  std::vector<pipeline::StageResult> process(std::span<const pipeline::StageInput> batch,
                                             const Through& through) override {
    std::unique_lock lock(mutex_);
    calls_.emplace_back();
    for (const auto& input : batch) calls_.back().push_back(input.event.id);
    throughs_.push_back(through);
    changed_.notify_all();
    changed_.wait(lock, [this] { return !held_; });
    std::vector<pipeline::StageResult> results(batch.size());
    if (too_few_ > 0) {
      --too_few_;
      results.pop_back();
      return results;
    }
    const bool outage = outages_ > 0;
    if (outage) --outages_;
    std::set<std::string> behind;  // tenant and subject
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const Event& event = batch[i].event;
      const std::string key = event.tenant.str() + "/" + event.subject;
      if (outage) {
        results[i] = {Outcome::outage, "engine", "the fake engine is down"};
        continue;
      }
      if (behind.contains(key)) continue;
      auto script = scripts_.find(event.id);
      if (script == scripts_.end() || script->second.second == 0) {
        effects_.push_back(event.id);
        continue;
      }
      --script->second.second;
      results[i] = {script->second.first, "fake", "as the test said"};
      if (script->second.first != Outcome::dead) behind.insert(key);
    }
    return results;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::pair<Outcome, int>> scripts_;
  int outages_ = 0, too_few_ = 0;
  bool held_ = false;
  std::vector<std::string> effects_;
  std::vector<std::vector<std::string>> calls_;
  std::vector<Through> throughs_;
};

}  // namespace mesh::test
