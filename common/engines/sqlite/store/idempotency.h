// Stored answers in SQLite; claims in memory.
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

// Stores an answer within the transaction of the job that calls it.
Status store_answer(Database& db, const IdempotencyKey& key, const StoredAnswer& answer,
                    Timestamp now);

class SqliteIdempotency final : public IdempotencyStore {
 public:
  SqliteIdempotency(Committer& committer, ReaderPool& readers, Clock& clock)
      : committer_(committer), readers_(readers), clock_(clock) {}

  Result<std::optional<StoredAnswer>> begin(const IdempotencyKey& key) override;
  void reserve(const IdempotencyKey& key, Timestamp at, std::function<void(Status)> done) override;
  Result<std::optional<Timestamp>> reserved(const IdempotencyKey& key) override;
  void finish(const IdempotencyKey& key, StoredAnswer answer,
              std::function<void(Status)> done) override;
  void release(const IdempotencyKey& key) override;

 private:
  struct Shard {
    std::mutex mutex;
    std::unordered_map<std::string, bool> claims;  // guarded by mutex; whether it is reserved
  };
  static constexpr std::int64_t kMaxClaims = 100'000;

  Shard& shard_of(const std::string& name);
  Status claim(const std::string& name);
  void forget(const IdempotencyKey& key);  // ends the claim
  Result<std::optional<StoredAnswer>> stored(const IdempotencyKey& key);
  void sweep_if_due();
  void sweep();

  Committer& committer_;
  ReaderPool& readers_;
  Clock& clock_;
  std::array<Shard, 16> shards_;
  std::atomic<std::int64_t> claims_{0};
  std::atomic<std::int64_t> next_sweep_{0};  // milliseconds since the epoch
};

}  // namespace mesh::sqlite
