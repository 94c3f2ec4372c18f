// The outbox as rows, and the way for other stores to write events into it.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>

#include "common/domain/event.h"
#include "common/engines/postgres/pool.h"
#include "common/engines/postgres/workers.h"
#include "common/ports/outbox.h"

namespace mesh::postgres {

class PostgresOutbox final : public Outbox {
 public:
  PostgresOutbox(Pool& pool, Workers& workers, Clock& clock);

  // Adds the records, in a transaction that holds the locks of their tenants' rows. Sequences come
  // from nextval('outbox_sequence') under these locks.
  Query add_query(const std::vector<std::int64_t>& sequences,
                  const std::vector<Event>& events) const;
  // Tells the readers of other processes, once the transaction commits.
  Query notify_query() const;
  // Entries were committed here, or may have been.
  void added();
  // What another process said (see Listener).
  void heard(const std::string& text);

  std::unique_ptr<OutboxReader> open(const Lease& lease) override;
  Result<bool> holds(std::int64_t first, std::int64_t last) override;
  std::int64_t size() const override;  // one round trip; the last known while the server is away

 private:
  class Reader;

  Pool& pool_;
  Workers& workers_;
  Clock& clock_;
  const std::string id_;  // what this store's notifications say
  mutable std::atomic<std::int64_t> size_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::int64_t additions_ = 0;  // commits that added entries, as far as known; guarded by mutex_
};

}  // namespace mesh::postgres
