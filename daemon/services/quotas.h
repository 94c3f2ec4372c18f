// Quotas of tenants: what each may use over a day or a month, held at the door.
#pragma once

#include <array>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/base/periodic.h"
#include "common/domain/quota.h"
#include "common/domain/tenant.h"
#include "common/telemetry/metrics.h"
#include "common/telemetry/usage.h"
#include "daemon/services/tenant_directory.h"

namespace mesh::services {

// What was used, by quota.
using QuotaUse = std::array<std::int64_t, kQuotas.size()>;
inline std::int64_t& of(QuotaUse& use, Quota quota) { return use[static_cast<std::size_t>(quota)]; }
inline std::int64_t of(const QuotaUse& use, Quota quota) {
  return use[static_cast<std::size_t>(quota)];
}

// What the stores know that the tenant used in the periods that hold `now`, of all processes, by
// the quotas it has; others may be left out. It may be behind, by what is counted and not written
// yet; it is never more than was used. Blocks: users are counted by their keys.
using StoredUse = std::function<Result<QuotaUse>(const TenantId&, const Quotas&, Timestamp now)>;

// Use is what this process took in the period, whether the stores have it or not, and what others
// took, of which the stores tell: they are read before anything is asked and anew in the
// background, and what they say beyond what this process took by then is others', the process
// before it among them. And what requests took whose end is not known yet, of which no reading
// tells. So one process is exact; of several, each sees what the others took as late as the stores
// do, and a quota may be exceeded by so much. Any thread.
class QuotaKeeper {
 public:
  static constexpr Duration kRefresh{10'000};

  // Reads once. `usage`: where this process counts since its start, which was before this was made.
  QuotaKeeper(TenantDirectory& tenants, StoredUse stored, const Usage& usage, Clock& clock,
              Metrics& metrics);
  // The stores are asked no more in the background. Callable twice.
  void stop() { refreshing_.stop(); }

  // What a request would use.
  struct Cost {
    std::int64_t events = 0, bytes = 0, users = 0;
    bool embeds = false;  // it leads to tokens; nobody knows how many
  };
  // A cost that was taken: in flight until it is settled. One thread at a time.
  class Taken {
   public:
    Taken() = default;  // nothing, where no quotas are kept
    Taken(Taken&& other) noexcept
        : keeper_(std::exchange(other.keeper_, nullptr)),
          tenant_(std::move(other.tenant_)),
          in_flight_(other.in_flight_) {}
    Taken& operator=(Taken&&) = delete;
    ~Taken() { settle({}); }  // what nobody settled came to nothing
    // Its end is known: `used` came to be. What is called after the first time changes nothing.
    void settle(const Cost& used);

   private:
    friend class QuotaKeeper;
    Taken(QuotaKeeper& keeper, const TenantId& tenant, const Cost& in_flight)
        : keeper_(&keeper), tenant_(tenant), in_flight_(in_flight) {}

    QuotaKeeper* keeper_ = nullptr;  // null: there is nothing to settle
    std::optional<TenantId> tenant_;
    Cost in_flight_;
  };
  // Takes the cost, all of it or nothing; `rate_limited` with the quota, its bound and its end. An
  // operator who acts for a tenant is not held, and counts. Where the tenant's record cannot be
  // read, nothing is. Does not block. What it gives goes before the keeper does.
  Result<Taken> take(const Principal& principal, const Cost& cost);

  // When the quota's period is over, where it is used up: of tokens, which no request asks for.
  // Nothing where there is some left, the tenant has none, or its record cannot be read. What this
  // process paid for counts at once. Asks the stores where they were not asked of the tenant in the
  // period: its quota may be new.
  std::optional<Timestamp> used_up_until(const TenantId& tenant, Quota quota);

  struct State {
    Quota quota;
    std::int64_t limit = 0, used = 0;
    std::optional<Timestamp> ends;
  };
  // Each quota that the tenant has; asks the stores.
  Result<std::vector<State>> states(const TenantId& tenant);

 private:
  using Counts = std::array<std::uint64_t, kQuotas.size()>;
  struct Kept {
    // Of a level: what the store said, and what came since.
    QuotaUse others{}, taken{}, in_flight{};
    std::array<bool, kQuotas.size()> read{};  // since the period began
  };
  void refresh();
  Status read(const TenantId& tenant);
  void settle(const TenantId& tenant, const Cost& in_flight, const Cost& used);
  // With the lock held; begins new periods, and counts what was paid for until now.
  Kept& kept(const TenantId& tenant);
  void begin_periods();
  static std::int64_t used(const Kept& kept, Quota quota);
  std::int64_t counted(const TenantId& tenant, Quota quota) const;
  tl::unexpected<Error> denied(const TenantId& tenant, Quota quota, std::int64_t limit,
                               std::int64_t used, std::int64_t wanted);

  TenantDirectory& tenants_;
  const StoredUse stored_;
  const Usage& usage_;
  Clock& clock_;
  Metrics& metrics_;
  std::mutex mutex_;
  std::unordered_map<std::string, Kept> kept_;  // guarded by mutex_, as are the following
  Timestamp at_;                                // of the periods
  // By tenant, what `usage` had when the periods began that this process has seen begin.
  std::unordered_map<std::string, Counts> before_;
  bool failing_ = false;  // the last reading
  Periodic refreshing_;   // last: it uses all of the above
};

}  // namespace mesh::services
