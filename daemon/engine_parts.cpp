#include "daemon/engine_parts.h"

#include <cmath>
#include <filesystem>

#include "common/base/periodic.h"
#include "common/config/redis_url.h"
#include "common/engines/computed/computed_extractor.h"
#include "common/engines/hashing/hashing_embedder.h"
#include "common/engines/hybrid/hybrid_embedder.h"
#include "common/engines/kafka/kafka_log.h"
#include "common/engines/memory/memory_limiter.h"
#include "common/engines/openai/openai_embedder.h"
#include "common/engines/openai/openai_extractor.h"
#include "common/engines/postgres/postgres_store.h"
#include "common/engines/qdrant/event_index.h"
#include "common/engines/qdrant/qdrant_index.h"
#include "common/engines/redis/redis_cache.h"
#include "common/engines/redis/redis_limiter.h"
#include "common/engines/sqlite/events/event_index.h"
#include "common/engines/sqlite/log/sqlite_log.h"
#include "common/engines/sqlite/points/embedded_index.h"
#include "common/engines/sqlite/store/sqlite_store.h"
#include "common/engines/static_model/static_embedder.h"
#include "common/models/static_model.h"
#include "common/telemetry/log.h"
#include "daemon/embedders.h"
#include "daemon/mesh_id.h"
#include "daemon/pipeline/groups.h"

namespace mesh {
namespace {

using services::Check;
using Checks = std::vector<Check>;

// How a server is reached, as one check.
Check reached(const char* name, const std::optional<Error>& trouble, const char* good) {
  if (!trouble) return {name, true, good};
  return {name, false,
          trouble->message + (trouble->cause.empty() ? "" : " (" + trouble->cause + ")")};
}

// An engine that asks a server, and knows what its trouble is.
template <typename Port, typename Engine>
EnginePart<Port> remote_part(const std::shared_ptr<Engine>& opened, const char* name,
                             const char* good) {
  EnginePart<Port> part{opened};
  part.remote = true;
  part.check = [opened, name, good](Checks& all) {
    all.push_back(reached(name, opened->trouble(), good));
  };
  if constexpr (requires { opened->examine(); }) {
    part.examine = [opened, name] { return ExaminedServer{name, opened->examine()}; };
  }
  return part;
}

auto commit_metrics(Metrics& metrics, const char* file) {
  auto& seconds = metrics.histogram("mesh_commit_seconds",
                                    "Durable commits of the embedded engines.", {{"file", file}});
  auto& jobs = metrics.counter("mesh_commit_jobs_total", "Changes made durable by these commits.",
                               {{"file", file}});
  return [&seconds, &jobs](double took, int count) {
    seconds.observe(took);
    jobs.add(count);
  };
}

Result<LogPart> open_sqlite_log(const EngineContext& context) {
  const config::Log& log = context.config.log;
  sqlite::LogOptions options;
  options.max_pending_bytes = log.max_pending;
  options.hard_max_bytes = log.retention.activity.hard_size;
  options.min_compaction_lag = log.compaction.min_lag;
  options.max_compaction_lag = log.compaction.max_lag;
  options.delete_retention = log.compaction.delete_retention;
  options.on_fatal = context.on_fatal;
  options.on_commit = commit_metrics(context.metrics, "log");
  if (!context.upkeep) options.upkeep_interval = Duration(0);
  const std::shared_ptr<sqlite::SqliteLog> opened =
      MESH_TRY(sqlite::SqliteLog::open(context.config.data_dir, options, context.clock));
  LogPart part;
  part.port = opened;
  part.admin = opened;
  part.import = opened;
  part.close = [opened] { opened->close(); };
  return part;
}

Result<LogPart> open_kafka_log(const EngineContext& context) {
  const config::Kafka& config = context.config.kafka;
  kafka::KafkaOptions options;
  options.brokers = config.brokers;
  options.security = config.security;
  options.sasl_mechanism = config.sasl.value_or("");
  options.username = config.username.value_or("");
  options.password = context.config.secrets.kafka_password.reveal();
  options.ca_file = config.ca_file.value_or("");
  options.cert_file = config.cert_file.value_or("");
  options.key_file = config.key_file.value_or("");
  options.prefix = config.prefix.value_or("");
  for (const auto& reads : pipeline::kTopicGroups) options.groups.emplace_back(reads.group);
  options.groups.emplace_back(pipeline::kEventIndex);
  options.replication = config.replication;
  options.create_topics = config.create_topics;
  options.max_pending_bytes = context.config.log.max_pending;
  const std::shared_ptr<kafka::KafkaLog> opened =
      MESH_TRY(kafka::KafkaLog::open(std::move(options), context.clock));
  LogPart part;
  part.port = opened;
  part.admin = opened;
  part.import = opened;
  part.check = [opened](Checks& all) {
    all.push_back(reached("kafka", opened->trouble(), "a broker answers; it holds the log"));
    // What an operator made works as it is; that it differs is worth knowing.
    for (const auto& difference : opened->differences()) {
      all.push_back({"kafka topics", true, difference, true});
    }
  };
  part.examine = [opened] { return ExaminedServer{"kafka", opened->examine()}; };
  part.close = [opened] { opened->close(); };
  part.remote = true;
  return part;
}

// Two users of one e-mail address, of the time when an older program told theirs apart.
void check_alike(sqlite::SqliteStore& store, Checks& all) {
  constexpr int kMostNamed = 5;
  // One more than is named, to know whether there are others.
  const auto alike = store.alike(kMostNamed + 1);
  if (!alike || alike->empty()) return;
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

Result<EnginePart<Stores>> open_sqlite_stores(const EngineContext& context) {
  sqlite::StoreOptions options;
  options.on_fatal = context.on_fatal;
  options.on_commit = commit_metrics(context.metrics, "store");
  const std::shared_ptr<sqlite::SqliteStore> opened = MESH_TRY(
      sqlite::SqliteStore::open(context.config.data_dir, std::move(options), context.clock));
  EnginePart<Stores> part{opened};
  part.check = [opened](Checks& all) { check_alike(*opened, all); };
  part.close = [opened] { opened->close(); };
  return part;
}

Result<EnginePart<Stores>> open_postgres_stores(const EngineContext& context) {
  const config::Postgres& config = context.config.postgres;
  const config::Secrets& secrets = context.config.secrets;
  postgres::StoreOptions options;
  options.dsn = (config.dsn ? *config.dsn : secrets.postgres_dsn).reveal();
  options.password = secrets.postgres_password.reveal();
  options.ca_file = config.ca_file.value_or("");
  options.schema = config.schema;
  options.make_schema = context.make_stores;
  options.pool = config.pool;
  options.on_commit = commit_metrics(context.metrics, "store");
  const std::shared_ptr<postgres::PostgresStores> opened =
      MESH_TRY(postgres::PostgresStores::open(std::move(options), context.clock));
  auto part = remote_part<Stores>(opened, "postgres", "answers; it holds the stores of record");
  part.close = [opened] { opened->close(); };
  return part;
}

Result<EnginePart<VectorIndex>> open_sqlite_index(const EngineContext& context) {
  sqlite::IndexOptions options;
  options.on_fatal = context.on_fatal;
  options.on_commit = commit_metrics(context.metrics, "vectors");
  if (const auto from = context.config.vectors.hnsw_threshold) {
    options.approximate_from = static_cast<std::size_t>(*from);
  }
  std::shared_ptr<VectorIndex> opened =
      MESH_TRY(sqlite::open_embedded_index(context.config.data_dir, std::move(options)));
  return EnginePart<VectorIndex>{std::move(opened)};
}

Result<EventsPart> open_sqlite_events(const EngineContext& context) {
  sqlite::EventIndexOptions options;
  options.on_fatal = context.on_fatal;
  options.on_commit = commit_metrics(context.metrics, "events");
  std::shared_ptr<EventIndex> opened =
      MESH_TRY(sqlite::open_event_index(context.config.data_dir, std::move(options)));
  return EventsPart{{std::move(opened)}};
}

// Removals older than this are forgotten: longer than an older event of the user may still come,
// from the log, from a retry or by a redrive of its dead letter.
Duration removals_kept(const config::Log& log) {
  return std::max<Duration>(std::chrono::hours{24 * 30},
                            2 * (log.compaction.delete_retention + log.compaction.max_lag));
}

qdrant::IndexOptions qdrant_options(const config::Config& config) {
  qdrant::IndexOptions options;
  options.url = config.qdrant.url;
  options.api_key = config.secrets.qdrant_api_key.reveal();
  options.ca_file = config.qdrant.ca_file.value_or("");
  options.prefix = config.qdrant.prefix.value_or("");
  options.timeout = config.qdrant.timeout;
  return options;
}

Result<EventsPart> open_qdrant_events(const EngineContext& context, Stores& stores) {
  const std::shared_ptr<qdrant::QdrantEvents> opened = MESH_TRY(
      qdrant::open_event_index(qdrant_options(context.config), stores.epochs(), context.clock));
  EventsPart part{
      remote_part<EventIndex>(opened, "qdrant events", "answers; it holds the index of events")};
  part.settle = qdrant::QdrantEvents::kSettle;
  return part;
}

Result<EnginePart<VectorIndex>> open_qdrant_index(const EngineContext& context, Stores& stores) {
  const config::Config& config = context.config;
  const std::shared_ptr<qdrant::QdrantIndex> opened =
      MESH_TRY(qdrant::QdrantIndex::open(qdrant_options(config), stores.epochs(), context.clock));
  auto part = remote_part<VectorIndex>(opened, "qdrant", "answers; it holds the index");
  // By whoever feeds the index: one of them would do, and several do no harm.
  if (!config.has_role(config::role::kPipelines)) return part;
  const auto sweep = [opened, &clock = context.clock, kept = removals_kept(config.log)] {
    const auto swept = opened->sweep(clock.now() - kept);
    // An outage is told by the check; the next turn tries again.
    if (swept && *swept > 0) log::info("qdrant: old removals are forgotten", {{"points", *swept}});
  };
  const auto sweeping =
      std::make_shared<Periodic>("qdrant sweep", context.clock, std::chrono::hours{1}, sweep);
  part.close = [sweeping] { sweeping->stop(); };
  return part;
}

Result<redis::ServerOptions> redis_options(const config::Config& config) {
  const auto url = MESH_TRY(config::parse_redis_url(config.redis.url));
  redis::ServerOptions options;
  options.host = url.host;
  options.port = url.port;
  options.tls = url.tls;
  options.ca_file = config.redis.ca_file.value_or("");
  options.user = url.user;
  options.password = (url.password.empty() ? config.secrets.redis_password : url.password).reveal();
  options.database = url.database;
  options.prefix = config.redis.prefix;
  return options;
}

Result<EnginePart<RateLimiter>> open_redis_limiter(const EngineContext& context) {
  auto options = MESH_TRY(redis_options(context.config));
  const std::shared_ptr<redis::RedisLimiter> opened =
      MESH_TRY(redis::open_limiter(std::move(options), context.clock));
  return remote_part<RateLimiter>(opened, "redis", "connected; it counts the rate limits");
}

Result<EnginePart<ReadCache>> open_redis_cache(const EngineContext& context, Stores& stores) {
  redis::CacheOptions options;
  options.mesh = MESH_TRY(mesh_id(stores.epochs()));
  options.server = MESH_TRY(redis_options(context.config));
  // Of what saves a millisecond: whoever waited for longer would be better off without.
  options.server.timeout = Duration{100};
  options.ttl = context.config.cache.ttl;
  options.max_bytes = context.config.cache.max;
  const auto counter = [&](const char* result) -> Counter& {
    return context.metrics.counter("mesh_read_cache_total",
                                   "Reads that asked the cache of answers.", {{"result", result}});
  };
  options.on_find = [&hits = counter("hit"), &misses = counter("miss")](bool hit) {
    (hit ? hits : misses).add();
  };
  options.on_unforgotten = [&failures = context.metrics.counter(
                                "mesh_read_cache_forget_failures_total",
                                "Times that the cache could not be told of a change, so that older "
                                "answers may be found for cache.ttl.")] { failures.add(); };
  const std::shared_ptr<redis::RedisCache> opened =
      MESH_TRY(redis::open_cache(std::move(options), context.clock));
  return remote_part<ReadCache>(opened, "redis cache", "connected; it keeps answers to reads");
}

// What embedder and extractor say to the model's server alike.
openai::ModelOptions model_options(const EngineContext& context) {
  const config::OpenAi& config = context.config.openai;
  openai::ModelOptions options;
  options.base_url = config.base_url.value_or("");
  options.api_key = context.config.secrets.openai_api_key.reveal();
  options.ca_file = config.ca_file.value_or("");
  options.model = config.model.value_or("");
  options.timeout = config.timeout;
  return options;
}

constexpr int kDimension = 384;  // of words, or letters, unless the configuration says else

Result<std::shared_ptr<const models::StaticModel>> open_model(const config::Embedder& config) {
  auto model = models::open_static_model(config.path.value_or(""));
  if (!model) {
    return fail(ErrorKind::invalid,
                "embedder.path: " + model.error().message +
                    "; name a folder with model.safetensors, tokenizer.json and config.json, as "
                    "`mesh model build` makes one");
  }
  const int dimension = (*model)->info().dimension;
  if (config.dimension && *config.dimension != dimension) {
    return fail(ErrorKind::invalid, "embedder.dimension: " + std::to_string(*config.dimension) +
                                        ", but the vectors of the model in " + *config.path +
                                        " have " + std::to_string(dimension) +
                                        " numbers; leave it out, or name another folder");
  }
  return model;
}

Result<EnginePart<Embedder>> open_static_embedder(const EngineContext& context) {
  auto model = MESH_TRY(open_model(context.config.embedder));
  const auto& info = model->info();
  log::info("the embedder is a static model", {{"path", *context.config.embedder.path},
                                               {"hash", info.hash},
                                               {"tokens", std::to_string(info.tokens)},
                                               {"dimension", std::to_string(info.dimension)}});
  return EnginePart<Embedder>{static_model::make_embedder(std::move(model))};
}

// A price of a million tokens is that of one in millionths.
std::uint64_t cost(const config::Extractor& extractor, const openai::Tokens& tokens) {
  return static_cast<std::uint64_t>(
      std::llround(static_cast<double>(tokens.input) * extractor.price.input +
                   static_cast<double>(tokens.output) * extractor.price.output));
}

Result<EnginePart<Embedder>> open_openai_embedder(const EngineContext& context) {
  openai::EmbedderOptions options{model_options(context)};
  options.on_tokens = [&usage = context.usage](const TenantId& tenant,
                                               const openai::Tokens& tokens) {
    usage.add(tenant.str(), {{Use::embedding_tokens, tokens.all()}});
  };
  options.dimension = context.config.embedder.dimension.value_or(kDimension);
  options.cache_path = context.config.data_dir + "/embeddings.db";
  options.cache_bytes = context.config.openai.cache;
  const std::shared_ptr<openai::OpenAiEmbedder> opened =
      openai::make_embedder(std::move(options), context.clock);
  return remote_part<Embedder>(opened, "embedder", "the model's server answered last");
}

// Without the part of letters.
Result<EnginePart<Embedder>> open_embedder(const EngineContext& context) {
  const config::Embedder& config = context.config.embedder;
  if (config.engine == "static") return open_static_embedder(context);
  if (config.engine == "openai") return open_openai_embedder(context);
  return EnginePart<Embedder>{hashing::make_embedder(config.dimension.value_or(kDimension))};
}

// Those that need no server.
EmbedderEngines embedder_engines() {
  EmbedderEngines engines;
  engines.hashing = [](int dimension) { return hashing::make_embedder(dimension); };
  engines.static_model = [](const std::string& folder) -> Result<std::shared_ptr<Embedder>> {
    auto model = MESH_TRY(models::open_static_model(folder));
    return static_model::make_embedder(std::move(model));
  };
  engines.hybrid = [](const auto& letters, const auto& meaning) {
    return hybrid::make_embedder(letters, meaning);
  };
  return engines;
}

Result<EnginePart<PropertyExtractor>> open_openai_extractor(const EngineContext& context) {
  const config::Extractor& config = context.config.extractor;
  openai::ExtractorOptions options{model_options(context)};
  if (config.model) {
    options.model = *config.model;
    options.model_setting = "extractor.model";
  }
  options.prompt = context.config.secrets.extractor_prompt;
  options.max_answer_tokens = config.max_answer_tokens;
  options.max_in_flight = config.max_in_flight;
  options.max_per_minute = config.rate.value_or(0);
  options.stand_in = computed::make_extractor();
  options.stands_in_for_bad_answers = config.fallback == "computed";
  const auto fallbacks = [&](const char* reason) -> Counter& {
    return context.metrics.counter(
        "mesh_extractor_fallbacks_total",
        "Experiments that were computed, since the model gave no good answer or the tenant's "
        "budget was used up.",
        {{"reason", reason}});
  };
  options.on_stand_in = [&answer = fallbacks("answer"),
                         &budget = fallbacks("budget")](openai::ExtractorOptions::Why why) {
    (why == openai::ExtractorOptions::Why::budget ? budget : answer).add();
  };
  options.on_tokens = [&usage = context.usage, config](const TenantId& tenant,
                                                       const openai::Tokens& tokens) {
    usage.add(tenant.str(),
              {{Use::chat_tokens, tokens.all()}, {Use::chat_cost, cost(config, tokens)}});
  };
  options.cache_path = context.config.data_dir + "/extractions.db";
  options.cache_bytes = context.config.openai.cache;
  const std::shared_ptr<openai::OpenAiExtractor> opened =
      openai::make_extractor(std::move(options), context.clock);
  return remote_part<PropertyExtractor>(opened, "extractor", "the model's server answered last");
}

}  // namespace

Result<LogPart> open_log(const EngineContext& context) {
  return context.config.log.engine == "kafka" ? open_kafka_log(context) : open_sqlite_log(context);
}

Result<EnginePart<Stores>> open_stores(const EngineContext& context) {
  if (context.config.store.engine == "postgres") return open_postgres_stores(context);
  return open_sqlite_stores(context);
}

Result<EnginePart<VectorIndex>> open_index(const EngineContext& context, Stores& stores) {
  if (context.config.vectors.engine == "qdrant") return open_qdrant_index(context, stores);
  return open_sqlite_index(context);
}

Result<EventsPart> open_event_index(const EngineContext& context, Stores& stores) {
  if (context.config.vectors.engine == "qdrant") return open_qdrant_events(context, stores);
  return open_sqlite_events(context);
}

Result<EnginePart<RateLimiter>> open_limiter(const EngineContext& context) {
  if (context.config.limiter.engine == "redis") return open_redis_limiter(context);
  return EnginePart<RateLimiter>{memory::make_limiter(context.clock)};
}

Result<EnginePart<ReadCache>> open_cache(const EngineContext& context, Stores& stores) {
  if (context.config.cache.engine == "redis") return open_redis_cache(context, stores);
  return EnginePart<ReadCache>{};
}

Result<EnginePart<Embedders>> open_embedders(const EngineContext& context) {
  const config::Embedder& config = context.config.embedder;
  auto one = MESH_TRY(open_embedder(context));
  const bool words = config.engine == "hashing";
  ConfiguredEmbedder configured;
  configured.embedder = one.port;
  configured.engine = config.engine;
  configured.dimension = words ? config.dimension.value_or(kDimension) : kDimension;
  configured.letters = config.letters.value_or(kDimension);
  if (config.engine == "static") {
    configured.model = std::filesystem::absolute(*config.path).lexically_normal().string();
  }
  const int letters = config.letters.value_or(config.engine == "static" ? kDimension : 0);
  if (!words && letters > 0) {
    configured.meaning = one.port;
    configured.embedder = hybrid::make_embedder(hashing::make_embedder(letters), one.port);
  }
  EnginePart<Embedders> part;
  part.port =
      std::make_shared<OpenedEmbedders>(std::move(configured), embedder_engines(), context.clock);
  part.check = std::move(one.check);
  part.examine = std::move(one.examine);
  part.close = std::move(one.close);
  part.remote = one.remote;
  return part;
}

Status check_embedder(const config::Embedder& config) {
  if (config.engine == "static") (void)MESH_TRY(open_model(config));
  return {};
}

Result<EnginePart<PropertyExtractor>> open_extractor(const EngineContext& context) {
  if (context.config.extractor.engine == "openai") return open_openai_extractor(context);
  return EnginePart<PropertyExtractor>{computed::make_extractor()};
}

std::string migrations(const config::Config& config) {
  return postgres::migrations(config.postgres.schema);
}

}  // namespace mesh
