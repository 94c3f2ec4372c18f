// Answers remembered under a client's Idempotency-Key (draft-ietf-httpapi-idempotency-key-header).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/domain/tenant.h"

namespace mesh {

struct IdempotencyKey {
  TenantId tenant;
  std::string key;          // 1…255 printable characters, as the client sent it
  std::string fingerprint;  // hash of route and payload
};

struct StoredAnswer {
  int status = 0;
  std::string body;                                            // JSON
  std::vector<std::pair<std::string, std::string>> headers{};  // names and values, as Location
};

// Scope is (tenant, key); answers are kept for 24 h. Any thread.
class IdempotencyStore {
 public:
  virtual ~IdempotencyStore() = default;
  // Claims the key for this caller, who must finish or abandon it (nothing answered), or gives the
  // stored answer. `conflict` while another request holds it; `unprocessable` when it was used
  // with another payload.
  virtual Result<std::optional<StoredAnswer>> begin(const IdempotencyKey& key) = 0;
  // For work whose effect and answer are not one transaction. Notes durably, before `done`, that
  // work under the claimed key began at `at`; a finish replaces the note, a release removes it. So
  // after a crash between the effect and the answer the next claimant finds it.
  virtual void reserve(const IdempotencyKey& key, Timestamp at,
                       std::function<void(Status)> done) = 0;
  // When work under the claimed key began before; nothing where it never did.
  virtual Result<std::optional<Timestamp>> reserved(const IdempotencyKey& key) = 0;
  // Stores the answer, durably before `done`, and releases the claim.
  virtual void finish(const IdempotencyKey& key, StoredAnswer answer,
                      std::function<void(Status)> done) = 0;
  // Releases the claim; nothing is stored. Also after a store stored the answer by itself.
  virtual void release(const IdempotencyKey& key) = 0;
};

}  // namespace mesh
