// Erases all that the mesh keeps of a tenant, or of one of its users, and says so in a receipt.
//
//   close the tenant → wait for what is under way → users, outbox → wait for the pipelines → store,
//   log, keys, index, caches → count again, and erase again what came in between → the tenant's
//   record → receipt
//
// Every step may be done twice, so that whoever takes the task over begins with them anew; what was
// erased so far is in the checkpoint. Nothing here trusts a step: the receipt is written once a
// whole count found nothing that can go.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/domain/erasure.h"
#include "common/ports/event_index.h"
#include "common/ports/event_log.h"
#include "common/ports/key_store.h"
#include "common/ports/outbox.h"
#include "common/ports/read_cache.h"
#include "common/ports/task_store.h"
#include "common/ports/tenant_data.h"
#include "common/ports/tenant_store.h"
#include "common/ports/user_store.h"
#include "common/ports/vector_index.h"
#include "daemon/pipeline/tasks/tasks.h"

namespace mesh::pipeline {

struct ErasureDeps {
  EventLog& log;
  LogAdmin& admin;
  UserStore& users;
  TenantStore& tenants;
  TaskStore& tasks;  // whose rebuilds of events are waited for
  TenantData& data;
  KeyStore& keys;
  Outbox& outbox;
  VectorIndex& index;
  EventIndex& events;
  std::vector<ReadCache*> caches;
  // This process reads with the tenant's keys no more: else what is counted behind their drop might
  // be what it remembers them for.
  std::function<void(const TenantId&)> forget_keys;
  // Places of these engines that tell nobody whose what is, with why it remains.
  std::vector<KeptPart> uncounted;
  Clock& clock;
  std::string version;  // of this meshd, for receipts
  // A receipt's signature; empty: this process has no key, and erases nothing.
  std::function<std::string(const Json& receipt)> sign;
  // After this long nothing comes any more of what was under way when a tenant was closed: requests
  // of processes that did not know it yet, and the minute of use that they counted.
  Duration settle;
  // After this long whoever holds a parked event in memory has tried it again, and what came of it
  // is seen. So often at most.
  Duration park;
  int max_attempts = 8;
};

// What a task of kind "erasure" is submitted with. With `dry_run` it counts, and changes nothing.
Json erasure_spec(const ErasureTarget& target, bool dry_run);
bool is_dry_run(const Task& task);

// `conflict` with how to make a key: the request is a good one.
tl::unexpected<Error> no_receipt_key();

// Any thread.
class Erasure {
 public:
  explicit Erasure(ErasureDeps deps) : deps_(std::move(deps)) {}
  // The work of a task of kind "erasure". Result {"parts":[{"place","count","erased","remains"}],
  // "found"} of a dry run; else {"parts",…,"erased","remaining","receipt":{"receipt","signature"}},
  // the latter at its end; while it waits {"waits_for":[who]}. `count` is what is there now.
  // `conflict` where something of the target keeps coming; a tenant stays closed then, as it does
  // where the task is cancelled, until the same is asked for again or its record is removed.
  Status run(TaskContext& context);

 private:
  const ErasureDeps deps_;
};

}  // namespace mesh::pipeline
