// The roles of a process that listen: what each is called, where it listens and what it serves.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "common/config/config.h"
#include "common/http/server.h"
#include "common/telemetry/metrics.h"
#include "common/telemetry/spans.h"
#include "common/telemetry/usage.h"
#include "daemon/console/routes.h"
#include "daemon/engines.h"
#include "daemon/pipelines.h"
#include "daemon/services/admin_overview.h"
#include "daemon/services/admission.h"
#include "daemon/services/check.h"
#include "daemon/services/event_tail.h"
#include "daemon/services/long_polls.h"
#include "daemon/services/quotas.h"
#include "daemon/services/recent_searches.h"
#include "daemon/services/tenant_directory.h"
#include "daemon/services/watches.h"
#include "daemon/services/write_wait.h"

namespace mesh {

// All but the functions outlive the routes.
struct RoleDeps {
  const config::Config& config;
  const Ports& ports;
  Pipelines& pipelines;
  services::TenantDirectory& directory;
  services::QuotaKeeper& quotas;
  services::Admission& admission;
  services::LongPolls& polls;
  services::WriteWaits& waits;
  services::RecentSearches& recent_searches;
  services::EventTail& tail;
  services::Watches& watches;
  console::Sessions& sessions;
  const services::OverviewAdminDeps* overview;  // null without the role admin
  pipeline::SearchableOf searchable;
  Clock& clock;
  Metrics& metrics;
  Usage& usage;
  Spans* spans;                   // null: no traces are sent
  const SigningKey* receipt_key;  // null: nothing is purged
  std::string version;
  std::function<std::string()> not_ready;  // empty: ready
  std::function<bool(const http::Request&)> is_operator;
  std::function<std::optional<std::string>(const std::string& token)> operator_of;
  std::function<Json()> running_config;
  std::function<Json()> running_settings;
  std::function<std::vector<services::Check>()> checks;
  std::function<std::vector<ExaminedServer>()> examine;
  std::function<std::vector<services::Check>()> dependencies;  // of them, those of engines
};

struct Listeners {
  std::vector<http::ListenerSpec> specs;
  std::map<std::string, std::size_t> of_role;  // where its spec stands
};
// Of the roles that the configuration names, with their routes and those of health. Equal addresses
// share a listener; port 0 is a free port for each.
Listeners make_listeners(const RoleDeps& deps);

}  // namespace mesh
