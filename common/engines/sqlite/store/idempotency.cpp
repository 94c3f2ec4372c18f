#include "common/engines/sqlite/store/idempotency.h"

#include "common/engines/sqlite/core/query.h"
#include "common/engines/sqlite/store/schema.h"
#include "common/engines/sqlite/store/stored_json.h"
#include "common/telemetry/log.h"

namespace mesh::sqlite {
namespace {

constexpr Duration kKeep = std::chrono::hours(24);
constexpr Duration kSweepEvery = std::chrono::minutes(1);
constexpr std::int64_t kSweepRows = 500;  // per job, so that no commit waits long for a sweep

constexpr int kReserved = 0;  // in place of a status: work began and no answer is known

// Tenant ids hold no NUL, so no two keys share a name.
std::string name_of(const IdempotencyKey& key) {
  std::string name = key.tenant.str();
  name.push_back('\0');
  return name += key.key;
}

using Headers = decltype(StoredAnswer::headers);

std::string headers_text(const Headers& headers) {
  return headers.empty() ? std::string() : dump(Json(headers));
}

Result<Headers> read_headers(std::string_view text) {
  Headers headers;
  if (text.empty()) return headers;
  const auto damaged = [] {
    return fail(damaged_file("store.db", "the header fields of a stored answer"));
  };
  const auto json = parse_stored(text);
  if (!json || !json->is_array()) return damaged();
  for (const auto& field : *json) {
    const bool pair =
        field.is_array() && field.size() == 2 && field[0].is_string() && field[1].is_string();
    if (!pair) return damaged();
    headers.emplace_back(field[0], field[1]);
  }
  return headers;
}

}  // namespace

Status store_answer(Database& db, const IdempotencyKey& key, const StoredAnswer& answer,
                    Timestamp now) {
  auto tenant = tenant_number(db, key.tenant);
  if (!tenant) return fail(std::move(tenant.error()));
  const std::string headers = headers_text(answer.headers);
  // Replaces an expired answer that was not swept yet; the claim keeps out any other.
  return execute(db,
                 "INSERT OR REPLACE INTO idempotency"
                 "(tenant,key,fingerprint,status,body,created_at,headers) VALUES(?,?,?,?,?,?,?)",
                 *tenant, key.key, key.fingerprint, answer.status, answer.body, now, headers);
}

SqliteIdempotency::Shard& SqliteIdempotency::shard_of(const std::string& name) {
  return shards_[std::hash<std::string>{}(name) % shards_.size()];
}

Status SqliteIdempotency::claim(const std::string& name) {
  Shard& shard = shard_of(name);
  std::lock_guard lock(shard.mutex);
  if (shard.claims.contains(name)) {
    return fail(ErrorKind::conflict,
                "a request with this Idempotency-Key is still being handled: try again later");
  }
  if (++claims_ > kMaxClaims) {
    --claims_;
    return fail(ErrorKind::unavailable,
                "too many requests with an Idempotency-Key are being handled: try again later");
  }
  shard.claims.emplace(name, false);
  return {};
}

void SqliteIdempotency::forget(const IdempotencyKey& key) {
  const std::string name = name_of(key);
  Shard& shard = shard_of(name);
  std::lock_guard lock(shard.mutex);
  if (shard.claims.erase(name) > 0) --claims_;
}

void SqliteIdempotency::release(const IdempotencyKey& key) {
  {
    const std::string name = name_of(key);
    Shard& shard = shard_of(name);
    std::lock_guard lock(shard.mutex);
    const auto held = shard.claims.find(name);
    if (held == shard.claims.end()) return;
    // The claim stays until the note is gone, so that nobody finds it in between.
    if (!std::exchange(held->second, false)) {
      shard.claims.erase(held);
      --claims_;
      return;
    }
  }
  committer_.submit(
      key.tenant.str(), 256 + key.key.size(),
      [key](Database& db) {
        return execute(db,
                       "DELETE FROM idempotency WHERE tenant=" MESH_TENANT_NUMBER
                       " AND key=? AND status=?",
                       key.tenant, key.key, kReserved);
      },
      // A note that stays makes the next claimant look for an effect that is not there.
      [this, key](const Status&) { forget(key); });
}

void SqliteIdempotency::reserve(const IdempotencyKey& key, Timestamp at,
                                std::function<void(Status)> done) {
  committer_.submit(
      key.tenant.str(), 256 + key.key.size(),
      [key, at](Database& db) {
        return store_answer(db, key, {kReserved, {}}, at);
      },
      [this, key, done = std::move(done)](Status status) {
        if (status) {
          const std::string name = name_of(key);
          Shard& shard = shard_of(name);
          std::lock_guard lock(shard.mutex);
          if (const auto held = shard.claims.find(name); held != shard.claims.end()) {
            held->second = true;
          }
        }
        done(std::move(status));
      });
}

Result<std::optional<Timestamp>> SqliteIdempotency::reserved(const IdempotencyKey& key) {
  const Timestamp oldest = clock_.now() - kKeep;
  return read_from(readers_, [&](Database& db) {
    return first_row(query(db,
                           "SELECT created_at FROM idempotency WHERE tenant=" MESH_TENANT_NUMBER
                           " AND key=? AND status=? AND created_at>?",
                           key.tenant, key.key, kReserved, oldest),
                     [](const Statement& row) { return timestamp(row, 0); });
  });
}

Result<std::optional<StoredAnswer>> SqliteIdempotency::begin(const IdempotencyKey& key) {
  sweep_if_due();
  // Claim first, then look: a claim is released only after its answer is committed, so whoever gets
  // it afterwards sees the answer.
  if (Status claimed = claim(name_of(key)); !claimed) return fail(std::move(claimed.error()));
  auto answer = stored(key);
  if (!answer || *answer) forget(key);
  return answer;
}

Result<std::optional<StoredAnswer>> SqliteIdempotency::stored(const IdempotencyKey& key) {
  const Timestamp oldest = clock_.now() - kKeep;
  return read_from(readers_, [&](Database& db) -> Result<std::optional<StoredAnswer>> {
    bool same_payload = true;
    Result<Headers> headers;
    auto answer =
        first_row(query(db,
                        "SELECT fingerprint,status,body,headers FROM idempotency"
                        " WHERE tenant=" MESH_TENANT_NUMBER " AND key=? AND created_at>?",
                        key.tenant, key.key, oldest),
                  [&](const Statement& row) {
                    same_payload = row.text(0) == key.fingerprint;
                    headers = read_headers(row.text(3));
                    return StoredAnswer{static_cast<int>(row.integer(1)), std::string(row.text(2))};
                  });
    if (!same_payload) {
      return fail(ErrorKind::unprocessable,
                  "this Idempotency-Key was used with another request: take a new key");
    }
    if (!headers) return fail(std::move(headers.error()));
    if (answer && *answer && (*answer)->status == kReserved) return std::optional<StoredAnswer>();
    if (answer && *answer) (*answer)->headers = std::move(*headers);
    return answer;
  });
}

void SqliteIdempotency::finish(const IdempotencyKey& key, StoredAnswer answer,
                               std::function<void(Status)> done) {
  const std::size_t bytes =
      256 + key.key.size() + answer.body.size() + headers_text(answer.headers).size();
  const Timestamp now = clock_.now();
  committer_.submit(
      key.tenant.str(), bytes,
      [key, answer = std::move(answer), now](Database& db) {
        return store_answer(db, key, answer, now);
      },
      [this, key, done = std::move(done)](Status status) {
        forget(key);
        done(std::move(status));
      });
}

// No thread of its own: answers are only added after a begin, so begins are often enough.
void SqliteIdempotency::sweep_if_due() {
  const std::int64_t now = clock_.now().time_since_epoch().count();
  std::int64_t due = next_sweep_;
  if (now < due || !next_sweep_.compare_exchange_strong(due, now + kSweepEvery.count())) return;
  sweep();
}

void SqliteIdempotency::sweep() {
  const Timestamp oldest = clock_.now() - kKeep;
  submit_with_result<std::int64_t>(
      committer_, 64,
      [oldest](Database& db) -> Result<std::int64_t> {
        Status swept = execute(db,
                               "DELETE FROM idempotency WHERE created_at<=? AND position IN"
                               " (SELECT position FROM idempotency ORDER BY position LIMIT ?)",
                               oldest, kSweepRows);
        if (!swept) return fail(std::move(swept.error()));
        return db.changes();
      },
      [this](Result<std::int64_t> removed) {
        if (removed && *removed == kSweepRows) return sweep();
        if (!removed && !removed.error().retryable()) {
          log::warn("expired idempotency answers could not be removed",
                    {{"error", removed.error().to_string()}});
        }
      });
}

}  // namespace mesh::sqlite
