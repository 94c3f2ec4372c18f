// Looking into an outbox, and emptying it as a relay does.
#pragma once

#include <future>
#include <utility>
#include <vector>

#include "common/ports/lease_store.h"
#include "common/ports/outbox.h"

namespace mesh::test {

// The oldest entries that wait.
inline Result<std::vector<OutboxEntry>> waiting(Outbox& outbox, int limit = 1'000'000) {
  return outbox.open({})->next(limit);
}

inline std::vector<std::int64_t> sequences(const std::vector<OutboxEntry>& entries) {
  std::vector<std::int64_t> all;
  for (const OutboxEntry& entry : entries) all.push_back(entry.sequence);
  return all;
}

inline Status acknowledge(OutboxReader& reader, std::vector<std::int64_t> sequences) {
  std::promise<Status> done;
  reader.acknowledge(std::move(sequences), [&](Status s) { done.set_value(std::move(s)); });
  return done.get_future().get();
}

// For a moment as the one relay; `conflict` where there is one.
inline Status acknowledge(Outbox& outbox, LeaseStore& leases, std::vector<std::int64_t> sequences) {
  auto lease = MESH_TRY(leases.acquire("relay", "test", std::chrono::minutes(1)));
  if (!lease) return fail(ErrorKind::conflict, "another relay holds the lease");
  const Status acknowledged = acknowledge(*outbox.open(*lease), std::move(sequences));
  const Status released = leases.release(*lease);
  return acknowledged ? released : acknowledged;
}

}  // namespace mesh::test
