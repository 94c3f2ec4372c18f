// The embedded EventIndex in a folder of its own, with knobs.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "common/engines/sqlite/events/event_index.h"
#include "tests/support/failures.h"
#include "tests/support/temp_dir.h"

namespace mesh::test {

class HookedEventIndex final : public EventIndex {
 public:
  // Runs once, before the next write: what others do between a look and it.
  void before_apply(std::function<void()> hook) {
    std::lock_guard lock(mutex_);
    before_apply_ = [hook = std::move(hook), done = false]() mutable {
      if (!std::exchange(done, true)) hook();
    };
  }
  // Runs before each write.
  void before_each_apply(std::function<void()> hook) {
    std::lock_guard lock(mutex_);
    before_apply_ = std::move(hook);
  }
  void fail_applies(int n) {
    std::lock_guard lock(mutex_);
    failures_.next(n);
  }
  // From now on every write.
  void fail_applies_with(Error error) {
    std::lock_guard lock(mutex_);
    refusal_ = std::move(error);
  }
  // Whether a search of the generation that serves finds the event by the word.
  std::set<std::string> found(const std::string& tenant, const std::string& type,
                              const std::string& words) {
    std::set<std::string> ids;
    const auto hits =
        index_->search_words(*TenantId::parse(tenant), {.type = type}, terms_of(words), 1'000);
    for (const auto& hit : hits.value()) ids.insert(hit.event_id);
    return ids;
  }
  int serving(const std::string& type) {
    const auto all = index_->generations().value();
    for (const auto& one : all) {
      if (one.type == type && one.info.serving) return one.info.number;
    }
    return 0;
  }
  std::set<int> numbers(const std::string& type) {
    std::set<int> numbers;
    const auto all = index_->generations().value();
    for (const auto& one : all) {
      if (one.type == type) numbers.insert(one.info.number);
    }
    return numbers;
  }

  Result<EventGeneration> create(std::string_view type, const GenerationSpec& spec) override {
    return index_->create(type, spec);
  }
  Status serve(std::string_view type, int number) override { return index_->serve(type, number); }
  Status drop(std::string_view type, int number) override { return index_->drop(type, number); }
  Status forget(std::string_view type) override { return index_->forget(type); }
  Result<std::vector<EventGeneration>> generations() override { return index_->generations(); }
  Result<std::vector<EventSpec>> specs() override { return index_->specs(); }
  Status apply(std::span<const EventDocument> documents) override {
    std::function<void()> hook;
    {
      std::lock_guard lock(mutex_);
      if (auto error = failures_.take()) return fail(*error);
      if (refusal_) return fail(*refusal_);
      hook = before_apply_;
    }
    if (hook) hook();
    return index_->apply(documents);
  }
  Result<std::vector<EventHit>> search_vectors(const TenantId& tenant, const EventScope& scope,
                                               const QueryVector& query, int k,
                                               float min_score) override {
    return index_->search_vectors(tenant, scope, query, k, min_score);
  }
  Result<std::vector<EventHit>> search_words(const TenantId& tenant, const EventScope& scope,
                                             const Terms& terms, int k) override {
    return index_->search_words(tenant, scope, terms, k);
  }
  Status erase_below(const TopicPartition& partition, std::int64_t offset) override {
    return index_->erase_below(partition, offset);
  }
  Status erase(const TenantId& tenant, std::optional<std::string_view> subject,
               std::optional<Timestamp> before) override {
    return index_->erase(tenant, subject, before);
  }
  Result<KeptEvents> kept(const TenantId& tenant,
                          std::optional<std::string_view> subject) override {
    return index_->kept(tenant, subject);
  }

 private:
  TempDir dir_;
  const std::unique_ptr<EventIndex> index_ = sqlite::open_event_index(dir_.path(), {}).value();
  mutable std::mutex mutex_;
  std::function<void()> before_apply_;  // this and the following guarded by mutex_
  Failures failures_;
  std::optional<Error> refusal_;
};

}  // namespace mesh::test
