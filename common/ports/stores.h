// The stores of record of one engine: they share its transactions, so that a change and its event
// are one.
#pragma once

#include "common/ports/epoch_store.h"
#include "common/ports/idempotency_store.h"
#include "common/ports/key_store.h"
#include "common/ports/lease_store.h"
#include "common/ports/member_store.h"
#include "common/ports/outbox.h"
#include "common/ports/projection_store.h"
#include "common/ports/retry_store.h"
#include "common/ports/store_transfer.h"
#include "common/ports/task_store.h"
#include "common/ports/tenant_data.h"
#include "common/ports/tenant_store.h"
#include "common/ports/usage_store.h"
#include "common/ports/user_store.h"

namespace mesh {

// The ports live as long as the stores. Any thread.
class Stores {
 public:
  virtual ~Stores() = default;
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
  virtual EpochStore& epochs() = 0;
  virtual StoreTransfer& transfer() = 0;
  virtual UsageStore& usage() = 0;
  virtual TenantData& tenant_data() = 0;
  virtual KeyStore& keys() = 0;
  // Finishes what was submitted; later changes are `unavailable`. Callable twice.
  virtual void close() = 0;
};

}  // namespace mesh
