// Claims, notes and answers of Idempotency-Keys as rows, by the server's clock.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <utility>

#include "common/base/clock.h"
#include "common/engines/postgres/pool.h"
#include "common/engines/postgres/workers.h"
#include "common/ports/idempotency_store.h"

namespace mesh::postgres {

inline constexpr Duration kKeepAnswers = std::chrono::hours(24);
std::string headers_text(const StoredAnswer& answer);
// `conflict`.
tl::unexpected<Error> claim_taken_over();

class Idempotency final : public IdempotencyStore {
 public:
  Idempotency(Pool& pool, Workers& workers, Clock& clock)
      : pool_(pool), workers_(workers), clock_(clock) {}

  void begin(const IdempotencyKey& key, Duration lease, bool durable,
             std::function<void(Result<Claim>)> done) override;
  void finish(const ClaimedKey& claim, StoredAnswer answer,
              std::function<void(Status)> done) override;
  void release(const ClaimedKey& claim, Effect effect, std::function<void(Status)> done) override;

  // Ends the claims that were begun here and not ended, so that others need not wait for their
  // leases. Notes stay.
  void release_all();

 private:
  using Tokens =
      std::multimap<std::pair<std::string, std::string>, std::int64_t>;  // by tenant, key

  Result<Claim> claim(const IdempotencyKey& key, Duration lease, bool durable);
  Status store(const ClaimedKey& claim, const StoredAnswer& answer);
  Status end(const ClaimedKey& claim, Effect effect);
  void forget(const ClaimedKey& claim, const Status& ended);
  void end_unended();
  Status give_back(const Tokens& claims);
  void sweep_if_due();
  void sweep();

  Pool& pool_;
  Workers& workers_;
  Clock& clock_;
  std::atomic<std::int64_t> next_sweep_{0};  // milliseconds since the epoch
  std::mutex mutex_;
  // Of the claims that last; this and the next guarded by mutex_.
  std::map<std::pair<std::string, std::string>, std::int64_t> held_;
  // Of those that nobody works under any more, and that the server may still have: it gave no
  // answer when they were made or ended.
  Tokens unended_;
};

}  // namespace mesh::postgres
