#include "common/config/engine_rules.h"

#include "common/base/strings.h"
#include "common/config/redis_url.h"

namespace mesh::config {
namespace {

bool uses_redis(const Config& config) {
  return config.limiter.engine == "redis" || config.cache.engine == "redis";
}

bool asks_a_model(const Config& config) { return config.extractor.engine == "openai"; }

bool uses_openai(const Config& config) {
  return config.embedder.engine == "openai" || asks_a_model(config);
}

// A group of keys, who reads it, and what makes somebody read it.
struct Section {
  std::string_view keys;
  bool (*read)(const Config& config);
  const char* by;
};
constexpr Section kSections[] = {
    {"log.retention.activity.hard_size", [](const Config& c) { return c.log.engine == "sqlite"; },
     "log.engine: sqlite"},
    {"log.compaction.min_lag", [](const Config& c) { return c.log.engine == "sqlite"; },
     "log.engine: sqlite"},
    {"vectors.hnsw_threshold", [](const Config& c) { return c.vectors.engine == "embedded"; },
     "vectors.engine: embedded"},
    {"kafka.", [](const Config& c) { return c.log.engine == "kafka"; }, "log.engine: kafka"},
    {"postgres.", [](const Config& c) { return c.store.engine == "postgres"; },
     "store.engine: postgres"},
    {"qdrant.", [](const Config& c) { return c.vectors.engine == "qdrant"; },
     "vectors.engine: qdrant"},
    {"redis.", uses_redis, "limiter.engine or cache.engine: redis"},
    // A summary of the embedded store takes no longer than to ask for it.
    {"cache.engine",
     [](const Config& c) { return c.store.engine == "postgres" || c.cache.searches; },
     "store.engine: postgres or cache.searches: true"},
    {"cache.", [](const Config& c) { return c.cache.engine == "redis"; }, "cache.engine: redis"},
    {"openai.", uses_openai, "embedder.engine or extractor.engine: openai"},
    {"extractor.model", asks_a_model, "extractor.engine: openai"},
    {"extractor.prompt_file", asks_a_model, "extractor.engine: openai"},
    {"extractor.fallback", asks_a_model, "extractor.engine: openai"},
    {"extractor.max_answer_tokens", asks_a_model, "extractor.engine: openai"},
    {"extractor.max_in_flight", asks_a_model, "extractor.engine: openai"},
    {"extractor.rate", asks_a_model, "extractor.engine: openai"},
    {"extractor.price.", asks_a_model, "extractor.engine: openai"},
    {"embedder.path", [](const Config& c) { return c.embedder.engine == "static"; },
     "embedder.engine: static"},
    {"embedder.letters", [](const Config& c) { return c.embedder.engine != "hashing"; },
     "embedder.engine: static or openai"},
    {"telemetry.otlp.", [](const Config& c) { return c.telemetry.otlp.endpoint.has_value(); },
     "telemetry.otlp.endpoint"}};

// A value of one's own that nothing reads would be accepted and do nothing.
void check_unused(const Config& config, Problems& problems) {
  const Config defaults;
  for (const auto& key : keys()) {
    for (const auto& section : kSections) {
      // Compared as shown: a secret that is masked differs from one that is not there.
      if (!key.path.starts_with(section.keys) || key.show(config) == key.show(defaults)) continue;
      if (!section.read(config)) {
        problems.add(key.path, std::string("does nothing without ") + section.by +
                                   "; set that or leave it out");
      }
    }
  }
}

// Kafka would answer that it cannot make the topic; names that begin so are its own.
bool is_kafka_prefix(const std::string& text) {
  constexpr std::size_t kMost = 100;
  return text.size() <= kMost && !text.starts_with("__") &&
         text.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
             std::string::npos;
}

void check_kafka(const Config& config, Problems& problems) {
  const Kafka& kafka = config.kafka;
  if (kafka.prefix && !is_kafka_prefix(*kafka.prefix)) {
    problems.add("kafka.prefix",
                 quote(*kafka.prefix) +
                     " cannot begin a topic's name; write up to 100 letters, digits, '.', '_' and "
                     "'-', not beginning with '__'");
  }
  const bool sasl = kafka.security.starts_with("sasl_");
  const bool tls = kafka.security.ends_with("ssl");
  const auto only_with = [&](const char* key, bool written, bool makes_sense,
                             const char* security) {
    if (written && !makes_sense) {
      problems.add(key, "does nothing with kafka.security: " + kafka.security + "; set " +
                            security + " or leave it out");
    }
  };
  const auto needed = [&](const char* key, bool written) {
    if (sasl && !written) problems.add(key, "kafka.security: " + kafka.security + " needs it");
  };
  constexpr const char* kSasl = "sasl_ssl or sasl_plaintext";
  constexpr const char* kTls = "ssl or sasl_ssl";
  only_with("kafka.sasl", kafka.sasl.has_value(), sasl, kSasl);
  only_with("kafka.username", kafka.username.has_value(), sasl, kSasl);
  only_with("kafka.password_file", kafka.password_file.has_value(), sasl, kSasl);
  only_with("kafka.ca_file", kafka.ca_file.has_value(), tls, kTls);
  only_with("kafka.cert_file", kafka.cert_file.has_value(), tls, kTls);
  only_with("kafka.key_file", kafka.key_file.has_value(), tls, kTls);
  needed("kafka.sasl", kafka.sasl.has_value());
  needed("kafka.username", kafka.username.has_value());
  needed("kafka.password_file", kafka.password_file.has_value());
  if (kafka.cert_file.has_value() != kafka.key_file.has_value()) {
    problems.add(kafka.cert_file ? "kafka.key_file" : "kafka.cert_file",
                 "a client certificate is both cert_file and key_file; add it");
  }
}

void check_postgres(const Config& config, Problems& problems) {
  const Postgres& postgres = config.postgres;
  if (!postgres.dsn && !postgres.dsn_file) {
    problems.add("postgres.dsn_file",
                 "store.engine: postgres needs it, or dsn: where the server is, as "
                 "postgresql://mesh@db/mesh?sslmode=verify-full");
  }
  if (postgres.dsn && postgres.dsn_file) {
    problems.add("postgres.dsn", "postgres.dsn_file is set, too; take one of them out");
  }
}

void check_redis(const Config& config, Problems& problems) {
  const auto url = parse_redis_url(config.redis.url);
  if (!url) return problems.add("redis.url", url.error().message);
  const bool file = config.redis.password_file.has_value();
  if (file && !url->password.empty()) {
    problems.add("redis.password_file", "redis.url has a password, too; take one of them out");
  }
  if (!file && !url->user.empty() && url->password.empty()) {
    problems.add("redis.url", "names a user without a password; add redis.password_file");
  }
}

void check_openai(const Config& config, Problems& problems) {
  const auto needed = [&](const char* key, bool written) {
    if (!written) problems.add(key, "an engine openai needs it");
  };
  needed("openai.base_url", config.openai.base_url.has_value());
  needed("openai.model", config.openai.model.has_value() ||
                             (config.embedder.engine != "openai" && config.extractor.model));
}

void check_embedder(const Embedder& embedder, Problems& problems) {
  if (embedder.engine == "static" && !embedder.path) {
    problems.add("embedder.path",
                 "embedder.engine: static needs it: the folder of a model, as `mesh model build` "
                 "makes one");
  }
  constexpr int kLeast = 16;
  if (const int letters = embedder.letters.value_or(0); letters > 0 && letters < kLeast) {
    problems.add("embedder.letters", std::to_string(letters) + " is below the least, " +
                                         std::to_string(kLeast) + "; 0 is for none");
  }
}

// Where the experiment goes in a prompt (common/engines/openai/properties.h).
void check_prompt(const Config& config, Problems& problems) {
  const auto& file = config.extractor.prompt_file;
  const std::string& prompt = config.secrets.extractor_prompt;
  // A file that could not be read was told of when it was.
  if (!file || prompt.empty()) return;
  constexpr std::string_view kPlace = "{experiment}";
  constexpr std::size_t kMostBytes = 32 << 10;
  if (prompt.size() > kMostBytes) {
    problems.add("extractor.prompt_file", quote(*file) + " is longer than 32 KiB");
  }
  if (!is_valid_utf8(prompt)) {
    problems.add("extractor.prompt_file", quote(*file) + " is not UTF-8");
  }
  const auto at = prompt.find(kPlace);
  if (at == prompt.npos || prompt.find(kPlace, at + 1) != prompt.npos) {
    problems.add("extractor.prompt_file",
                 quote(*file) + " must have {experiment} once, where the experiment goes");
  }
}

// What one process has for itself, and another one would look for.
void check_sharing(const Config& config, Problems& problems) {
  const bool split = config.roles.size() < std::size(kRoles);
  const bool log = config.log.engine == "kafka", store = config.store.engine == "postgres",
             index = config.vectors.engine == "qdrant";
  if (!split || (!log && !store && !index)) return;
  const auto shared = [&](const char* key, bool is_shared, const char* engine) {
    if (is_shared) return;
    problems.add(key, std::string("is this process's own, but `roles` leaves some to other "
                                  "processes, which would not see it; use ") +
                          engine + ", or give every role to this process");
  };
  shared("log.engine", log, "kafka");
  shared("store.engine", store, "postgres");
  shared("vectors.engine", index, "qdrant");
  if (!config.auth.operator_token_file) {
    problems.add("auth.operator_token_file",
                 "processes that share the roles need one operator token; make a file with "
                 "`openssl rand -hex 32` and give it to all of them");
  }
}

}  // namespace

void check_engines(const Config& config, Problems& problems) {
  check_unused(config, problems);
  if (config.log.engine == "kafka") check_kafka(config, problems);
  if (config.store.engine == "postgres") check_postgres(config, problems);
  if (uses_redis(config)) check_redis(config, problems);
  if (uses_openai(config)) check_openai(config, problems);
  check_embedder(config.embedder, problems);
  if (asks_a_model(config)) check_prompt(config, problems);
  check_sharing(config, problems);
}

}  // namespace mesh::config
