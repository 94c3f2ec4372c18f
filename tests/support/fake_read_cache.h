// A read cache in memory, which tells what was forgotten.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "common/ports/read_cache.h"
#include "tests/support/failures.h"

namespace mesh::test {

class FakeReadCache final : public ReadCache {
 public:
  void fail_erasures(int n) {
    std::lock_guard lock(mutex_);
    failures_.next(n);
  }
  // "<tenant>/<name>" of each subject, by call.
  std::vector<std::vector<std::string>> forgotten() const {
    std::lock_guard lock(mutex_);
    return forgotten_;
  }

  Found find(const CacheSubject& subject, std::string_view question) override {
    std::lock_guard lock(mutex_);
    auto& fields = subjects_[name_of(subject)];
    const auto at = fields.find(std::string(question));
    if (at != fields.end()) return {at->second, {}};
    return {std::nullopt, "ticket"};
  }
  void keep(const CacheSubject& subject, std::string_view question, const std::string&,
            std::string_view answer) override {
    std::lock_guard lock(mutex_);
    subjects_[name_of(subject)][std::string(question)] = answer;
  }
  void forget(std::span<const CacheSubject> subjects) override {
    std::lock_guard lock(mutex_);
    auto& names = forgotten_.emplace_back();
    for (const auto& subject : subjects) {
      names.push_back(name_of(subject));
      subjects_.erase(name_of(subject));
    }
  }
  Status forget_all(const TenantId& tenant) override {
    std::lock_guard lock(mutex_);
    if (auto error = failures_.take()) return fail(*error);
    std::erase_if(subjects_, [&](const auto& subject) {
      return subject.first.starts_with(tenant.str() + "/");
    });
    return {};
  }

 private:
  static std::string name_of(const CacheSubject& subject) {
    return subject.tenant.str() + "/" + subject.name;
  }

  mutable std::mutex mutex_;
  std::map<std::string, std::map<std::string, std::string>> subjects_;
  std::vector<std::vector<std::string>> forgotten_;
  Failures failures_;
};

}  // namespace mesh::test
