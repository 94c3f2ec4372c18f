// The engines of a configuration, as the ports that the rest of the daemon sees.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/cipher/tenant_cipher.h"
#include "common/config/config.h"
#include "common/domain/server_finding.h"
#include "common/ports/embedders.h"
#include "common/ports/event_index.h"
#include "common/ports/event_log.h"
#include "common/ports/idempotency_store.h"
#include "common/ports/key_store.h"
#include "common/ports/lease_store.h"
#include "common/ports/log_import.h"
#include "common/ports/member_store.h"
#include "common/ports/outbox.h"
#include "common/ports/projection_store.h"
#include "common/ports/property_extractor.h"
#include "common/ports/rate_limiter.h"
#include "common/ports/read_cache.h"
#include "common/ports/retry_store.h"
#include "common/ports/stores.h"
#include "common/ports/task_store.h"
#include "common/ports/tenant_data.h"
#include "common/ports/tenant_store.h"
#include "common/ports/usage_store.h"
#include "common/ports/user_store.h"
#include "common/ports/vector_index.h"
#include "common/telemetry/metrics.h"
#include "common/telemetry/usage.h"
#include "daemon/services/check.h"

namespace mesh {

struct Ports {
  EventLog& log;
  LogAdmin& log_admin;
  UserStore& users;
  LeaseStore& leases;
  Outbox& outbox;
  TenantStore& tenants;
  IdempotencyStore& idempotency;
  TaskStore& tasks;
  MemberStore& members;
  RetryStore& retries;
  AnalyticsStore& analytics;
  ChemicalStore& chemical;
  UsageStore& usage;
  TenantData& tenant_data;
  KeyStore& keys;
  VectorIndex& index;
  EventIndex& events;
  RateLimiter& limiter;
  Embedders& embedders;
  PropertyExtractor& extractor;
  // Reads of users, analytics and chemical events ask another server, rather than a file of this
  // machine: their routes then run on the blocking workers.
  bool reads_wait = false;
  // Where answers are kept; null: they are computed each time.
  ReadCache* summaries = nullptr;
  ReadCache* searches = nullptr;
  // Whoever has removed a tenant's keys calls it: this process reads with them no more, at once.
  std::function<void(const TenantId&)> forget_keys = [](const TenantId&) {};
  // For how long another process may write events by what it knew of their generations before.
  Duration events_settle{0};
};

class Engines {
 public:
  // Called where stored data can no longer be trusted (a failed fsync): must end the process.
  using OnFatal = std::function<void(const Error&)>;

  // Opens what the configuration names, the data folder and its lock first. `conflict` where the
  // folder is in use, half repaired, or lacks a file; `corrupt` where a file is damaged.
  static Result<std::unique_ptr<Engines>> open(const config::Config& config, OnFatal on_fatal,
                                               Clock& clock, Metrics& metrics, Usage& usage);
  virtual ~Engines() = default;

  // As long as the engines.
  virtual const Ports& ports() const = 0;
  // The state of what they keep their data in. Any thread.
  virtual std::vector<services::Check> checks() const = 0;
  // What an operator should know of the servers behind them; asks each, and blocks as long as those
  // that do not answer let it. Any thread.
  virtual std::vector<ExaminedServer> examine() const = 0;
  // Sets the gauges of what they hold; may block. One thread at a time.
  virtual void set_gauges(Metrics& metrics) const = 0;
  // Finishes what was submitted; what comes later is refused. Callable twice.
  virtual void close() = 0;
};

// Those of record alone, at rest: for moving what they hold. Nothing of an embedded log expires.
class EnginesOfRecord {
 public:
  // As Engines::open. Where nothing is to be there yet, the data folder is made; else `not_found`
  // where an embedded engine has no file, or PostgreSQL no schema; a schema that is there stays as
  // it is, and is `conflict` where an older program made it.
  static Result<std::unique_ptr<EnginesOfRecord>> open(const config::Config& config, bool filled,
                                                       Engines::OnFatal on_fatal, Clock& clock,
                                                       Metrics& metrics, Usage& usage);
  virtual ~EnginesOfRecord() = default;
  virtual EventLog& log() = 0;  // encrypted values come, and go, as they are
  virtual LogAdmin& admin() = 0;
  virtual LogImport& import() = 0;
  virtual Stores& stores() = 0;
  // Null where the configuration names no master key, or nothing is to be there yet.
  virtual cipher::TenantCipher* cipher() = 0;
};

}  // namespace mesh
