// The embedded stores of record: users, leases, outbox, tenants, idempotency, tasks, projections,
// retries. One SQLite file, one committer, so that a change and its event are one transaction.
#pragma once

#include <memory>
#include <string>

#include "common/base/clock.h"
#include "common/engines/sqlite/core/database.h"
#include "common/engines/sqlite/store/email_keys.h"
#include "common/ports/stores.h"

namespace mesh::sqlite {

struct StoreOptions {
  std::size_t max_pending_bytes = 64 << 20;
  std::function<void(const Error&)> on_fatal;
  std::function<void(double seconds, int jobs)> on_commit;
};

// `dir`/store.db. The caller holds the DirectoryLock of `dir`.
class SqliteStore : public Stores {
 public:
  // Makes the file where it is missing, and brings an older one up to date. `corrupt` where its
  // write-ahead log or what is read of it is damaged, `conflict` for a newer program's file,
  // `unavailable` where it cannot be opened.
  static Result<std::unique_ptr<SqliteStore>> open(const std::string& dir, StoreOptions options,
                                                   Clock& clock);
  // Pairs of users with one e-mail address, of the time when an older program told theirs apart: at
  // most `limit`. Each is logged at the opening, too.
  virtual Result<std::vector<AlikeUsers>> alike(int limit) = 0;
};

}  // namespace mesh::sqlite
