#include "common/engines/postgres/idempotency.h"

#include <random>

#include "common/engines/postgres/stored_json.h"
#include "common/telemetry/log.h"

namespace mesh::postgres {
namespace {

constexpr Duration kSweepEvery = std::chrono::minutes(1);
constexpr std::int64_t kSweepRows = 500;  // of one statement, so that nobody waits long for a row

// A name of the claim that its claimant gives itself: to begin again, after the answer was lost,
// is then the same claim.
std::int64_t new_token() {
  thread_local std::mt19937_64 random{std::random_device{}()};
  return static_cast<std::int64_t>(random() >> 2U) + 1;
}

Result<StoredAnswer> read_answer(const Rows& rows, int code, int body, int headers) {
  StoredAnswer answer{static_cast<int>(rows.integer(0, code)), rows.string(0, body), {}};
  if (rows.text(0, headers).empty()) return answer;
  const auto json = MESH_TRY(parse_stored(rows.text(0, headers), "a stored answer"));
  if (!json.is_array()) return fail(damaged("a stored answer"));
  for (const auto& field : json) {
    const bool pair =
        field.is_array() && field.size() == 2 && field[0].is_string() && field[1].is_string();
    if (!pair) return fail(damaged("a stored answer"));
    answer.headers.emplace_back(field[0], field[1]);
  }
  return answer;
}

// One statement, so that of claimants at once one gets the key. Claims without a note need not be
// on the disk: where a crash loses one, its work finds that it has no claim. The columns: whether
// it is claimed, and what was there before.
// A claim is held no more once its process has lost its connection, as one that was killed: what it
// began is then another's to go on with.
constexpr const char* kClaim =
    "WITH t AS MATERIALIZED (SELECT mesh_now() AS now),"
    " old AS MATERIALIZED (SELECT code,created_at,fingerprint,body,headers,"
    "   CASE WHEN token<>0 AND token<>$6 AND held_until>(SELECT now FROM t) THEN"
    "     EXISTS(SELECT FROM pg_locks l JOIN pg_database d ON d.oid=l.database"
    "       WHERE l.locktype='advisory' AND l.classid::bigint=$9 AND l.objid::bigint=i.holder"
    "       AND d.datname=current_database()) ELSE false END AS held,"
    "   code IS NOT NULL AND created_at>(SELECT now FROM t)-$7 AS kept"
    "   FROM idempotency i WHERE tenant=$1 AND key=$2 FOR UPDATE),"
    " known AS (INSERT INTO tenants(id) SELECT $1 WHERE $5 ON CONFLICT DO NOTHING),"
    " made AS (INSERT INTO idempotency(tenant,key,fingerprint,code,created_at,token,holder,"
    "     held_until)"
    "   SELECT $1,$2,$3,CASE WHEN $5 THEN 0 END,now,$6,$8,now+$4 FROM t"
    "   WHERE NOT EXISTS(SELECT FROM old) ON CONFLICT DO NOTHING RETURNING 1),"
    " taken AS (UPDATE idempotency i SET token=$6,holder=$8,held_until=(SELECT now FROM t)+$4,"
    "   fingerprint=$3,"
    "   code=CASE WHEN old.kept THEN i.code WHEN $5 THEN 0 END,"
    "   created_at=CASE WHEN old.kept THEN i.created_at ELSE (SELECT now FROM t) END,"
    "   body=NULL,headers=NULL,user_id=0"
    "   FROM old WHERE i.tenant=$1 AND i.key=$2 AND NOT old.held"
    "   AND NOT (old.kept AND (old.code>0 OR old.fingerprint<>$3)) RETURNING 1)"
    " SELECT EXISTS(SELECT FROM made) OR EXISTS(SELECT FROM taken),"
    " EXISTS(SELECT FROM old), coalesce(old.held,false), coalesce(old.kept,false),"
    " old.fingerprint=$3, old.code, old.body, old.headers, old.created_at, t.now,"
    " CASE WHEN NOT $5 THEN set_config('synchronous_commit','off',true) END"
    " FROM t LEFT JOIN old ON true";

}  // namespace

std::string headers_text(const StoredAnswer& answer) {
  return answer.headers.empty() ? std::string() : dump(Json(answer.headers));
}

tl::unexpected<Error> claim_taken_over() {
  return fail(ErrorKind::conflict,
              "another request took this Idempotency-Key over: repeat it for its answer");
}

Result<Claim> Idempotency::claim(const IdempotencyKey& key, Duration lease, bool durable) {
  constexpr int kClaimed = 0, kFound = 1, kHeld = 2, kKept = 3, kSame = 4, kCode = 5, kBody = 6,
                kHeaders = 7, kCreated = 8, kNow = 9;
  const std::int64_t token = new_token();
  constexpr int kTries = 3;
  for (int i = 0; i < kTries; ++i) {
    const auto answer = pool_.run(Repeat::harmless, [&](Session& session) {
      return session.run(query(kClaim, key.tenant, Bytes{key.key}, Bytes{key.fingerprint}, lease,
                               durable, token, kKeepAnswers, pool_.holder(), kHolderLock));
    });
    if (!answer) {
      std::lock_guard lock(mutex_);
      if (answer.error().kind == ErrorKind::uncertain) {
        unended_.insert({{key.tenant.str(), key.key}, token});
      }
      return fail(answer.error());
    }
    const Rows& rows = *answer;
    Claim claim;
    const bool kept = rows.flag(0, kKept);
    if (rows.flag(0, kClaimed)) {
      claim.token = token;
      claim.state = kept ? Claim::State::interrupted : Claim::State::fresh;
      claim.began = rows.time(0, kept ? kCreated : kNow);
      return claim;
    }
    // Another made the row since the statement began: it is seen by the next.
    if (!rows.flag(0, kFound)) continue;
    if (rows.flag(0, kHeld)) break;
    if (!rows.flag(0, kSame)) {
      return fail(ErrorKind::unprocessable,
                  "this Idempotency-Key was used with another request: take a new key");
    }
    claim.state = Claim::State::answered;
    claim.began = rows.time(0, kCreated);
    claim.answer = MESH_TRY(read_answer(rows, kCode, kBody, kHeaders));
    return claim;
  }
  return fail(ErrorKind::conflict,
              "a request with this Idempotency-Key is still being handled: try again later");
}

void Idempotency::begin(const IdempotencyKey& key, Duration lease, bool durable,
                        std::function<void(Result<Claim>)> done) {
  sweep_if_due();
  workers_.submit(key.tenant.str(), key.key, 256 + key.key.size(),
                  [this, key, lease, durable, done = std::move(done)](Status turn) {
                    if (!turn) return done(fail(std::move(turn.error())));
                    end_unended();
                    auto begun = claim(key, lease, durable);
                    if (begun && begun->token != 0) {
                      std::lock_guard lock(mutex_);
                      held_[{key.tenant.str(), key.key}] = begun->token;
                    }
                    done(std::move(begun));
                  });
}

Status Idempotency::store(const ClaimedKey& claim, const StoredAnswer& answer) {
  const auto rows = MESH_TRY(pool_.run(Repeat::never, [&](Session& session) {
    return session.run(query(
        "WITH known AS (INSERT INTO tenants(id) SELECT $1 WHERE EXISTS(SELECT FROM idempotency"
        "   WHERE tenant=$1 AND key=$2 AND token=$3) ON CONFLICT DO NOTHING)"
        " UPDATE idempotency i SET token=0,held_until=0,"
        " code=CASE WHEN o.answered THEN i.code ELSE $4 END,"
        " body=CASE WHEN o.answered THEN i.body ELSE $5 END,"
        " headers=CASE WHEN o.answered THEN i.headers ELSE $6 END,"
        " created_at=CASE WHEN o.answered THEN i.created_at ELSE mesh_now() END"
        " FROM (SELECT coalesce(code,0)>0 AND created_at>mesh_now()-$7 AS answered"
        "   FROM idempotency WHERE tenant=$1 AND key=$2 FOR UPDATE) o"
        " WHERE i.tenant=$1 AND i.key=$2 AND i.token=$3 RETURNING o.answered",
        claim.key.tenant, Bytes{claim.key.key}, claim.token, answer.code, Bytes{answer.body},
        headers_text(answer), kKeepAnswers));
  }));
  if (rows.size() == 0 || rows.flag(0, 0)) return claim_taken_over();
  return {};
}

void Idempotency::finish(const ClaimedKey& claim, StoredAnswer answer,
                         std::function<void(Status)> done) {
  const std::size_t bytes =
      256 + claim.key.key.size() + answer.body.size() + headers_text(answer).size();
  workers_.submit(claim.key.tenant.str(), claim.key.key, bytes,
                  [this, claim, answer = std::move(answer), done = std::move(done)](Status turn) {
                    if (turn) turn = store(claim, answer);
                    forget(claim, turn);
                    done(std::move(turn));
                  });
}

Status Idempotency::end(const ClaimedKey& claim, Effect effect) {
  const auto rows = MESH_TRY(pool_.run(Repeat::never, [&](Session& session) {
    return session.run(
        query("WITH gone AS (DELETE FROM idempotency WHERE tenant=$1 AND key=$2 AND token=$3"
              "   AND (code IS NULL OR ($4 AND code=0)) RETURNING 1),"
              " kept AS (UPDATE idempotency SET token=0,held_until=0 WHERE tenant=$1 AND key=$2"
              "   AND token=$3 AND code IS NOT NULL AND NOT ($4 AND code=0) RETURNING 1)"
              " SELECT EXISTS(SELECT FROM gone) OR EXISTS(SELECT FROM kept),"
              // What a crash brings back ends by its lease.
              " set_config('synchronous_commit','off',true)",
              claim.key.tenant, Bytes{claim.key.key}, claim.token, effect == Effect::none));
  }));
  if (!rows.flag(0, 0)) return claim_taken_over();
  return {};
}

void Idempotency::release(const ClaimedKey& claim, Effect effect,
                          std::function<void(Status)> done) {
  workers_.submit(claim.key.tenant.str(), claim.key.key, 256 + claim.key.key.size(),
                  [this, claim, effect, done = std::move(done)](Status turn) {
                    if (turn) turn = end(claim, effect);
                    forget(claim, turn);
                    done(std::move(turn));
                  });
}

void Idempotency::forget(const ClaimedKey& claim, const Status& ended) {
  const std::pair name(claim.key.tenant.str(), claim.key.key);
  std::lock_guard lock(mutex_);
  if (!ended && ended.error().retryable()) unended_.insert({name, claim.token});
  const auto held = held_.find(name);
  if (held != held_.end() && held->second == claim.token) held_.erase(held);
}

// Whoever repeats a request after an outage, here or elsewhere, would else wait for the lease of
// the first try.
void Idempotency::end_unended() {
  Tokens claims;
  {
    std::lock_guard lock(mutex_);
    claims.swap(unended_);
  }
  if (give_back(claims)) return;
  std::lock_guard lock(mutex_);
  unended_.merge(claims);
}

void Idempotency::release_all() {
  Tokens claims;
  {
    std::lock_guard lock(mutex_);
    claims.swap(unended_);
    claims.insert(held_.begin(), held_.end());
    held_.clear();
  }
  // They end by their leases all the same.
  if (const auto ended = give_back(claims); !ended) {
    log::warn("claims of Idempotency-Keys were not given back",
              {{"cause", ended.error().to_string()}});
  }
}

Status Idempotency::give_back(const Tokens& claims) {
  if (claims.empty()) return {};
  std::vector<std::string> tenants;
  BytesList keys;
  std::vector<std::int64_t> tokens;
  for (const auto& [name, token] : claims) {
    tenants.push_back(name.first);
    keys.items.push_back(name.second);
    tokens.push_back(token);
  }
  (void)MESH_TRY(pool_.run(Repeat::harmless, [&](Session& session) {
    return session.run({
        query("DELETE FROM idempotency i USING unnest($1,$2,$3) AS h(tenant,key,token)"
              " WHERE i.tenant=h.tenant AND i.key=h.key AND i.token=h.token AND i.code IS NULL",
              tenants, keys, tokens),
        query("UPDATE idempotency i SET token=0,held_until=0"
              " FROM unnest($1,$2,$3) AS h(tenant,key,token)"
              " WHERE i.tenant=h.tenant AND i.key=h.key AND i.token=h.token",
              tenants, keys, tokens),
    });
  }));
  return {};
}

// No thread of its own: answers are only added after a begin, so begins are often enough.
void Idempotency::sweep_if_due() {
  const std::int64_t now = clock_.now().time_since_epoch().count();
  std::int64_t due = next_sweep_;
  if (now < due || !next_sweep_.compare_exchange_strong(due, now + kSweepEvery.count())) return;
  sweep();
}

void Idempotency::sweep() {
  workers_.submit({}, {}, 64, [this](Status turn) {
    if (!turn) return;  // the next begin sweeps
    const auto rows = pool_.run(Repeat::harmless, [&](Session& session) {
      return session.run(
          query("DELETE FROM idempotency WHERE (tenant,key) IN (SELECT tenant,key FROM idempotency"
                " WHERE created_at<=(SELECT mesh_now())-$1 AND held_until<=(SELECT mesh_now())"
                " ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED)",
                kKeepAnswers, kSweepRows));
    });
    // A full statement means that there may be more; others have their turns between.
    if (rows && rows->changed() == kSweepRows) return sweep();
    if (!rows && !rows.error().retryable()) {
      log::warn("expired idempotency answers could not be removed",
                {{"error", rows.error().to_string()}});
    }
  });
}

}  // namespace mesh::postgres
