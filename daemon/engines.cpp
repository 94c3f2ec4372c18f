#include "daemon/engines.h"

#include <sys/stat.h>

#include <filesystem>

#include "common/base/time.h"
#include "common/config/redis_url.h"
#include "common/engines/computed/computed_extractor.h"
#include "common/engines/hashing/hashing_embedder.h"
#include "common/engines/memory/memory_limiter.h"
#include "common/engines/redis/redis_limiter.h"
#include "common/engines/sqlite/core/damage.h"
#include "common/engines/sqlite/core/database.h"
#include "common/engines/sqlite/core/directory_lock.h"
#include "common/engines/sqlite/log/sqlite_log.h"
#include "common/engines/sqlite/points/embedded_index.h"
#include "common/engines/sqlite/store/sqlite_store.h"
#include "daemon/check_data.h"

namespace mesh {
namespace {

// Below it a fault is told, while there is still room to act.
constexpr std::uint64_t kLeastDiskBytes = 256 << 20;

Status make_data_dir(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) {
    return fail(ErrorKind::unavailable, "data_dir " + path + " cannot be made: " + error.message() +
                                            "; choose another with data_dir or --data-dir");
  }
  // Tokens and data of tenants; a folder of another owner stays as it is.
  chmod(path.c_str(), 0700);
  return {};
}

Result<std::unique_ptr<redis::RedisLimiter>> open_redis(const config::Config& config,
                                                        Clock& clock) {
  const auto url = MESH_TRY(config::parse_redis_url(config.redis.url));
  redis::LimiterOptions options;
  options.host = url.host;
  options.port = url.port;
  options.user = url.user;
  options.password = (url.password.empty() ? config.secrets.redis_password : url.password).reveal();
  options.database = url.database;
  options.prefix = config.redis.prefix;
  return redis::open_limiter(std::move(options), clock);
}

// Everything is in the data folder or in memory, but for limits that processes share.
class EmbeddedEngines final : public Engines {
 public:
  explicit EmbeddedEngines(std::string data_dir) : data_dir_(std::move(data_dir)) {}
  Status open(const config::Config& config, const OnFatal& on_fatal, Clock& clock,
              Metrics& metrics);

  const Ports& ports() const override { return *ports_; }
  std::vector<services::Check> checks() const override;
  void set_gauges(Metrics& metrics) const override;
  void close() override {
    // In reverse of open. What the store commits last stays in its outbox until the next start.
    store_->close();
    log_->close();
  }

 private:
  Status open_limiter(const config::Config& config, Clock& clock);
  void check_users(std::vector<services::Check>& all) const;

  const std::string data_dir_;
  // In the order in which they are made; they go in reverse.
  std::unique_ptr<sqlite::DirectoryLock> lock_;
  std::unique_ptr<sqlite::SqliteLog> log_;
  std::unique_ptr<sqlite::SqliteStore> store_;
  std::unique_ptr<VectorIndex> index_;
  std::unique_ptr<RateLimiter> limiter_;
  const redis::RedisLimiter* redis_ = nullptr;  // limiter_, where that is one
  std::unique_ptr<Embedder> embedder_;
  std::unique_ptr<PropertyExtractor> extractor_;
  std::unique_ptr<Ports> ports_;
};

Status EmbeddedEngines::open(const config::Config& config, const OnFatal& on_fatal, Clock& clock,
                             Metrics& metrics) {
  MESH_TRY(make_data_dir(data_dir_));
  lock_ = MESH_TRY(sqlite::DirectoryLock::acquire(data_dir_));
  // Under the lock, which a restore holds as long as it works.
  MESH_TRY(nothing_unfinished(data_dir_));
  MESH_TRY(no_missing_file(data_dir_));

  const auto commit_metrics = [&metrics](const char* file) {
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
  log_options.on_fatal = on_fatal;
  log_options.on_commit = commit_metrics("log");
  log_ = MESH_TRY(sqlite::SqliteLog::open(data_dir_, log_options, clock));

  sqlite::StoreOptions store_options;
  store_options.on_fatal = on_fatal;
  store_options.on_commit = commit_metrics("store");
  store_ = MESH_TRY(sqlite::SqliteStore::open(data_dir_, store_options, clock));

  sqlite::IndexOptions index_options;
  index_options.on_fatal = on_fatal;
  index_options.on_commit = commit_metrics("vectors");
  if (const auto from = config.vectors.hnsw_threshold) {
    index_options.approximate_from = static_cast<std::size_t>(*from);
  }
  index_ = MESH_TRY(sqlite::open_embedded_index(data_dir_, index_options));

  MESH_TRY(open_limiter(config, clock));
  embedder_ = hashing::make_embedder(config.embedder.dimension);
  extractor_ = computed::make_extractor();
  ports_.reset(new Ports{*log_, *log_, store_->users(), store_->leases(), store_->outbox(),
                         store_->tenants(), store_->idempotency(), store_->tasks(),
                         store_->members(), store_->retries(), store_->analytics(),
                         store_->chemical(), *index_, *limiter_, *embedder_, *extractor_});
  return {};
}

Status EmbeddedEngines::open_limiter(const config::Config& config, Clock& clock) {
  if (config.limiter.engine != "redis") {
    limiter_ = memory::make_limiter(clock);
    return {};
  }
  auto limiter = MESH_TRY(open_redis(config, clock));
  redis_ = limiter.get();
  limiter_ = std::move(limiter);
  return {};
}

std::vector<services::Check> EmbeddedEngines::checks() const {
  std::vector<services::Check> all;
  const auto damage = sqlite::damage_met();
  for (const auto& [file, cause] : damage) {
    all.push_back(
        {file, false,
         "damaged (" + cause + "): stop meshd and run `mesh check --data-dir " + data_dir_ + "`"});
  }
  if (damage.empty()) all.push_back({"files", true, "no damage was met"});
  check_users(all);
  if (redis_ != nullptr) {
    const auto trouble = redis_->trouble();
    all.push_back({"redis", !trouble,
                   trouble ? trouble->message + " (" + trouble->cause + ")"
                           : "connected; it counts the rate limits"});
  }
  std::error_code error;
  const auto space = std::filesystem::space(data_dir_, error);
  if (!error) {
    all.push_back({"disk", space.available > kLeastDiskBytes,
                   format_size(space.available) + " free in data_dir"});
  }
  return all;
}

void EmbeddedEngines::check_users(std::vector<services::Check>& all) const {
  constexpr int kMostNamed = 5;
  // One more than is named, to know whether there are others.
  const auto alike = store_->alike(kMostNamed + 1);
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

void EmbeddedEngines::set_gauges(Metrics& metrics) const {
  metrics
      .gauge("mesh_sqlite_bytes",
             "What SQLite uses of the heap: page caches, which are bounded, and statements.")
      .set(static_cast<double>(sqlite::memory_in_use()));
  metrics
      .gauge("mesh_damaged_files",
             "Data files that damage was met in since the start; `mesh check` names them.")
      .set(static_cast<double>(sqlite::damage_met().size()));
}

}  // namespace

Result<std::unique_ptr<Engines>> Engines::open(const config::Config& config, OnFatal on_fatal,
                                               Clock& clock, Metrics& metrics) {
  auto engines = std::make_unique<EmbeddedEngines>(config.data_dir);
  MESH_TRY(engines->open(config, on_fatal, clock, metrics));
  return engines;
}

}  // namespace mesh
