// Who uses what: counts per tenant over the last seconds, for operators. Metrics cannot carry them,
// since their labels have to stay few.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/telemetry/usage_journal.h"

namespace mesh {

enum class Use : std::size_t {
  // Those that are billed; kBilledUses of them, in the order of the journal's files.
  events,  // made durable: published, or of users' changes
  bytes,   // the bodies they came in
  searches,
  embedding_tokens,  // paid for at the embedder's server
  chat_tokens,       // paid for at the extractor's server
  chat_cost,         // what they cost, in millionths of the currency of extractor.price
  // The others.
  requests,       // HTTP requests answered
  rejected,       // of them 429 and 503
  search_micros,  // time in searches
  queued_micros,  // time that requests waited for a worker
  processed,      // events done by pipelines
  stage_micros,   // time of stages, each event its share of the batch
};
inline constexpr std::size_t kUses = 12;

// For the uses that are times.
inline std::uint64_t micros(std::chrono::nanoseconds time) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(time.count(), 0) / 1000);
}

// Any thread, without locks: an addition costs a look-up and an atomic each. The first max_tenants
// tenants are counted by name, what further ones use as kOthers. Some 5 KiB a tenant that was ever
// seen.
class Usage {
 public:
  static constexpr std::size_t kMaxTenants = 10'000;
  static constexpr std::chrono::seconds kLongest{60};
  static constexpr std::string_view kOthers = "(others)";  // no tenant can be called that

  explicit Usage(Clock& clock, std::size_t max_tenants = kMaxTenants);
  ~Usage();
  // From now on what is billed is counted in the journal, which outlives this, for each tenant by
  // name. Before anything is counted.
  void keep_in(UsageJournal& journal) { journal_ = &journal; }

  struct Amount {
    Use use;
    std::uint64_t n = 1;
  };
  void add(std::string_view tenant, std::initializer_list<Amount> amounts);

  // What each tenant used within the last `window` (1 s to kLongest, whole seconds, the one under
  // way among them); tenants that used nothing are left out. In no order.
  struct Row {
    std::string tenant;
    std::array<std::uint64_t, kUses> used{};
    std::uint64_t operator[](Use use) const { return used[static_cast<std::size_t>(use)]; }
  };
  std::vector<Row> window(std::chrono::seconds window) const;
  // The same since the start.
  std::vector<Row> totals() const;
  // Of one tenant, what it used of one kind since the start; 0 where it is counted among the
  // others.
  std::uint64_t total(std::string_view tenant, Use use) const;

 private:
  class Tenant;
  Tenant& find(std::string_view tenant);
  std::vector<Row> rows_after(std::int64_t second) const;
  std::int64_t second() const;

  Clock& clock_;
  const SteadyTime start_;
  const std::size_t max_tenants_;
  UsageJournal* journal_ = nullptr;  // constant once something is counted
  // An open-addressing table of at least twice as many places: what is put there stays.
  std::vector<std::atomic<Tenant*>> places_;
  std::atomic<std::size_t> tenants_{0};
  const std::unique_ptr<Tenant> others_;
};

}  // namespace mesh
