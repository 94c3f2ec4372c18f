#include "daemon/app.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <thread>

#include "common/base/time.h"
#include "common/config/listeners.h"
#include "common/config/yaml_json.h"
#include "common/engines/computed/computed_extractor.h"
#include "common/engines/hashing/hashing_embedder.h"
#include "common/engines/memory/memory_limiter.h"
#include "common/engines/sqlite/backup.h"
#include "common/engines/sqlite/damage.h"
#include "common/engines/sqlite/database.h"
#include "common/engines/sqlite/log/sqlite_log.h"
#include "common/engines/sqlite/store/sqlite_store.h"
#include "common/engines/sqlite/vectors/embedded_index.h"
#include "common/http/server.h"
#include "common/telemetry/log.h"
#include "daemon/backup.h"
#include "daemon/check_data.h"
#include "daemon/heap.h"
#include "daemon/identity.h"
#include "daemon/pipeline/dead_letters.h"
#include "daemon/pipeline/generations.h"
#include "daemon/pipeline/relay.h"
#include "daemon/pipeline/replay.h"
#include "daemon/pipeline/stages.h"
#include "daemon/pipeline/tasks.h"
#include "daemon/run_info.h"
#include "daemon/services/admin.h"
#include "daemon/services/admission.h"
#include "daemon/services/analytics.h"
#include "daemon/services/health.h"
#include "daemon/services/long_polls.h"
#include "daemon/services/publish.h"
#include "daemon/services/retention.h"
#include "daemon/services/search.h"
#include "daemon/services/tenant_directory.h"
#include "daemon/services/users.h"

namespace mesh {
namespace {

Status make_data_dir(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) {
    return fail(ErrorKind::unavailable, "data_dir " + path + " cannot be made: " + error.message() +
                                            "; choose another with data_dir or --data-dir");
  }
  chmod(path.c_str(),
        0700);  // tokens and data of tenants; a folder of another owner stays as it is
  return {};
}

// The names that requests may be addressed to; nothing where any may be used.
std::optional<std::vector<std::string>> allowed_hosts(const config::Config& config) {
  if (config.auth.mode != "dev" && config.http.allowed_hosts.empty()) return std::nullopt;
  auto hosts = config.http.allowed_hosts;
  for (const auto& [role, address] : config::listeners(config)) {
    hosts.push_back(address.substr(0, address.rfind(':')));
  }
  return hosts;
}

// The consumer groups of activity topics, and what each reads.
constexpr std::pair<const char*, const char*> kAnalytics{"analytics", "analytics.events"};
constexpr std::pair<const char*, const char*> kChemical{"chemical", "chemical.events"};
constexpr std::array kProjections{kAnalytics, kChemical};

// What a listener's /health calls itself.
std::string service_name(const std::vector<std::string>& roles) {
  static const std::map<std::string, std::string> names{{"users", "user-service"},
                                                        {"gateway", "ai-gateway"},
                                                        {"publisher", "event_publisher"},
                                                        {"subscriber", "event_subscriber"},
                                                        {"admin", "meshd"}};
  return roles.size() == 1 ? names.at(roles.front()) : "meshd";
}

}  // namespace

// Members stand in the order in which they are made; they go in reverse.
struct App::Impl {
  Impl(config::Config c, Options o)
      : config(std::move(c)), options(std::move(o)), metrics(config.telemetry.metrics.tenants) {}

  std::mutex config_mutex;  // of what reload changes: the log level, the rate limits, who may call
  config::Config config;
  const Options options;
  Clock& clock = system_clock();
  Metrics metrics;
  Usage usage{clock};
  std::unique_ptr<sqlite::DirectoryLock> lock;
  std::unique_ptr<sqlite::SqliteLog> log;
  std::unique_ptr<sqlite::SqliteStore> store;
  std::unique_ptr<VectorIndex> index;
  std::unique_ptr<RateLimiter> limiter;
  std::unique_ptr<Embedder> embedder;
  std::unique_ptr<PropertyExtractor> extractor;
  std::unique_ptr<auth::RemoteKeys> remote_keys;  // null where no jwks_url is used
  mutable std::mutex authenticator_mutex;
  std::shared_ptr<auth::Authenticator> authenticator;  // reload puts another in its place

  std::unique_ptr<pipeline::Stage> analytics_stage, chemical_stage;
  std::unique_ptr<pipeline::Generations> generations;
  std::unique_ptr<pipeline::Pipeline> analytics_pipeline, chemical_pipeline;
  std::unique_ptr<pipeline::Relay> relay;
  std::unique_ptr<pipeline::Replayer> replayer;
  std::unique_ptr<pipeline::DeadLetters> dead_letters;
  std::unique_ptr<pipeline::TaskRunner> tasks;

  std::unique_ptr<services::TenantDirectory> directory;
  std::unique_ptr<services::Admission> admission;
  std::unique_ptr<services::LongPolls> polls;
  std::unique_ptr<http::Server> server;
  std::map<std::string, std::string> addresses;
  services::RetentionMetrics retention_metrics{metrics};  // of collect_metrics alone, as is
  std::vector<std::string> shown_generations;             // in metrics
  std::atomic<bool> ready{false};
  bool run_info_written = false;
  bool stopped = false;

  Status open_engines();
  Status make_topics();
  Status start_pipelines();
  Status start_listeners();
  TopicSpec topic_spec(std::string name, TopicKind kind) const;
  http::RouteTable routes_of(const std::string& role);
  std::shared_ptr<auth::Authenticator> current_authenticator() const;
  Status reload_identity(const config::Config& fresh, config::Config& next);
  bool is_operator(const http::Request& request);
  Result<Principal> authenticate(const http::Request& request, http::Access access);
  Status check_tenant(const Principal& principal, const http::Request& request);
  void count(const http::Hooks::Answered& answered);
  Result<pipeline::Stage*> stage(const std::string& name);
  Json running_config();
  std::vector<pipeline::PipelineStatus> pipeline_statuses();
  std::vector<services::Check> checks();
  void collect_metrics();
  void stop();
};

Status App::Impl::open_engines() {
  if (auto made = make_data_dir(config.data_dir); !made) return made;
  auto locked = sqlite::DirectoryLock::acquire(config.data_dir);
  if (!locked) return fail(locked.error());
  lock = std::move(*locked);
  if (auto whole = nothing_unfinished(config.data_dir); !whole) return whole;
  if (auto whole = no_missing_file(config.data_dir); !whole) return whole;

  const auto commit_metrics = [this](const char* file) {
    auto& seconds = metrics.histogram("mesh_commit_seconds",
                                      "Durable commits of the embedded engines.", {{"file", file}});
    auto& jobs = metrics.counter("mesh_commit_jobs_total", "Changes made durable by these commits.",
                                 {{"file", file}});
    return [&seconds, &jobs](double took, int count) {
      seconds.observe(took);
      jobs.add(count);
    };
  };
  sqlite::LogOptions log_options;
  log_options.max_pending_bytes = config.log.max_pending;
  log_options.hard_max_bytes = config.log.retention.activity.hard_size;
  log_options.min_compaction_lag = config.log.compaction.min_lag;
  log_options.max_compaction_lag = config.log.compaction.max_lag;
  log_options.delete_retention = config.log.compaction.delete_retention;
  log_options.on_fatal = options.on_fatal;
  log_options.on_commit = commit_metrics("log");
  auto opened_log = sqlite::SqliteLog::open(config.data_dir, log_options, clock);
  if (!opened_log) return fail(opened_log.error());
  log = std::move(*opened_log);

  sqlite::StoreOptions store_options;
  store_options.on_fatal = options.on_fatal;
  store_options.on_commit = commit_metrics("store");
  auto opened_store = sqlite::SqliteStore::open(config.data_dir, store_options, clock);
  if (!opened_store) return fail(opened_store.error());
  store = std::move(*opened_store);

  sqlite::IndexOptions index_options;
  index_options.on_fatal = options.on_fatal;
  index_options.on_commit = commit_metrics("vectors");
  if (const auto from = config.vectors.hnsw_threshold) {
    index_options.approximate_from = static_cast<std::size_t>(*from);
  }
  auto opened_index = sqlite::open_embedded_index(config.data_dir, index_options);
  if (!opened_index) return fail(opened_index.error());
  index = std::move(*opened_index);

  limiter = memory::make_limiter(clock);
  embedder = hashing::make_embedder(config.embedder.dimension);
  extractor = computed::make_extractor();
  remote_keys = make_remote_keys(config, clock);
  auto made = make_authenticator(config, remote_keys.get(), clock);
  if (!made) return fail(made.error());
  authenticator = std::move(*made);
  if (remote_keys) remote_keys->start();
  return {};
}

TopicSpec App::Impl::topic_spec(std::string name, TopicKind kind) const {
  TopicSpec spec{std::move(name), kind, config.log.partitions, {}, {}};
  if (kind == TopicKind::activity) {
    spec.max_age = config.log.retention.activity.age;
    spec.max_bytes = config.log.retention.activity.size;
  }
  return spec;
}

Status App::Impl::make_topics() {
  for (const auto& topic : topics()) {
    if (auto made = log->ensure_topic(topic_spec(std::string(topic.name), topic.kind)); !made)
      return made;
    if (auto made =
            log->ensure_topic(topic_spec(dead_letter_topic(topic.name), TopicKind::activity));
        !made)
      return made;
  }
  // Before any pipeline runs, here or at all: what comes is kept for them. Groups of the index are
  // made with its generations; their topic is compacted, and tells a late one all the same.
  for (const auto& [group, topic] : kProjections) {
    if (auto made = log->ensure_group(group, {topic}); !made) return made;
  }
  return {};
}

Status App::Impl::start_pipelines() {
  const pipeline::PipelineDeps deps{*log, *log, store->retries(), clock, metrics, &usage};
  const auto pipeline_options = [&](std::string name, std::string topic) {
    return pipeline::PipelineOptions{std::move(name),
                                     {std::move(topic)},
                                     config.pipelines.batch,
                                     config.pipelines.retry,
                                     config.pipelines.max_parked};
  };
  analytics_stage = pipeline::make_analytics_stage(store->analytics(), clock);
  chemical_stage = pipeline::make_chemical_stage(*extractor, store->chemical(), clock);
  generations = std::make_unique<pipeline::Generations>(
      *index, *embedder, pipeline_options("user-index", "user.events"), deps);
  analytics_pipeline = std::make_unique<pipeline::Pipeline>(
      pipeline_options(kAnalytics.first, kAnalytics.second), *analytics_stage, deps);
  chemical_pipeline = std::make_unique<pipeline::Pipeline>(
      pipeline_options(kChemical.first, kChemical.second), *chemical_stage, deps);
  relay = std::make_unique<pipeline::Relay>(store->outbox(), *log, clock, metrics);
  replayer = std::make_unique<pipeline::Replayer>(
      *log, *log, clock, [this](const std::string& name) { return stage(name); });
  dead_letters = std::make_unique<pipeline::DeadLetters>(
      pipeline::LettersDeps{*log, *log, store->retries(), clock});
  tasks = std::make_unique<pipeline::TaskRunner>(store->tasks(), *log, clock);
  if (config.has_role("users") || config.has_role("pipelines")) relay->start();
  if (!config.has_role("pipelines")) return {};
  tasks->define("replay", [this](auto& context) { return replayer->run(context); });
  tasks->define("redrive", [this](auto& context) { return dead_letters->redrive(context); });
  tasks->define("purge", [this](auto& context) { return dead_letters->purge(context); });
  tasks->define("rebuild", [this](auto& context) { return generations->rebuild(context); });
  tasks->define("backup", backup_work(config.data_dir, options.version, clock));
  if (auto started = generations->start(); !started) return started;
  if (auto started = analytics_pipeline->start(); !started) return started;
  if (auto started = chemical_pipeline->start(); !started) return started;
  tasks->start();
  return {};
}

Result<pipeline::Stage*> App::Impl::stage(const std::string& name) {
  if (name == "user-index") return generations->serving_stage();
  if (name == "analytics") return analytics_stage.get();
  if (name == "chemical") return chemical_stage.get();
  return fail(ErrorKind::not_found,
              "no pipeline \"" + name + "\"; there are user-index, analytics, chemical");
}

Json App::Impl::running_config() {
  std::lock_guard guard(config_mutex);
  auto json = yaml_to_json(config::print(config));
  return json ? std::move(*json) : Json::object();
}

std::vector<pipeline::PipelineStatus> App::Impl::pipeline_statuses() {
  std::vector<pipeline::PipelineStatus> all{analytics_pipeline->status(),
                                            chemical_pipeline->status()};
  if (auto list = generations->list()) {
    for (auto& status : *list) {
      if (status.follows) all.push_back(std::move(status.pipeline));
    }
  } else {
    log::error("the index's generations cannot be listed", {{"cause", list.error().to_string()}});
  }
  return all;
}

std::vector<services::Check> App::Impl::checks() {
  std::vector<services::Check> all;
  const auto waiting = store->outbox().size();
  const auto trouble = relay->trouble();
  all.push_back({"outbox", waiting < 100'000 && !trouble,
                 std::to_string(waiting) +
                     " events wait for the log, and are not searchable before" +
                     (trouble ? "; " + *trouble : ""),
                 waiting >= 10'000});
  for (const auto& status : pipeline_statuses()) {
    const bool ok =
        status.state == pipeline::PipelineStatus::State::running || !config.has_role("pipelines");
    all.push_back({"pipeline " + status.name, ok,
                   "lag " + std::to_string(status.lag_events) + " events, " +
                       std::to_string(status.parked) + " parked" +
                       (status.last_error.empty() ? "" : ", last error: " + status.last_error)});
  }
  const auto damage = sqlite::damage_met();
  for (const auto& [file, cause] : damage) {
    all.push_back({file, false,
                   "damaged (" + cause + "): stop meshd and run `mesh check --data-dir " +
                       config.data_dir + "`"});
  }
  if (damage.empty()) all.push_back({"files", true, "no damage was met"});
  if (remote_keys) {
    const bool known = remote_keys->keys() != nullptr;
    all.push_back({"jwks", known,
                   known ? "the issuer's keys are known"
                         : "the keys of auth.jwt.jwks_url cannot be fetched, the log says why: "
                           "tokens that need them are answered 503"});
  }
  all.push_back(services::retention_check(*log));
  constexpr int kMostNamed = 5;
  if (const auto alike = store->alike(kMostNamed + 1); alike && !alike->empty()) {
    std::string pairs;
    for (std::size_t i = 0; i < alike->size() && i < kMostNamed; ++i) {
      const auto& [tenant, id, holder] = (*alike)[i];
      pairs += (pairs.empty() ? "" : ", ") + tenant + ": " + std::to_string(id) + " and " +
               std::to_string(holder);
    }
    all.push_back({"users", true,
                   "two users of a tenant have one e-mail address (" + pairs +
                       (alike->size() > kMostNamed ? ", …" : "") +
                       "): give one of them another address or delete it",
                   true});
  }
  if (const auto filling = generations->filling()) {
    all.push_back({"index", true,
                   "it is built from the log, " + std::to_string(*filling) +
                       " events to go: until then searches do not find everyone",
                   true});
  }
  std::error_code error;
  const auto space = std::filesystem::space(config.data_dir, error);
  if (!error)
    all.push_back({"disk", space.available > (256u << 20),
                   format_size(space.available) + " free in data_dir"});
  return all;
}

void App::Impl::collect_metrics() {
  if (metrics.crowded()) {
    std::vector<Metrics::Used> used;
    for (auto& row : usage.totals()) {
      if (row.tenant != Usage::kOthers) used.push_back({row.tenant, row[Use::requests]});
    }
    metrics.name_busiest(std::move(used));
  }
  metrics.gauge("mesh_outbox_events", "Committed events that wait for the log.")
      .set(static_cast<double>(store->outbox().size()));
  if (server) {
    metrics
        .gauge("mesh_http_buffered_bytes",
               "Request bodies, and answers that wait for their readers, that are held.")
        .set(static_cast<double>(server->buffered_bytes()));
  }
  const auto heap_gauge = [&](const char* state, std::size_t bytes) {
    metrics
        .gauge("mesh_heap_bytes", "The heap: handed out, and resident besides.", {{"state", state}})
        .set(static_cast<double>(bytes));
  };
  const Heap held = heap();
  heap_gauge("used", held.used);
  heap_gauge("kept", held.kept);
  metrics
      .gauge("mesh_sqlite_bytes",
             "What SQLite uses of the heap: page caches, which are bounded, and statements.")
      .set(static_cast<double>(sqlite::memory_in_use()));
  metrics
      .gauge("mesh_damaged_files",
             "Data files that damage was met in since the start; `mesh check` names them.")
      .set(static_cast<double>(sqlite::damage_met().size()));
  retention_metrics.collect(*log);
  auto all = index->generations();
  if (!all) return;  // shown as an error where it is asked for
  for (const auto& name : std::exchange(shown_generations, {})) {
    if (std::ranges::find(*all, name, &GenerationInfo::name) == all->end())
      metrics.forget("generation", name);
  }
  for (const auto& generation : *all) {
    metrics
        .gauge("mesh_index_vectors", "Vectors per generation.", {{"generation", generation.name}})
        .set(static_cast<double>(generation.vectors));
    shown_generations.push_back(generation.name);
  }
}

std::shared_ptr<auth::Authenticator> App::Impl::current_authenticator() const {
  std::lock_guard guard(authenticator_mutex);
  return authenticator;
}

bool App::Impl::is_operator(const http::Request& request) {
  return current_authenticator()
      ->authenticate(credential(request), auth::Wanted::operator_)
      .has_value();
}

Result<Principal> App::Impl::authenticate(const http::Request& request, http::Access access) {
  auto principal = current_authenticator()->authenticate(credential(request), wanted(access));
  if (principal && principal->kind == Principal::Kind::operator_for_tenant) {
    log::info("audit: the operator acts for a tenant", {{"tenant", principal->tenant->str()},
                                                        {"method", request.method},
                                                        {"path", request.path},
                                                        {"request_id", request.request_id}});
  }
  if (principal && principal->kind == Principal::Kind::operator_ && request.method != "GET" &&
      request.method != "HEAD") {
    log::info(
        "audit: the operator changes",
        {{"method", request.method}, {"path", request.path}, {"request_id", request.request_id}});
  }
  if (principal) {
    if (auto exists = check_tenant(*principal, request); !exists) return fail(exists.error());
  }
  return principal;
}

// An operator who names a tenant that does not exist is told so, and gets no empty answer. A POST
// for a tenant is how one without a record begins; the holder of a tenant's credential is no guess.
Status App::Impl::check_tenant(const Principal& principal, const http::Request& request) {
  switch (principal.kind) {
    case Principal::Kind::tenant_user:
      return {};
    case Principal::Kind::operator_for_tenant:
      return request.method == "POST" ? Status{} : directory->require(*principal.tenant);
    case Principal::Kind::operator_:
      return directory->require_if_named(request.param("tenant").value_or(""));
  }
  return {};
}

void App::Impl::count(const http::Hooks::Answered& answered) {
  const bool rejected = answered.status == 429 || answered.status == 503;
  usage.add(answered.tenant.str(), {{Use::requests},
                                    {Use::rejected, rejected ? 1u : 0u},
                                    {Use::queued_micros, micros(answered.waited)}});
}

http::RouteTable App::Impl::routes_of(const std::string& role) {
  if (role == "users") {
    return services::users_routes(store->users(), store->idempotency(), *admission, usage);
  }
  if (role == "gateway") return services::search_routes(*embedder, *index, clock, metrics, usage);
  if (role == "publisher") {
    return services::publish_routes({*log, *log, store->idempotency(), *directory, *admission,
                                     clock, metrics, usage, topic_spec("", TopicKind::activity),
                                     config.http.max_body});
  }
  if (role == "subscriber")
    return services::analytics_routes(store->analytics(), store->chemical());
  http::RouteTable all =
      services::log_routes({*log, *log, clock, *polls, [this] { return pipeline_statuses(); },
                            [this](const TenantId& tenant) { directory->note_use(tenant); }});
  for (auto& table : {services::tenant_routes({store->tenants(), *directory, *limiter}),
                      services::usage_routes({usage}),
                      services::work_routes({*log, *log, clock, store->tasks(), *tasks, *replayer,
                                             *dead_letters, *generations, *polls,
                                             [this](const auto& folder) {
                                               return sqlite::can_back_up(config.data_dir, folder);
                                             },
                                             *directory}),
                      services::process_routes(
                          {[this] { return running_config(); }, [this] { return checks(); }})}) {
    all.insert(all.end(), table.begin(), table.end());
  }
  for (auto& route : all) {
    // The way out of a limit is not behind it.
    if (!route.pattern.starts_with("/admin/v1/ratelimits")) route.scope = "admin";
  }
  return all;
}

Status App::Impl::start_listeners() {
  directory = std::make_unique<services::TenantDirectory>(store->tenants(), config.rate_limits,
                                                          clock, &usage);
  admission = std::make_unique<services::Admission>(
      *limiter, *directory, config.limiter.on_unavailable == "allow", metrics);

  polls = std::make_unique<services::LongPolls>(clock, metrics,
                                                static_cast<std::size_t>(config.http.max_waiting));

  // Equal addresses share a listener; port 0 is a free port for each.
  std::vector<http::ListenerSpec> listeners;
  std::map<std::string, std::size_t> listener_of;  // by role
  for (const auto& [role, address] : config::listeners(config)) {
    auto it = std::ranges::find(listeners, address, &http::ListenerSpec::address);
    if (address.ends_with(":0") || it == listeners.end())
      it = listeners.insert(listeners.end(), {address, {}, {}, false});
    it->names.push_back(role);
    auto routes = routes_of(role);
    it->routes.insert(it->routes.end(), std::make_move_iterator(routes.begin()),
                      std::make_move_iterator(routes.end()));
    listener_of[role] = static_cast<std::size_t>(it - listeners.begin());
  }
  for (auto& listener : listeners) {
    const bool for_operators = listener.names == std::vector<std::string>{"admin"};
    listener.for_operators = for_operators;
    auto health = services::health_routes(
        {service_name(listener.names), options.version,
         [this] { return std::string(ready ? "" : "starting or draining"); }, metrics,
         [this, for_operators](const auto& request) {
           return for_operators || is_operator(request);
         },
         listener.address.ends_with(":0") ? std::string() : listener.address,
         config.auth.mode == "dev" && config.auth.anonymous_tenant.has_value()},
        listener.routes);
    listener.routes.insert(listener.routes.end(), std::make_move_iterator(health.begin()),
                           std::make_move_iterator(health.end()));
  }

  const auto& limits = config.http;
  http::ServerOptions server_options;
  server_options.workers = limits.workers > 0
                               ? limits.workers
                               : std::max(2, static_cast<int>(std::thread::hardware_concurrency()));
  server_options.blocking_workers = limits.blocking_workers;
  // The embedded engines compute; none of their routes waits for another server. Two for each
  // processor, since one alone leaves it idle while a request is handed over.
  server_options.tenant_workers =
      static_cast<int>(2 * std::max(std::thread::hardware_concurrency(), 1U));
  server_options.answer_timeout = limits.answer_timeout;
  server_options.max_connections = limits.max_connections;
  server_options.max_operator_connections = limits.max_admin_connections;
  server_options.max_body_bytes = limits.max_body;
  server_options.max_bulk_body_bytes = limits.max_bulk_body;
  server_options.max_buffered_bytes = limits.max_buffered;
  server_options.header_timeout = limits.header_timeout;
  server_options.body_timeout = limits.body_timeout;
  server_options.idle_timeout = limits.idle_timeout;
  server_options.write_timeout = limits.write_timeout;
  server_options.allowed_hosts = allowed_hosts(config);
  server_options.cors = {limits.cors.origins, limits.cors.max_age};
  http::Hooks hooks{
      [this](const auto& request, auto access) { return authenticate(request, access); },
      [this](const auto& tenant, const auto& scope) { return admission->take(tenant, scope, 1); },
      [this](const auto& answered) { count(answered); }};
  server = std::make_unique<http::Server>(server_options, std::move(hooks), clock, metrics);
  if (auto started = server->start(listeners); !started) return started;
  const auto bound = server->addresses();
  for (const auto& [role, number] : listener_of) addresses[role] = bound[number];
  return {};
}

void App::Impl::stop() {
  if (stopped) return;
  stopped = true;
  ready = false;
  if (polls) polls->stop();  // first, so that requests that wait have their answers
  if (tasks) tasks->stop();
  if (server) server->stop(config.http.drain_timeout);
  if (run_info_written) remove_run_info(config.data_dir);
  if (relay) relay->stop();
  if (chemical_pipeline) chemical_pipeline->stop();
  if (analytics_pipeline) analytics_pipeline->stop();
  if (generations) generations->stop();
  if (store) store->close();
  if (log) log->close();
}

App::App(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
App::~App() { stop(); }

Result<std::unique_ptr<App>> App::start(config::Config config, Options options) {
  auto app =
      std::unique_ptr<App>(new App(std::make_unique<Impl>(std::move(config), std::move(options))));
  Impl& impl = *app->impl_;
  for (auto step :
       {&Impl::open_engines, &Impl::make_topics, &Impl::start_pipelines, &Impl::start_listeners}) {
    if (auto done = (impl.*step)(); !done) return fail(done.error());
  }
  impl.metrics.gauge("mesh_build_info", "The running build.", {{"version", impl.options.version}})
      .set(1);
  impl.metrics.on_collect([&impl] { impl.collect_metrics(); });
  if (auto written = write_run_info(impl.config.data_dir,
                                    {impl.options.version, impl.clock.now(), impl.addresses});
      !written) {
    return fail(written.error());
  }
  impl.run_info_written = true;
  impl.ready = true;
  return app;
}

const std::map<std::string, std::string>& App::addresses() const { return impl_->addresses; }

// Takes over what of `fresh` says who may call, with the files that it names, and notes it in
// `next`. The mode, which decides what is safe to listen on, and the URL stay.
Status App::Impl::reload_identity(const config::Config& fresh, config::Config& next) {
  if (fresh.auth.mode != next.auth.mode) return {};
  auto url = std::move(next.auth.jwt.jwks_url);
  next.auth.operator_token_file = fresh.auth.operator_token_file;
  next.auth.jwt = fresh.auth.jwt;
  next.auth.jwt.jwks_url = std::move(url);
  next.secrets = fresh.secrets;
  auto made = make_authenticator(next, remote_keys.get(), clock);
  if (!made) return fail(made.error());
  std::lock_guard guard(authenticator_mutex);
  authenticator = std::move(*made);
  return {};
}

Status App::reload(const config::Config& fresh) {
  std::lock_guard lock(impl_->config_mutex);
  config::Config next = impl_->config;
  if (auto done = impl_->reload_identity(fresh, next); !done) return done;
  if (auto level = log::parse_level(fresh.telemetry.log.level)) log::set_level(*level);
  impl_->directory->set_defaults(fresh.rate_limits);
  next.telemetry.log.level = fresh.telemetry.log.level;
  next.rate_limits = fresh.rate_limits;
  if (config::print(fresh) != config::print(next)) {
    log::warn(
        "configuration: only telemetry.log.level, rate_limits, auth.operator_token_file and "
        "auth.jwt "
        "without jwks_url were taken over; other changes need a restart");
  }
  impl_->config = std::move(next);
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
