#include "common/engines/memory/memory_limiter.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "common/base/ids.h"

namespace mesh::memory {
namespace {

// Many more than threads that ask at once, so that two seldom meet at one lock.
constexpr std::size_t kShards = 64;
// One shard is swept per interval, so an idle key is gone after 64 of them at the latest.
constexpr std::int64_t kSweepIntervalMicros = 1'000'000;

struct Key {
  std::string tenant;
  std::string scope;
};
struct KeyView {
  std::string_view tenant;
  std::string_view scope;
  KeyView(std::string_view tenant_, std::string_view scope_) : tenant(tenant_), scope(scope_) {}
  KeyView(const Key& key) : tenant(key.tenant), scope(key.scope) {}  // NOLINT: meant to convert
};
struct KeyHash {
  using is_transparent = void;
  std::size_t operator()(KeyView key) const {
    return stable_hash(key.tenant) * 31 + stable_hash(key.scope);
  }
};
struct KeyEqual {
  using is_transparent = void;
  bool operator()(KeyView a, KeyView b) const { return a.tenant == b.tenant && a.scope == b.scope; }
};

// A line of the cache each: locks of neighbours do not slow each other.
struct alignas(64) Shard {
  std::mutex mutex;
  std::unordered_map<Key, std::int64_t, KeyHash, KeyEqual> tats;  // guarded by mutex
};

class Limiter final : public MemoryLimiter {
 public:
  Limiter(Clock& clock, LimiterOptions options)
      : clock_(clock), max_per_shard_(std::max<std::size_t>(options.max_keys / kShards, 1)) {}

  using MemoryLimiter::take;
  Result<RateDecision> take(const TenantId& tenant, std::string_view scope,
                            const RatePolicy& policy, std::int64_t cost) override {
    const std::int64_t now = micros();
    // Before the lock: it takes that of a shard, which may be this one.
    sweep_one_if_due(now);
    const KeyView key{tenant.str(), scope};
    Shard& shard = shard_of(key);
    std::lock_guard lock(shard.mutex);
    const auto it = shard.tats.find(key);
    const std::int64_t tat = it == shard.tats.end() ? 0 : it->second;
    const auto [decision, new_tat] = gcra(policy, tat, now, cost);
    // Nothing was taken, so nothing is kept.
    if (new_tat == tat) return decision;
    if (it != shard.tats.end()) {
      it->second = new_tat;
      return decision;
    }
    if (shard.tats.size() >= max_per_shard_) {
      sweep(shard, now);
      if (shard.tats.size() >= max_per_shard_) {
        return fail(ErrorKind::unavailable,
                    "rate limits of too many callers are being tracked: try again in a moment",
                    "memory limiter: a shard holds its maximum of " +
                        std::to_string(max_per_shard_) + " keys");
      }
    }
    shard.tats.emplace(Key{tenant.str(), std::string(scope)}, new_tat);
    return decision;
  }

  Result<RateDecision> peek(const TenantId& tenant, std::string_view scope,
                            const RatePolicy& policy) override {
    const KeyView key{tenant.str(), scope};
    Shard& shard = shard_of(key);
    std::lock_guard lock(shard.mutex);
    const auto it = shard.tats.find(key);
    return gcra(policy, it == shard.tats.end() ? 0 : it->second, micros(), 0).decision;
  }

  Status reset(const TenantId& tenant, std::string_view scope) override {
    const KeyView key{tenant.str(), scope};
    Shard& shard = shard_of(key);
    std::lock_guard lock(shard.mutex);
    const auto it = shard.tats.find(key);
    if (it != shard.tats.end()) shard.tats.erase(it);
    return {};
  }

  std::size_t keys() const override {
    std::size_t total = 0;
    for (auto& shard : shards_) {
      std::lock_guard lock(shard.mutex);
      total += shard.tats.size();
    }
    return total;
  }

 private:
  std::int64_t micros() const {
    return std::chrono::duration_cast<std::chrono::microseconds>(clock_.steady().time_since_epoch())
        .count();
  }

  Shard& shard_of(KeyView key) const {
    // The upper bits: the map uses the lower ones.
    return shards_[(KeyHash{}(key) >> 32) % kShards];
  }

  // Drops keys that are full again: they count as never seen.
  static void sweep(Shard& shard, std::int64_t now) {
    std::erase_if(shard.tats, [now](const auto& entry) { return entry.second <= now; });
    if (shard.tats.bucket_count() > 64 && shard.tats.size() < shard.tats.bucket_count() / 4) {
      shard.tats.rehash(0);
    }
  }

  // Whoever comes first after the interval does it; so every shard gets its turn while anyone
  // calls, and no thread of its own is needed.
  void sweep_one_if_due(std::int64_t now) {
    std::int64_t due = next_sweep_.load(std::memory_order_relaxed);
    if (now < due || !next_sweep_.compare_exchange_strong(due, now + kSweepIntervalMicros,
                                                          std::memory_order_relaxed)) {
      return;
    }
    Shard& shard = shards_[next_shard_.fetch_add(1, std::memory_order_relaxed) % kShards];
    std::lock_guard lock(shard.mutex);
    sweep(shard, now);
  }

  Clock& clock_;
  const std::size_t max_per_shard_;
  mutable std::array<Shard, kShards> shards_;
  std::atomic<std::int64_t> next_sweep_{0};
  std::atomic<std::size_t> next_shard_{0};
};

}  // namespace

std::unique_ptr<MemoryLimiter> make_limiter(Clock& clock, LimiterOptions options) {
  return std::make_unique<Limiter>(clock, options);
}

}  // namespace mesh::memory
