// The admin API, for operators: see docs/api.md. Every route asks for the operator's token.
#pragma once

#include <functional>
#include <memory>

#include "common/base/clock.h"
#include "common/base/document_signature.h"
#include "common/domain/server_finding.h"
#include "common/http/route.h"
#include "common/ports/event_log.h"
#include "common/ports/lease_store.h"
#include "common/ports/member_store.h"
#include "common/ports/rate_limiter.h"
#include "common/ports/retry_store.h"
#include "common/ports/task_store.h"
#include "common/ports/tenant_store.h"
#include "common/telemetry/usage.h"
#include "daemon/pipeline/consumer/runtime.h"
#include "daemon/pipeline/dead_letters/dead_letters.h"
#include "daemon/pipeline/event_index/event_indexing.h"
#include "daemon/pipeline/generations/generations.h"
#include "daemon/pipeline/replay/replay.h"
#include "daemon/pipeline/tasks/client_tasks.h"
#include "daemon/pipeline/tasks/tasks.h"
#include "daemon/pipeline/trace/user_state.h"
#include "daemon/services/check.h"
#include "daemon/services/long_polls.h"
#include "daemon/services/quotas.h"
#include "daemon/services/recent_searches.h"
#include "daemon/services/tenant_directory.h"
#include "daemon/services/write_wait.h"

namespace mesh::services {

// Topics, their records, single events, groups.
struct LogAdminDeps {
  EventLog& log;
  LogAdmin& admin;
  Clock& clock;
  RetryStore& retries;
  LongPolls& polls;  // where requests wait for records
  WriteWaits& waits;
  pipeline::TaskRunner& runner;
  // Of all pipelines that run here, for the groups' states.
  std::function<std::vector<pipeline::PipelineStatus>()> pipelines;
  // Told whose the events are that are appended; must not block.
  std::function<void(const TenantId&)> used = [](const TenantId&) {};
};
http::RouteTable log_routes(LogAdminDeps deps);

// Tenants, their rate limits and quotas, their event types.
struct TenantAdminDeps {
  TenantStore& tenants;
  TenantDirectory& directory;
  RateLimiter& limiter;
  WriteWaits& waits;
  QuotaKeeper& quotas;
  bool erases_records;  // of the log: without it no tenant has a retention of its own
};
http::RouteTable tenant_routes(TenantAdminDeps deps);
http::RouteTable type_routes(TenantAdminDeps deps);

// Erasing tenants and users, and what was said of it.
struct ErasureAdminDeps {
  TenantDirectory& directory;
  pipeline::TaskRunner& runner;
  const SigningKey* receipt_key;  // null: nothing is erased, no receipt is checked
};
http::RouteTable erasure_routes(ErasureAdminDeps deps);

// The processes of this mesh.
struct MemberAdminDeps {
  MemberStore& members;
  LeaseStore& leases;  // a holder is a member, by its id
};
http::RouteTable member_routes(MemberAdminDeps deps);

// What tenants used within the last minute.
struct UsageAdminDeps {
  const Usage& usage;
};
http::RouteTable usage_routes(UsageAdminDeps deps);

// Generations of the user index.
struct IndexAdminDeps {
  pipeline::Generations& generations;
  pipeline::TaskRunner& runner;
  VectorIndex& index;
  Embedders& embedders;
  TenantDirectory& tenants;
  const RecentSearches& recent;
  Clock& clock;
};
http::RouteTable index_routes(IndexAdminDeps deps);

struct EventIndexAdminDeps {
  pipeline::EventIndexing& events;
  pipeline::TaskRunner& runner;
};
http::RouteTable event_index_routes(EventIndexAdminDeps deps);

// Dead letters, replays, backups, tasks.
struct WorkAdminDeps {
  EventLog& log;
  LogAdmin& admin;
  Clock& clock;
  TaskStore& tasks;
  pipeline::TaskRunner& runner;
  pipeline::Replayer& replayer;
  pipeline::DeadLetters& dead_letters;
  LongPolls& polls;  // where requests wait for a task's end
  // Whether a backup can be made in this folder; what is in the way otherwise.
  std::function<Status(const std::string& folder)> can_back_up;
  TenantDirectory& tenants;
  WriteWaits& waits;
};
http::RouteTable work_routes(WorkAdminDeps deps);

// Tasks that clients do by themselves.
struct ClientTaskAdminDeps {
  pipeline::ClientTasks& tasks;
  Clock& clock;
};
http::RouteTable client_task_routes(ClientTaskAdminDeps deps);

// Single events and users: where they are, and why a search does not find them.
struct TraceAdminDeps {
  pipeline::UserPorts ports;
  TenantDirectory& directory;
};
http::RouteTable trace_routes(TraceAdminDeps deps);

// The running configuration and the state of what the process depends on.
struct ProcessAdminDeps {
  std::function<Json()> config;    // secrets masked
  std::function<Json()> settings;  // as daemon/reload.h says
  std::function<std::vector<Check>()> checks;
  std::function<std::vector<ExaminedServer>()> examine;  // blocks
};
http::RouteTable process_routes(ProcessAdminDeps deps);

}  // namespace mesh::services
