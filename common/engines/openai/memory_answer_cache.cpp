#include <list>
#include <mutex>
#include <unordered_map>

#include "common/engines/openai/answer_cache.h"

namespace mesh::openai {
namespace {

constexpr std::size_t kBytesAroundEntry = 200;  // an entry's key, list and map

class MemoryCache final : public AnswerCache {
 public:
  explicit MemoryCache(std::uint64_t max_bytes) : max_bytes_(max_bytes) {}

  std::optional<std::string> find(const std::string& key) override {
    std::lock_guard lock(mutex_);
    const auto it = by_key_.find(key);
    if (it == by_key_.end()) return std::nullopt;
    used_.splice(used_.begin(), used_, it->second);
    return it->second->second;
  }

  void keep(const std::vector<Entry>& entries) override {
    std::lock_guard lock(mutex_);
    for (const auto& [key, answer] : entries) {
      if (by_key_.contains(key)) continue;
      used_.emplace_front(key, answer);
      by_key_.emplace(key, used_.begin());
      bytes_ += cost(answer);
    }
    while (bytes_ > max_bytes_ && !used_.empty()) {
      bytes_ -= cost(used_.back().second);
      by_key_.erase(used_.back().first);
      used_.pop_back();
    }
  }

 private:
  using Used = std::list<Entry>;
  static std::uint64_t cost(const std::string& answer) { return answer.size() + kBytesAroundEntry; }

  const std::uint64_t max_bytes_;
  std::mutex mutex_;
  Used used_;  // last used first; this and the following guarded by mutex_
  std::unordered_map<std::string, Used::iterator> by_key_;
  std::uint64_t bytes_ = 0;
};

}  // namespace

std::unique_ptr<AnswerCache> make_memory_cache(std::uint64_t max_bytes) {
  return std::make_unique<MemoryCache>(max_bytes);
}

}  // namespace mesh::openai
