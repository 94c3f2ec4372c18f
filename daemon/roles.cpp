#include "daemon/roles.h"

#include <algorithm>

#include "common/config/listeners.h"
#include "daemon/backup.h"
#include "daemon/services/admin.h"
#include "daemon/services/admin_search.h"
#include "daemon/services/analytics.h"
#include "daemon/services/event_search.h"
#include "daemon/services/event_status.h"
#include "daemon/services/health.h"
#include "daemon/services/publish.h"
#include "daemon/services/search.h"
#include "daemon/services/usage.h"
#include "daemon/services/users.h"

namespace mesh {
namespace {

void append(http::RouteTable& to, http::RouteTable routes) {
  to.insert(to.end(), std::make_move_iterator(routes.begin()),
            std::make_move_iterator(routes.end()));
}

// Where a read asks another server, no loop waits for it.
http::RouteTable of_store(const RoleDeps& deps, http::RouteTable routes) {
  for (auto& route : routes) {
    if (deps.ports.reads_wait && route.pool == http::Pool::none) route.pool = http::Pool::quick;
  }
  return routes;
}

http::RouteTable users(const RoleDeps& deps) {
  return of_store(deps, services::users_routes(deps.ports.users, deps.ports.idempotency,
                                               deps.admission, deps.usage, deps.waits));
}

services::EventSearchDeps event_search(const RoleDeps& deps) {
  return {deps.ports.events,
          deps.ports.embedders,
          deps.ports.log_admin,
          deps.searchable,
          deps.clock,
          deps.metrics,
          deps.usage,
          deps.tail,
          deps.watches,
          &deps.admission,
          deps.config.vectors.events};
}

http::RouteTable gateway(const RoleDeps& deps) {
  auto routes = services::search_routes(
      deps.pipelines.serving_embedder, deps.ports.index, deps.clock, deps.metrics, deps.usage,
      deps.waits, deps.ports.searches, &deps.admission, &deps.recent_searches);
  append(routes, services::event_search_routes(event_search(deps)));
  return routes;
}

http::RouteTable publisher(const RoleDeps& deps) {
  return services::publish_routes({deps.ports.log, deps.ports.log_admin, deps.ports.idempotency,
                                   deps.directory, deps.admission, deps.clock, deps.metrics,
                                   deps.usage, deps.waits,
                                   topic_spec(deps.config.log, "", TopicKind::activity),
                                   deps.config.http.max_body, deps.spans});
}

pipeline::TracePorts trace_ports(const RoleDeps& deps) {
  const Ports& ports = deps.ports;
  return {ports.log,       ports.log_admin, ports.outbox,   ports.retries, ports.index,
          ports.embedders, ports.analytics, ports.chemical, deps.clock};
}

http::RouteTable subscriber(const RoleDeps& deps) {
  auto routes =
      services::analytics_routes(deps.ports.analytics, deps.ports.chemical, deps.ports.summaries);
  append(routes, services::own_usage_routes(deps.ports.usage, deps.clock));
  routes = of_store(deps, std::move(routes));
  append(routes, services::event_status_routes(trace_ports(deps)));
  return routes;
}

http::RouteTable admin(const RoleDeps& deps) {
  auto& log = deps.ports.log;
  auto& log_admin = deps.ports.log_admin;
  auto& pipelines = deps.pipelines;
  http::RouteTable all;
  for (auto& table :
       {services::log_routes({log, log_admin, deps.clock, deps.ports.retries, deps.polls,
                              deps.waits, pipelines.tasks,
                              [&pipelines] { return pipelines.statuses(); },
                              [&directory = deps.directory](const TenantId& tenant) {
                                directory.note_use(tenant);
                              }}),
        services::tenant_routes({deps.ports.tenants, deps.directory, deps.ports.limiter, deps.waits,
                                 deps.quotas, deps.ports.log_admin.erases_records()}),
        services::type_routes({deps.ports.tenants, deps.directory, deps.ports.limiter, deps.waits,
                               deps.quotas, deps.ports.log_admin.erases_records()}),
        services::erasure_routes({deps.directory, pipelines.tasks, deps.receipt_key}),
        services::usage_routes({deps.usage}),
        services::usage_totals_routes(deps.ports.usage, deps.directory, deps.clock),
        services::member_routes({deps.ports.members, deps.ports.leases}),
        services::overview_routes(*deps.overview),
        services::work_routes(
            {log, log_admin, deps.clock, deps.ports.tasks, pipelines.tasks, pipelines.replayer,
             pipelines.dead_letters, deps.polls,
             [&config = deps.config](const auto& folder) { return can_back_up(config, folder); },
             deps.directory, deps.waits}),
        services::index_routes({pipelines.generations, pipelines.tasks, deps.ports.index,
                                deps.ports.embedders, deps.directory, deps.recent_searches,
                                deps.clock}),
        services::event_index_routes({pipelines.events, pipelines.tasks}),
        services::client_task_routes({pipelines.client_tasks, deps.clock}),
        services::search_admin_routes({deps.ports.index, deps.directory, event_search(deps)}),
        services::trace_routes({{deps.ports.users, trace_ports(deps)}, deps.directory}),
        services::process_routes(
            {deps.running_config, deps.running_settings, deps.checks, deps.examine})}) {
    all.insert(all.end(), table.begin(), table.end());
  }
  for (auto& route : all) {
    // The way out of a limit is not behind it.
    if (!route.pattern.starts_with("/admin/v1/ratelimits")) route.scope = "admin";
  }
  append(all, console::routes({deps.sessions, deps.ports.leases, deps.clock, console::assets(),
                               deps.config.console, deps.config.http.tls.cert_file.has_value(),
                               deps.version, deps.operator_of}));
  return all;
}

struct Served {
  std::string_view role;
  std::string_view service;  // what /health calls a listener of this role alone
  http::RouteTable (*routes)(const RoleDeps& deps);
};
constexpr Served kServed[] = {{config::role::kUsers.name, "user-service", users},
                              {config::role::kGateway.name, "ai-gateway", gateway},
                              {config::role::kPublisher.name, "event_publisher", publisher},
                              {config::role::kSubscriber.name, "event_subscriber", subscriber},
                              {config::role::kAdmin.name, "meshd", admin}};
static_assert(std::ranges::count_if(config::kRoles, [](const config::Role& role) {
                return role.address != nullptr;
              }) == std::ssize(kServed));

// For the names of config::listeners only, which are those of the table.
const Served& served_by(std::string_view role) {
  return *std::ranges::find(kServed, role, &Served::role);
}

bool takes_anyone(const config::Config& config) {
  return config.auth.mode == "dev" && config.auth.anonymous_tenant.has_value();
}

bool asks_for_certificates(const config::Config& config, bool for_operators) {
  const auto& tls = config.http.tls;
  const auto& auth =
      for_operators ? tls.admin_client_auth.value_or(tls.client_auth) : tls.client_auth;
  return tls.cert_file && auth != "none";
}

}  // namespace

Listeners make_listeners(const RoleDeps& deps) {
  Listeners listeners;
  auto& specs = listeners.specs;
  for (const auto& [role, address] : config::listeners(deps.config)) {
    auto it = std::ranges::find(specs, address, &http::ListenerSpec::address);
    // Two roles with port 0 want two ports, though their addresses are one text.
    if (address.ends_with(":0") || it == specs.end())
      it = specs.insert(specs.end(), {address, {}, {}, false});
    it->names.push_back(role);
    append(it->routes, served_by(role).routes(deps));
    listeners.of_role[role] = static_cast<std::size_t>(it - specs.begin());
  }
  for (auto& spec : specs) {
    // Beside another role its connections are anybody's, and so is their bound.
    spec.for_operators = spec.names == std::vector<std::string>{"admin"};
    const bool asks = asks_for_certificates(deps.config, spec.for_operators);
    const auto& holders = deps.config.auth.client_certificate;
    const auto service = spec.names.size() == 1 ? served_by(spec.names.front()).service : "meshd";
    append(spec.routes,
           services::health_routes(
               {std::string(service), deps.version, deps.not_ready, deps.dependencies, deps.metrics,
                [all = spec.for_operators, is_operator = deps.is_operator](const auto& request) {
                  return all || is_operator(request);
                },
                spec.address.ends_with(":0") ? std::string() : spec.address,
                takes_anyone(deps.config), deps.config.http.tls.cert_file.has_value(),
                asks && holders.user.has_value(), asks && !holders.operators.empty()},
               spec.routes));
  }
  return listeners;
}

}  // namespace mesh
