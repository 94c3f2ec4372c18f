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

// In the place of an answer's code, which is never 0: work began and no answer is known.
constexpr int kNote = 0;
// No user has it: ids begin at 1.
constexpr std::int64_t kNobody = 0;

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

tl::unexpected<Error> taken_over() {
  return fail(ErrorKind::conflict,
              "another request took this Idempotency-Key over: repeat it for its answer");
}

// Takes the place of a note, and of what has expired and was not swept yet; `conflict` where there
// is an answer. The sweep finds the oldest by their position, which therefore is a new one.
Status insert(Database& db, const IdempotencyKey& key, const StoredAnswer& answer, Timestamp now,
              std::int64_t user_id = kNobody) {
  auto tenant = MESH_TRY(tenant_number(db, key.tenant));
  MESH_TRY(execute(db,
                   "INSERT INTO idempotency(tenant,key,fingerprint,status,body,created_at,headers,"
                   "user_id) VALUES(?,?,?,?,?,?,?,?) ON CONFLICT(tenant,key) DO UPDATE SET"
                   " position=(SELECT max(position)+1 FROM idempotency),"
                   " fingerprint=excluded.fingerprint,status=excluded.status,body=excluded.body,"
                   " created_at=excluded.created_at,headers=excluded.headers,"
                   "user_id=excluded.user_id"
                   " WHERE status=? OR created_at<=?",
                   tenant, key.key, key.fingerprint, answer.code, answer.body, now,
                   headers_text(answer.headers), user_id, kNote, now - kKeep));
  return db.changes() == 0 ? taken_over() : Status{};
}

}  // namespace

SqliteIdempotency::Shard& SqliteIdempotency::shard_of(const std::string& name) {
  return shards_[std::hash<std::string>{}(name) % shards_.size()];
}

Result<std::int64_t> SqliteIdempotency::claim(const std::string& name, Duration lease) {
  const SteadyTime now = clock_.steady();
  Shard& shard = shard_of(name);
  std::lock_guard lock(shard.mutex);
  const auto held = shard.claims.find(name);
  if (held != shard.claims.end()) {
    if (now < held->second.until) {
      return fail(ErrorKind::conflict,
                  "a request with this Idempotency-Key is still being handled: try again later");
    }
    // The lease has passed: its holder is fenced off by the token, and the note of its work stays.
    held->second = {++last_token_, now + lease, held->second.noted};
    return held->second.token;
  }
  // A bound for all shards together, so that a flood of keys cannot fill the memory.
  if (++claims_ > kMaxClaims) {
    --claims_;
    // Those whose claimants are gone are taken out of the way of later requests.
    claims_ -= static_cast<std::int64_t>(
        std::erase_if(shard.claims, [&](const auto& one) { return one.second.until <= now; }));
    return fail(ErrorKind::unavailable,
                "too many requests with an Idempotency-Key are being handled: try again later");
  }
  return shard.claims.emplace(name, Held{++last_token_, now + lease, false}).first->second.token;
}

Status SqliteIdempotency::check(const ClaimedKey& claim) {
  const std::string name = name_of(claim.key);
  Shard& shard = shard_of(name);
  std::lock_guard lock(shard.mutex);
  const auto held = shard.claims.find(name);
  if (held != shard.claims.end() && held->second.token == claim.token) return {};
  return taken_over();
}

void SqliteIdempotency::mark_noted(const ClaimedKey& claim) {
  const std::string name = name_of(claim.key);
  Shard& shard = shard_of(name);
  std::lock_guard lock(shard.mutex);
  // Also where another holds it by now: the note is of the key.
  if (const auto held = shard.claims.find(name); held != shard.claims.end()) {
    held->second.noted = true;
  }
}

void SqliteIdempotency::forget(const ClaimedKey& claim) {
  const std::string name = name_of(claim.key);
  Shard& shard = shard_of(name);
  std::lock_guard lock(shard.mutex);
  const auto held = shard.claims.find(name);
  if (held == shard.claims.end() || held->second.token != claim.token) return;
  shard.claims.erase(held);
  --claims_;
}

void SqliteIdempotency::begin(const IdempotencyKey& key, Duration lease, bool durable,
                              std::function<void(Result<Claim>)> done) {
  sweep_if_due();
  // Claim first, then look: a claim ends only after its answer is committed, so whoever gets it
  // afterwards sees the answer.
  const auto token = claim(name_of(key), lease);
  if (!token) return done(fail(token.error()));
  const ClaimedKey own{key, *token};
  auto found = read_from(readers_, [&](Database& db) { return look(db, key); });
  // Nothing is to be done, or could be: the claim would only keep others waiting.
  if (!found || found->state == Claim::State::answered) {
    forget(own);
    return done(std::move(found));
  }
  if (durable && found->state == Claim::State::fresh) return note(own, std::move(done));
  if (found->state == Claim::State::interrupted) mark_noted(own);
  found->token = own.token;
  done(std::move(found));
}

// Looks once more, within the transaction of the note: one who was too slow may have written its
// note, or its answer, since the claim was taken over from it.
void SqliteIdempotency::note(ClaimedKey own, std::function<void(Result<Claim>)> done) {
  // Set by the job, which may run twice, and read by its completion.
  auto claim = std::make_shared<Claim>();
  const Timestamp now = clock_.now();
  committer_.submit(
      own.key.tenant.str(), 256 + own.key.key.size(),
      [this, own, now, claim](Database& db) -> Status {
        MESH_TRY(check(own));
        *claim = MESH_TRY(look(db, own.key));
        if (claim->state != Claim::State::fresh) return {};
        claim->began = now;
        return insert(db, own.key, {kNote, {}, {}}, now);
      },
      [this, own, claim, done = std::move(done)](Status status) {
        if (!status || claim->state == Claim::State::answered) {
          forget(own);
        } else {
          mark_noted(own);
          claim->token = own.token;
        }
        status ? done(std::move(*claim)) : done(fail(std::move(status.error())));
      });
}

Result<Claim> SqliteIdempotency::look(Database& db, const IdempotencyKey& key) {
  const Timestamp now = clock_.now();
  Claim claim;
  claim.began = now;
  bool same_payload = true;
  Result<Headers> headers;
  (void)MESH_TRY(first_row(
      query(db,
            "SELECT fingerprint,status,body,headers,created_at FROM idempotency"
            " WHERE tenant=" MESH_TENANT_NUMBER " AND key=? AND created_at>?",
            key.tenant, key.key, now - kKeep),
      [&](const Statement& found) {
        same_payload = found.text(0) == key.fingerprint;
        headers = read_headers(found.text(3));
        claim.answer = {static_cast<int>(found.integer(1)), std::string(found.text(2)), {}};
        const bool note = claim.answer.code == kNote;
        claim.state = note ? Claim::State::interrupted : Claim::State::answered;
        claim.began = timestamp(found, 4);
        return true;
      }));
  if (!same_payload) {
    return fail(ErrorKind::unprocessable,
                "this Idempotency-Key was used with another request: take a new key");
  }
  if (!headers) return fail(std::move(headers.error()));
  claim.answer.headers = std::move(*headers);
  return claim;
}

Status SqliteIdempotency::store(Database& db, const ClaimedKey& claim, const StoredAnswer& answer,
                                Timestamp now, std::int64_t user_id) {
  MESH_TRY(check(claim));
  // The claim may have been taken over between a look at it and the commit behind that, so that one
  // who held it before has answered after all.
  return insert(db, claim.key, answer, now, user_id);
}

void SqliteIdempotency::finish(const ClaimedKey& claim, StoredAnswer answer,
                               std::function<void(Status)> done) {
  // The committer's account of what waits: the answer is held until it is durable.
  const std::size_t bytes =
      256 + claim.key.key.size() + answer.body.size() + headers_text(answer.headers).size();
  const Timestamp now = clock_.now();
  committer_.submit(
      claim.key.tenant.str(), bytes,
      [this, claim, answer = std::move(answer), now](Database& db) {
        return store(db, claim, answer, now, kNobody);
      },
      [this, claim, done = std::move(done)](Status status) {
        forget(claim);
        done(std::move(status));
      });
}

void SqliteIdempotency::release(const ClaimedKey& claim, Effect effect,
                                std::function<void(Status)> done) {
  bool remove = false;
  Status own;
  {
    const std::string name = name_of(claim.key);
    Shard& shard = shard_of(name);
    std::lock_guard lock(shard.mutex);
    const auto held = shard.claims.find(name);
    if (held == shard.claims.end() || held->second.token != claim.token) {
      own = taken_over();
    } else if (remove = effect == Effect::none && held->second.noted; !remove) {
      shard.claims.erase(held);
      --claims_;
    }
  }
  if (!own || !remove) return done(std::move(own));
  // The claim stays until the note is gone, so that nobody finds it in between. A note that cannot
  // be removed makes the next claimant look for an effect that is not there.
  committer_.submit(
      claim.key.tenant.str(), 256 + claim.key.key.size(),
      [this, claim](Database& db) -> Status {
        MESH_TRY(check(claim));
        return execute(db,
                       "DELETE FROM idempotency WHERE tenant=" MESH_TENANT_NUMBER
                       " AND key=? AND status=?",
                       claim.key.tenant, claim.key.key, kNote);
      },
      [this, claim, done = std::move(done)](Status status) {
        forget(claim);
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
        MESH_TRY(execute(db,
                         "DELETE FROM idempotency WHERE created_at<=? AND position IN"
                         " (SELECT position FROM idempotency ORDER BY position LIMIT ?)",
                         oldest, kSweepRows));
        return db.changes();
      },
      [this](Result<std::int64_t> removed) {
        // A full job means that there may be more; others' writes have their turns between.
        if (removed && *removed == kSweepRows) return sweep();
        // A full queue or a stop is no matter: the next begin sweeps.
        if (!removed && !removed.error().retryable()) {
          log::warn("expired idempotency answers could not be removed",
                    {{"error", removed.error().to_string()}});
        }
      });
}

}  // namespace mesh::sqlite
