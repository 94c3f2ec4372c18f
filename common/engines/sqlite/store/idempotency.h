// Stored answers and notes of work that began in SQLite; claims and their leases in memory, since a
// folder has one process.
#pragma once

#include <array>
#include <atomic>
#include <mutex>
#include <string>
#include <unordered_map>

#include "common/base/clock.h"
#include "common/engines/sqlite/core/committer.h"
#include "common/engines/sqlite/core/database.h"
#include "common/engines/sqlite/core/reader_pool.h"
#include "common/ports/idempotency_store.h"

namespace mesh::sqlite {

class SqliteIdempotency final : public IdempotencyStore {
 public:
  SqliteIdempotency(Committer& committer, ReaderPool& readers, Clock& clock)
      : committer_(committer), readers_(readers), clock_(clock) {}

  void begin(const IdempotencyKey& key, Duration lease, bool durable,
             std::function<void(Result<Claim>)> done) override;
  void finish(const ClaimedKey& claim, StoredAnswer answer,
              std::function<void(Status)> done) override;
  void release(const ClaimedKey& claim, Effect effect, std::function<void(Status)> done) override;

  // Stores an answer within the transaction of the job that calls it; `conflict` where the claim is
  // another's by now, or was and is answered. The claim stays. The answer holds what is known of
  // that user, 0: of none.
  Status store(Database& db, const ClaimedKey& claim, const StoredAnswer& answer, Timestamp now,
               std::int64_t user_id);

 private:
  struct Held {
    std::int64_t token = 0;
    SteadyTime until{};
    bool noted = false;  // there is a note of the work in the file
  };
  struct Shard {
    std::mutex mutex;
    std::unordered_map<std::string, Held> claims;  // guarded by mutex
  };
  static constexpr std::int64_t kMaxClaims = 100'000;

  Shard& shard_of(const std::string& name);
  Result<std::int64_t> claim(const std::string& name, Duration lease);
  Status check(const ClaimedKey& claim);  // `conflict` unless it is still its own
  void mark_noted(const ClaimedKey& claim);
  void forget(const ClaimedKey& claim);  // ends it, unless it is another's
  Result<Claim> look(Database& db, const IdempotencyKey& key);
  void note(ClaimedKey claim, std::function<void(Result<Claim>)> done);
  void sweep_if_due();
  void sweep();

  Committer& committer_;
  ReaderPool& readers_;
  Clock& clock_;
  std::array<Shard, 16> shards_;
  std::atomic<std::int64_t> claims_{0};
  std::atomic<std::int64_t> last_token_{0};
  std::atomic<std::int64_t> next_sweep_{0};  // milliseconds since the epoch
};

}  // namespace mesh::sqlite
