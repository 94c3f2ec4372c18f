// Answers remembered under a client's Idempotency-Key (draft-ietf-httpapi-idempotency-key-header).
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/domain/tenant.h"

namespace mesh {

struct IdempotencyKey {
  TenantId tenant;
  std::string key;          // 1…255 bytes: what the client sent, or made of it
  std::string fingerprint;  // hash of route and payload
};

// An answer as its caller gave it; a store keeps it and reads nothing in it.
struct StoredAnswer {
  int code = 1;  // the caller's, as a status; over 0
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers{};  // names and values, as Location
};

// What a claimant holds. The token fences off one that was too slow: once another has claimed the
// key, calls with the token before are a `conflict` and change nothing.
struct ClaimedKey {
  IdempotencyKey key;
  std::int64_t token = 0;
};

struct Claim {
  enum class State {
    fresh,        // nobody worked under the key
    interrupted,  // somebody did, whose work may have been done, and no answer is known
    answered      // `answer` is what it came to; nothing was claimed
  };
  State state = State::fresh;
  Timestamp began{};  // when the work began; of interrupted work its first try
  StoredAnswer answer;
  std::int64_t token = 0;
};

// Whether the work of a claim that ends without an answer may have been done.
enum class Effect { none, possible };

// Scope is (tenant, key); answers are kept for 24 h. Any thread. A `done` is called exactly once,
// maybe before its call returns, else from a thread of the engine's; it must not block.
class IdempotencyStore {
 public:
  virtual ~IdempotencyStore() = default;
  // Claims the key for `lease`, or tells what is stored under it, in one step. `conflict` while
  // another's claim lasts; `unprocessable` when the key was used with another payload. A claim
  // that was neither finished nor released when its lease has passed, by the engine's clock, is the
  // next claimant's; until one comes it stays good.
  //
  // `durable` is for work whose effect and answer are not one transaction: that it began, and when,
  // is noted durably before `done`. While there is a note the key's next claims are `interrupted`;
  // finish replaces it.
  virtual void begin(const IdempotencyKey& key, Duration lease, bool durable,
                     std::function<void(Result<Claim>)> done) = 0;
  // Stores the answer, durably before `done`, and ends the claim, also where that fails.
  virtual void finish(const ClaimedKey& claim, StoredAnswer answer,
                      std::function<void(Status)> done) = 0;
  // Ends the claim; nothing is stored. The note goes where the work, with all its tries, had no
  // effect. Also after a store of record stored the answer by itself, which stays.
  virtual void release(const ClaimedKey& claim, Effect effect,
                       std::function<void(Status)> done) = 0;
};

}  // namespace mesh
