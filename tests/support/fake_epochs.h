// Documents of an EpochStore in memory, with knobs.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <string>

#include "common/ports/epoch_store.h"
#include "tests/support/failures.h"

namespace mesh::test {

class FakeEpochStore final : public EpochStore {
 public:
  // The next n calls of any kind are `unavailable`.
  void fail_next(int n) {
    std::lock_guard lock(mutex_);
    failures_.next(n);
  }
  // While it is on, reads wait, as for a store that stands still.
  void hold_reads(bool on) {
    std::lock_guard lock(mutex_);
    held_ = on;
    released_.notify_all();
  }
  int reads() const {
    std::lock_guard lock(mutex_);
    return reads_;
  }

  Result<EpochDocument> take_over(const std::string& name) override {
    std::lock_guard lock(mutex_);
    if (auto error = failures_.take()) return fail(*error);
    auto& document = documents_[name];
    ++document.epoch;
    return document;
  }
  Result<EpochDocument> read(const std::string& name) override {
    std::unique_lock lock(mutex_);
    ++reads_;
    released_.wait(lock, [this] { return !held_; });
    if (auto error = failures_.take()) return fail(*error);
    return documents_[name];
  }
  Status write(const std::string& name, std::int64_t epoch, const std::string& body) override {
    std::lock_guard lock(mutex_);
    if (auto error = failures_.take()) return fail(*error);
    auto& document = documents_[name];
    if (document.epoch != epoch) return fail(ErrorKind::conflict, "another has taken over");
    document.body = body;
    return {};
  }

 private:
  mutable std::mutex mutex_;
  Failures failures_;
  int reads_ = 0;
  bool held_ = false;
  std::condition_variable released_;
  std::map<std::string, EpochDocument> documents_;
};

}  // namespace mesh::test
