// The embedded stores of record: users, leases, outbox, tenants, idempotency, tasks, projections,
// retries. One SQLite file, one committer, so that a change and its event are one transaction.
#pragma once

#include <memory>
#include <string>

#include "common/base/clock.h"
#include "common/engines/sqlite/core/database.h"
#include "common/engines/sqlite/store/email_keys.h"
#include "common/ports/idempotency_store.h"
#include "common/ports/lease_store.h"
#include "common/ports/member_store.h"
#include "common/ports/outbox.h"
#include "common/ports/projection_store.h"
#include "common/ports/retry_store.h"
#include "common/ports/task_store.h"
#include "common/ports/tenant_store.h"
#include "common/ports/user_store.h"

namespace mesh::sqlite {

struct StoreOptions {
  std::size_t max_pending_bytes = 64 << 20;
  std::function<void(const Error&)> on_fatal;
  std::function<void(double seconds, int jobs)> on_commit;
};

// `dir`/store.db. The caller holds the DirectoryLock of `dir`. The ports live as long as the store.
class SqliteStore {
 public:
  // Makes the file where it is missing, and brings an older one up to date. `corrupt` where its
  // write-ahead log or what is read of it is damaged, `conflict` for a newer program's file,
  // `unavailable` where it cannot be opened.
  static Result<std::unique_ptr<SqliteStore>> open(const std::string& dir, StoreOptions options,
                                                   Clock& clock);
  virtual ~SqliteStore() = default;
  virtual UserStore& users() = 0;
  virtual LeaseStore& leases() = 0;
  virtual MemberStore& members() = 0;
  virtual Outbox& outbox() = 0;
  virtual TenantStore& tenants() = 0;
  virtual IdempotencyStore& idempotency() = 0;
  virtual TaskStore& tasks() = 0;
  virtual AnalyticsStore& analytics() = 0;
  virtual ChemicalStore& chemical() = 0;
  virtual RetryStore& retries() = 0;
  // Pairs of users with one e-mail address, of the time when an older program told theirs apart: at
  // most `limit`. Each is logged at the opening, too.
  virtual Result<std::vector<AlikeUsers>> alike(int limit) = 0;
  // Finishes what was submitted; later changes are `unavailable`. Callable twice.
  virtual void close() = 0;
};

}  // namespace mesh::sqlite
