#include "daemon/app.h"

#include <unistd.h>

#include <array>
#include <mutex>
#include <set>

#include "common/base/ids.h"
#include "common/base/strings.h"
#include "common/http/client.h"
#include "common/telemetry/log.h"
#include "daemon/backup.h"
#include "daemon/canary/canary.h"
#include "daemon/engines.h"
#include "daemon/gauges.h"
#include "daemon/identity.h"
#include "daemon/membership.h"
#include "daemon/metering/metering.h"
#include "daemon/migration/journal.h"
#include "daemon/overview/sampler.h"
#include "daemon/pipelines.h"
#include "daemon/readiness.h"
#include "daemon/receipt_key.h"
#include "daemon/reload.h"
#include "daemon/roles.h"
#include "daemon/run_info.h"
#include "daemon/server_options.h"
#include "daemon/services/admin_overview.h"
#include "daemon/tls.h"
#include "daemon/trace_export.h"

namespace mesh {
namespace {

// What of all processes of the mesh has one key: Identity::shared_key.
constexpr std::string_view kPositions = "mesh: positions of writes";
constexpr std::string_view kSessions = "mesh: sessions of the console";

// Names this process among those that share stores: where it runs, and which one it is, also after
// a restart.
std::string process_id() {
  std::array<char, 256> host{};
  // The random part tells processes apart, whatever the host is called.
  gethostname(host.data(), host.size() - 1);
  return std::string(host.data()) + "-" + random_hex(4);
}

// What quotas are compared with.
services::StoredUse stored_use(const Ports& ports) {
  return [&users = ports.users, &usage = ports.usage](const TenantId& tenant, const Quotas& quotas,
                                                      Timestamp now) -> Result<services::QuotaUse> {
    const auto month = period_of(Quota::embedding_tokens_per_month, now)->began;
    const UsageAmounts today = MESH_TRY(usage.used(tenant, now));
    const UsageAmounts this_month = MESH_TRY(usage.used(tenant, month));
    services::QuotaUse use{};
    services::of(use, Quota::events_per_day) = today[UsageKind::events];
    services::of(use, Quota::bytes_per_day) = today[UsageKind::bytes];
    services::of(use, Quota::embedding_tokens_per_month) = this_month[UsageKind::embedding_tokens];
    services::of(use, Quota::chat_tokens_per_day) = today[UsageKind::chat_tokens];
    if (quotas.contains(Quota::stored_users)) {
      services::of(use, Quota::stored_users) = MESH_TRY(users.count(tenant));
    }
    return use;
  };
}

tl::unexpected<Error> reserved() {
  return fail(ErrorKind::forbidden,
              "the tenant is the canary's own (`canary: on`); take another one");
}

}  // namespace

// Members stand in the order in which they are made; they go in reverse.
struct App::Impl {
  Impl(config::Config c, Options o)
      : config(std::move(c)),
        last_read(config),
        options(std::move(o)),
        clock(options.clock ? *options.clock : system_clock()),
        metrics(config.telemetry.metrics.tenants) {}

  std::mutex config_mutex;  // of what reload changes: the log level, the rate limits, who may call
  config::Config config;
  config::Config last_read;  // what the next start would have; guarded by config_mutex
  const Options options;
  Clock& clock;
  const std::string process = process_id();
  Metrics metrics;
  Usage usage{clock};
  std::unique_ptr<Spans> spans;                  // null: no traces are sent
  std::unique_ptr<metering::Metering> metering;  // engines may count until they are gone
  std::unique_ptr<Engines> own_engines;          // where none were given
  Engines* engines = nullptr;
  std::shared_ptr<const http::TlsContext> tls;  // guarded by config_mutex; null: plain HTTP
  std::unique_ptr<Identity> identity;
  std::unique_ptr<console::Sessions> sessions;
  std::unique_ptr<const SigningKey> receipt_key;  // null: nothing is purged
  std::unique_ptr<services::RecentSearches> recent_searches;
  std::unique_ptr<services::TenantDirectory> directory;
  std::unique_ptr<services::QuotaKeeper> quotas;
  // Their streams are the server's, until it goes; erasures, which the pipelines run, end them.
  std::unique_ptr<services::Watches> watches;
  std::unique_ptr<Pipelines> pipelines;
  std::unique_ptr<Checkup> checkup;
  std::unique_ptr<services::Admission> admission;
  std::unique_ptr<pipeline::Progress> progress;
  std::unique_ptr<services::LongPolls> polls;
  std::unique_ptr<services::WriteWaits> waits;
  std::unique_ptr<services::EventTail> tail;
  std::unique_ptr<overview::Sampler> overview;  // null without the role admin
  std::unique_ptr<http::Server> server;
  std::unique_ptr<Gauges> gauges;
  std::map<std::string, std::string> addresses;
  std::unique_ptr<Membership> membership;
  std::array<canary::Planted, 2> planted = canary::make_pair();
  std::vector<canary::Canary::Listener> watched;  // by the canary; empty where it is off
  std::unique_ptr<canary::Canary> canary;         // null: off
  std::atomic<bool> ready{false};
  Timestamp started_at{};
  bool run_info_written = false;
  bool stopped = false;

  Status start();
  Result<std::shared_ptr<const Searchable>> searchable(const TenantId& tenant,
                                                       std::string_view type);
  void open_quotas();
  std::unique_ptr<overview::Sampler> make_overview();
  Status start_listeners();
  // In the name of one of the canary's tenants, and with its own credential.
  bool for_canary(const http::Request& request) const;
  bool is_canary(const http::Request& request) const;
  Member self() const;
  Status tell_tls();
  std::vector<services::Check> checks();
  void tell_unobeyed_retention() const;
  void count(const http::Hooks::Answered& answered);
  void stop();
};

Status App::Impl::start() {
  spans = make_spans(config, options.version, process, clock, metrics);
  engines = options.engines;
  if (!engines) {
    own_engines = MESH_TRY(Engines::open(config, options.on_fatal, clock, metrics, usage));
    engines = own_engines.get();
  }
  std::map<std::string, TenantId> own_tokens;
  if (config.canary == "on") {
    for (const auto& one : planted) own_tokens.emplace(one.token, one.tenant);
  }
  identity = MESH_TRY(Identity::open(config, clock, std::move(own_tokens)));
  sessions = std::make_unique<console::Sessions>(config.console, clock);
  sessions->change_key(identity->shared_key(kSessions));
  tls = MESH_TRY(make_tls(config));
  receipt_key = MESH_TRY(make_receipt_key(config));
  // Before anything writes or reads: the relay and clients' events find their topics.
  MESH_TRY(migration::none_unfinished(engines->ports().tasks));
  MESH_TRY(make_topics(config.log, engines->ports().log_admin));
  // Before anything is counted.
  metering = MESH_TRY(metering::Metering::open(
      {config.data_dir + "/usage", process, config.has_role(config::role::kPipelines)},
      {engines->ports().log, engines->ports().usage, engines->ports().leases}, usage, clock,
      metrics));
  metering->start();
  open_quotas();
  recent_searches = std::make_unique<services::RecentSearches>(
      static_cast<std::size_t>(config.vectors.recent_searches), canary::is_canary);
  watches = std::make_unique<services::Watches>(metrics, services::Watches::Limits{});
  pipelines = std::make_unique<Pipelines>(
      config, engines->ports(),
      Pipelines::Self{process, options.version, receipt_key.get(),
                      [this](const auto& tenant) {
                        recent_searches->forget(tenant);
                        watches->close(tenant);
                      },
                      [this](const auto& tenant, auto type) { return searchable(tenant, type); },
                      [this]() -> Result<pipeline::SearchableTypes> {
                        if (!config.vectors.events) return pipeline::SearchableTypes();
                        return directory->searchable_types();
                      }},
      clock, metrics, usage, spans.get());
  if (config.has_role(config::role::kPipelines)) {
    pipelines->tasks.define("backup",
                            backup_work(config.data_dir, options.version, clock, metrics));
    MESH_TRY(show_last_backup(config, engines->ports().tasks, metrics));
  }
  // Before the listeners: a request that waits for a pipeline finds it running.
  MESH_TRY(pipelines->start());
  checkup = std::make_unique<Checkup>(
      readiness(config, *engines, *pipelines, identity->remote_keys()), clock);
  MESH_TRY(start_listeners());
  metrics.gauge("mesh_build_info", "The running build.", {{"version", options.version}}).set(1);
  metrics.on_collect([this] { gauges->collect(); });
  // Only now: a member tells the others its addresses, which are known once they are bound.
  membership = std::make_unique<Membership>(engines->ports().members, clock, self(),
                                            [this] { return pipelines->groups(); });
  tell_unobeyed_retention();
  // Last: who finds the file may ask at once.
  started_at = clock.now();
  MESH_TRY(tell_tls());
  run_info_written = true;
  ready = true;
  if (!watched.empty()) {
    // It asks its own process, whose certificate may be for another name.
    const auto client = std::make_shared<http::Client>(http::ClientOptions{
        .timeout = Duration{3'000}, .tls = {.skip_verify = true}, .direct = true});
    canary = std::make_unique<canary::Canary>(
        std::move(watched), planted,
        [client](const auto& request) { return client->send(request); }, clock, metrics);
  }
  return {};
}

// Who finds run.json may ask at once, and knows whom.
Status App::Impl::tell_tls() {
  RunInfo info{options.version, started_at, addresses};
  if (tls) {
    info.public_key = tls->public_key_pin();
    const auto end = tls->not_after().time_since_epoch();
    metrics
        .gauge("mesh_tls_certificate_expiration_timestamp_seconds",
               "When the certificate of http.tls.cert_file expires, in Unix time.")
        .set(static_cast<double>(std::chrono::floor<std::chrono::seconds>(end).count()));
    if (const auto check = certificate_check(*tls, clock.now()); !check.ok || check.warning) {
      log::warn(check.detail);
    }
  }
  return write_run_info(config.data_dir, info);
}

std::vector<services::Check> App::Impl::checks() {
  auto all = checkup->run();
  if (auto unobeyed = services::tenants_retention_check(engines->ports().log_admin, *directory)) {
    all.push_back(std::move(*unobeyed));
  }
  std::lock_guard guard(config_mutex);
  if (tls) all.push_back(certificate_check(*tls, clock.now()));
  return all;
}

// Said by those that would obey it.
void App::Impl::tell_unobeyed_retention() const {
  if (!config.has_role(config::role::kPipelines)) return;
  const auto check = services::tenants_retention_check(engines->ports().log_admin, *directory);
  if (check && check->warning) log::warn(check->name + ": " + check->detail);
}

Result<std::shared_ptr<const Searchable>> App::Impl::searchable(const TenantId& tenant,
                                                                std::string_view type) {
  if (!config.vectors.events) return nullptr;
  return directory->searchable(tenant, type);
}

// Before the pipelines, which a model's budget is for, too.
void App::Impl::open_quotas() {
  const Ports& ports = engines->ports();
  directory =
      std::make_unique<services::TenantDirectory>(ports.tenants, config.rate_limits, clock, &usage);
  quotas =
      std::make_unique<services::QuotaKeeper>(*directory, stored_use(ports), usage, clock, metrics);
  ports.extractor.keep_to([this](const TenantId& tenant) {
    return quotas->used_up_until(tenant, Quota::chat_tokens_per_day);
  });
}

std::unique_ptr<overview::Sampler> App::Impl::make_overview() {
  const Ports& ports = engines->ports();
  return std::make_unique<overview::Sampler>(overview::SamplerDeps{
      ports.log, ports.log_admin, ports.retries, ports.outbox, ports.tasks, ports.members, metrics,
      clock, [this] { return pipelines->statuses(); }, [this] { return checks(); }, random_hex(4)});
}

Status App::Impl::start_listeners() {
  const Ports& ports = engines->ports();
  admission = std::make_unique<services::Admission>(ports.limiter, *directory,
                                                    config.limiter.on_unavailable == "allow", clock,
                                                    metrics, quotas.get());
  polls = std::make_unique<services::LongPolls>(clock, metrics,
                                                static_cast<std::size_t>(config.http.max_waiting));
  progress = std::make_unique<pipeline::Progress>(
      pipeline::ProgressPorts{ports.outbox, ports.log, ports.log_admin, ports.retries, ports.index},
      clock);
  waits = std::make_unique<services::WriteWaits>(*progress, *polls, clock, config.http.max_wait,
                                                 identity->shared_key(kPositions));
  tail = std::make_unique<services::EventTail>(services::EventTailDeps{
      ports.log, ports.log_admin,
      [this](const auto& tenant, auto type) { return searchable(tenant, type); }, *watches, clock,
      [this](const auto& tenant) { return directory->is_closed(tenant).value_or(false); }});
  http::Hooks hooks{
      [this](const auto& request, const auto& route) {
        const bool counts = route.access == http::Access::operator_;
        return identity->authenticate(request, route,
                                      counts ? sessions->of(request) : std::nullopt);
      },
      [this](const auto& request, const auto& route, bool may_block) -> std::optional<Status> {
        if (for_canary(request)) {
          if (!is_canary(request)) return Status(reserved());
        } else if (config.tenants.registration == "required") {
          if (auto known = services::check_registered(*directory, request); !known) return known;
        }
        if (auto open = services::check_open(*directory, request); !open) return open;
        if (auto may = services::check_role(*directory, request, route); !may) return may;
        return services::check_tenant(*directory, request, may_block);
      },
      [this](const auto& tenant, const auto& scope, const auto& later) {
        return admission->take(tenant, scope, 1, later);
      },
      [this](const auto& tenant, const auto& scope, auto decision) {
        return admission->decided(tenant, scope, std::move(decision));
      },
      [this](const auto& answered) { count(answered); }};
  auto limits = server_options(config);
  limits.tls = tls;
  server = std::make_unique<http::Server>(std::move(limits), std::move(hooks), clock, metrics,
                                          spans.get());
  gauges = std::make_unique<Gauges>(metrics, usage, *engines, *server, clock);

  std::optional<services::OverviewAdminDeps> overview_deps;
  if (config.has_role(config::role::kAdmin)) {
    overview = make_overview();
    overview_deps.emplace(
        services::OverviewAdminDeps{*overview, options.version, process, clock.now()});
  }
  auto listeners =
      make_listeners({config,
                      ports,
                      *pipelines,
                      *directory,
                      *quotas,
                      *admission,
                      *polls,
                      *waits,
                      *recent_searches,
                      *tail,
                      *watches,
                      *sessions,
                      overview_deps ? &*overview_deps : nullptr,
                      [this](const auto& tenant, auto type) { return searchable(tenant, type); },
                      clock,
                      metrics,
                      usage,
                      spans.get(),
                      receipt_key.get(),
                      options.version,
                      [this] { return std::string(ready ? "" : "starting or draining"); },
                      [this](const auto& request) { return identity->is_operator(request); },
                      [this](const auto& token) { return identity->operator_of(token); },
                      [this] {
                        std::lock_guard guard(config_mutex);
                        return config::to_json(config);
                      },
                      [this] {
                        std::lock_guard guard(config_mutex);
                        return settings(config, last_read);
                      },
                      [this] { return checks(); },
                      [this] { return engines->examine(); },
                      [this] { return engines->checks(); }});
  if (config.canary == "on") {
    for (const auto& spec : listeners.specs) {
      auto routes = spec.routes;
      // Refused to everybody then, which says nothing of a leak.
      if (!config.vectors.events) {
        std::erase_if(routes, [](const auto& route) { return route.operation == "searchEvents"; });
      }
      auto one = MESH_TRY(canary::Canary::listener(routes));
      watched.push_back(std::move(one));
    }
  }
  MESH_TRY(server->start(std::move(listeners.specs)));
  const auto bound = server->addresses();
  for (std::size_t i = 0; i < watched.size(); ++i) {
    watched[i].url = (tls ? "https://" : "http://") + bound[i];
  }
  for (const auto& [role, number] : listeners.of_role)
    addresses[role] = (tls ? "https://" : "") + bound[number];
  return {};
}

bool App::Impl::for_canary(const http::Request& request) const {
  const auto& caller = request.principal;
  return config.canary == "on" && caller && caller->kind == Principal::Kind::tenant_user &&
         canary::is_canary(*caller->tenant);
}

bool App::Impl::is_canary(const http::Request& request) const {
  const auto credential = request.header("Authorization");
  return std::ranges::any_of(planted,
                             [&](const auto& one) { return credential == "Bearer " + one.token; });
}

Member App::Impl::self() const {
  Member member{process, config.roles, {}, options.version, clock.now(), {}};
  for (const auto& [role, address] : addresses) member.addresses.push_back(role + " " + address);
  return member;
}

void App::Impl::count(const http::Hooks::Answered& answered) {
  // What it asks for is refused, and would be written down again while it is erased.
  if (directory->is_closed(answered.tenant).value_or(false)) return;
  // 429 for its own limits, 503 where there was no room for it.
  const bool rejected = answered.status == 429 || answered.status == 503;
  usage.add(answered.tenant.str(), {{Use::requests},
                                    {Use::rejected, rejected ? 1u : 0u},
                                    {Use::queued_micros, micros(answered.waited)}});
}

void App::Impl::stop() {
  if (stopped) return;
  stopped = true;
  // First, so that a readiness probe which comes meanwhile sends nobody here.
  ready = false;
  if (canary) canary->stop();  // it asks the listeners
  if (polls) polls->stop();    // first, so that requests that wait have their answers
  if (pipelines) pipelines->tasks.stop();
  // Before pipelines and engines, which its handlers use.
  if (server) server->stop(config.http.drain_timeout);
  if (tail) tail->stop();
  if (overview) overview->stop();
  checkup.reset();
  // Not before the listeners are closed: until then it says what is true.
  if (run_info_written) remove_run_info(config.data_dir);
  if (gauges) gauges->stop();
  if (quotas) quotas->stop();
  if (directory) directory->stop();
  if (pipelines) pipelines->stop();
  // Engines that were given may outlive this, and another's pipelines ask them.
  if (quotas) engines->ports().extractor.keep_to({});
  if (metering) metering->stop();  // what those above have counted
  if (membership) membership->stop();
  if (spans) spans->stop();  // by now they have all ended
  // Last of all: everything above writes to them until it has stopped.
  if (own_engines) own_engines->close();
}

App::App(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
App::~App() { stop(); }

Result<std::unique_ptr<App>> App::start(config::Config config, Options options) {
  auto app =
      std::unique_ptr<App>(new App(std::make_unique<Impl>(std::move(config), std::move(options))));
  MESH_TRY(app->impl_->start());
  return app;
}

const std::map<std::string, std::string>& App::addresses() const { return impl_->addresses; }

Status App::reload(const config::Config& fresh) {
  std::lock_guard lock(impl_->config_mutex);
  // A copy, which counts only where all of it could be taken over.
  config::Config next = impl_->config;
  take_over(next, fresh);
  auto tls = impl_->tls;
  if (tls && fresh.http.tls.cert_file) tls = MESH_TRY(make_tls(fresh));
  if (fresh.auth.mode == next.auth.mode) {
    next.secrets = fresh.secrets;
    const auto key = impl_->identity->shared_key(kPositions);
    MESH_TRY(impl_->identity->reload(next));
    if (auto now = impl_->identity->shared_key(kPositions); now != key)
      impl_->waits->change_key(now);
    impl_->sessions->change_key(impl_->identity->shared_key(kSessions));
  }
  if (tls && tls != impl_->tls) {
    impl_->tls = std::move(tls);
    impl_->server->change_tls(impl_->tls);
    // What could not be written costs `mesh` on this machine a warning, and nobody else anything.
    if (auto told = impl_->tell_tls(); !told) log::warn(told.error().message);
  }
  if (auto level = log::parse_level(next.telemetry.log.level)) log::set_level(*level);
  impl_->tell_unobeyed_retention();
  impl_->directory->set_defaults(next.rate_limits);
  // `next` has by now all that could be taken over, so that what differs is the rest.
  if (const auto others = config::changed_keys(next, fresh); !others.empty()) {
    log::warn("configuration: these keys need a restart, all others were taken over",
              {{"keys", join(others, ", ")}});
  }
  // Not as a whole: other threads read the rest, as the roles, without the mutex.
  take_over(impl_->config, fresh);
  impl_->config.secrets = std::move(next.secrets);
  impl_->last_read = fresh;
  return {};
}

void App::announce_stop() {
  impl_->ready = false;
  impl_->server->announce_stop();
}

Duration App::drain_delay() const { return impl_->config.http.drain_delay; }

void App::stop() {
  if (impl_) impl_->stop();
}

}  // namespace mesh
