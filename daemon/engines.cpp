#include "daemon/engines.h"

#include <sys/stat.h>

#include <filesystem>
#include <ranges>

#include "common/base/time.h"
#include "common/cipher/encrypted_log.h"
#include "common/cipher/master_key.h"
#include "common/engines/sqlite/core/damage.h"
#include "common/engines/sqlite/core/database.h"
#include "common/engines/sqlite/core/directory_lock.h"
#include "common/telemetry/log.h"
#include "daemon/backup.h"
#include "daemon/check_data.h"
#include "daemon/engine_parts.h"

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

class ConfiguredEngines final : public Engines {
 public:
  explicit ConfiguredEngines(std::string data_dir) : data_dir_(std::move(data_dir)) {}
  Status open(const EngineContext& context);

  const Ports& ports() const override { return *ports_; }
  std::vector<services::Check> checks() const override;
  std::vector<ExaminedServer> examine() const override {
    std::vector<ExaminedServer> all;
    for (const auto& part : examined_) all.push_back(part());
    return all;
  }
  void set_gauges(Metrics& metrics) const override;
  void close() override {
    for (const auto& part : std::views::reverse(closes_)) part();
  }

 private:
  Status open_plain_log(const EngineContext& context);
  // What the part says of itself joins the others'; answers its port.
  template <typename Port>
  Port& keep(EnginePart<Port>& part) {
    if (part.check) checks_.push_back(part.check);
    if (part.examine) examined_.push_back(part.examine);
    if (part.close) closes_.push_back(part.close);
    return *part.port;
  }

  const std::string data_dir_;
  // In the order in which they are made; they go in reverse.
  std::unique_ptr<sqlite::DirectoryLock> lock_;
  LogPart log_;
  EnginePart<Stores> stores_;
  std::unique_ptr<cipher::TenantCipher> cipher_;  // null: no master key is known
  std::unique_ptr<cipher::EncryptedLog> plain_log_;
  EnginePart<VectorIndex> index_;
  EventsPart events_;
  EnginePart<RateLimiter> limiter_;
  EnginePart<ReadCache> cache_;
  EnginePart<Embedders> embedders_;
  EnginePart<PropertyExtractor> extractor_;
  std::vector<std::function<void(std::vector<services::Check>&)>> checks_;
  std::vector<std::function<ExaminedServer()>> examined_;
  std::vector<std::function<void()>> closes_;
  std::unique_ptr<Ports> ports_;
};

// The folder is whole while the lock is held.
Result<std::unique_ptr<sqlite::DirectoryLock>> lock_data_dir(const config::Config& config,
                                                             Clock& clock) {
  auto lock = MESH_TRY(sqlite::DirectoryLock::acquire(config.data_dir));
  // Under the lock, which a restore holds as long as it works.
  MESH_TRY(nothing_unfinished(config.data_dir));
  MESH_TRY(no_missing_file(config.data_dir, embedded_files(config)));
  MESH_TRY(back_up_before_upgrade(config, MESH_VERSION, clock));
  return lock;
}

Status exchange_master_key(const cipher::MasterKeys& keys, Stores& stores) {
  const auto done = MESH_TRY(cipher::exchange_master_key(keys, stores.epochs(), stores.keys()));
  for (const TenantId& tenant : done.unreadable) {
    log::error(
        "the key of a tenant is opened neither by tenants.master_key_file nor by "
        "tenants.old_master_key_file, and stays as it is: what it encrypts is not readable",
        {{"tenant", tenant.str()}});
  }
  if (!keys.old) return {};
  log::info(
      "tenants' keys were encrypted anew with tenants.master_key_file; once the last process that "
      "knows the old one alone has ended, restart one: where it logs 0 keys and none that stays, "
      "tenants.old_master_key_file is needed no more but for backups of before",
      {{"keys", done.rewrapped}});
  return {};
}

// Null: no master key is known. `exchange`: each tenant's key is looked at, and what the old one
// encrypts is encrypted anew.
Result<std::unique_ptr<cipher::TenantCipher>> open_cipher(const EngineContext& context,
                                                          Stores& stores, bool exchange) {
  const config::Config& config = context.config;
  std::unique_ptr<cipher::TenantCipher> opened;
  if (!config.tenants.master_key_file) return opened;
  std::optional<std::string_view> old;
  if (config.tenants.old_master_key_file) old = config.secrets.old_master_key.reveal();
  auto keys = MESH_TRY(
      cipher::master_keys(config.secrets.master_key.reveal(), old, stores.epochs(), stores.keys()));
  if (exchange) MESH_TRY(exchange_master_key(keys, stores));
  opened = std::make_unique<cipher::TenantCipher>(stores.keys(), std::move(keys), context.clock);
  return opened;
}

class OpenedOfRecord final : public EnginesOfRecord {
 public:
  Status open(const EngineContext& context, bool filled) {
    lock_ = MESH_TRY(lock_data_dir(context.config, context.clock));
    log_ = MESH_TRY(open_log(context));
    stores_ = MESH_TRY(open_stores(context));
    // What is to be left stays as it is.
    if (filled) cipher_ = MESH_TRY(open_cipher(context, *stores_.port, false));
    return {};
  }
  ~OpenedOfRecord() override {
    if (stores_.close) stores_.close();
    if (log_.close) log_.close();
  }
  EventLog& log() override { return *log_.port; }
  LogAdmin& admin() override { return *log_.admin; }
  LogImport& import() override { return *log_.import; }
  Stores& stores() override { return *stores_.port; }
  cipher::TenantCipher* cipher() override { return cipher_.get(); }

 private:
  std::unique_ptr<sqlite::DirectoryLock> lock_;  // goes last
  LogPart log_;
  EnginePart<Stores> stores_;
  std::unique_ptr<cipher::TenantCipher> cipher_;
};

Status has_files(const config::Config& config) {
  const auto used = embedded_files(config);
  for (const auto& [uses, file] : {std::pair(used.log, "log.db"), {used.store, "store.db"}}) {
    const std::string path = config.data_dir + "/" + file;
    if (!uses || std::filesystem::exists(path)) continue;
    return fail(ErrorKind::not_found, path + " does not exist: no meshd has run there");
  }
  return {};
}

// The log as the rest of the daemon sees it.
Status ConfiguredEngines::open_plain_log(const EngineContext& context) {
  const config::Config& config = context.config;
  cipher_ = MESH_TRY(open_cipher(context, *stores_.port, true));
  plain_log_ = std::make_unique<cipher::EncryptedLog>(
      *log_.port, *log_.admin, cipher_.get(),
      cipher::EncryptedLog::Options{config.tenants.erasure == "crypto", config.log.max_pending},
      context.clock);
  return {};
}

Status ConfiguredEngines::open(const EngineContext& context) {
  MESH_TRY(make_data_dir(data_dir_));
  // Also of a process that keeps nothing there but its token and run.json, which are its own.
  lock_ = MESH_TRY(lock_data_dir(context.config, context.clock));

  log_ = MESH_TRY(open_log(context));
  stores_ = MESH_TRY(open_stores(context));
  MESH_TRY(open_plain_log(context));
  index_ = MESH_TRY(open_index(context, *stores_.port));
  events_ = MESH_TRY(open_event_index(context, *stores_.port));
  limiter_ = MESH_TRY(open_limiter(context));
  cache_ = MESH_TRY(open_cache(context, *stores_.port));
  embedders_ = MESH_TRY(open_embedders(context));
  extractor_ = MESH_TRY(open_extractor(context));
  (void)keep(log_);
  Stores& stores = keep(stores_);
  closes_.push_back([this] { plain_log_->close(); });
  ReadCache* const cache = cache_.port ? &keep(cache_) : nullptr;
  ports_.reset(new Ports{*plain_log_,
                         *plain_log_,
                         stores.users(),
                         stores.leases(),
                         stores.outbox(),
                         stores.tenants(),
                         stores.idempotency(),
                         stores.tasks(),
                         stores.members(),
                         stores.retries(),
                         stores.analytics(),
                         stores.chemical(),
                         stores.usage(),
                         stores.tenant_data(),
                         stores.keys(),
                         keep(index_),
                         keep(events_),
                         keep(limiter_),
                         keep(embedders_),
                         keep(extractor_),
                         stores_.remote,
                         stores_.remote ? cache : nullptr,
                         context.config.cache.searches ? cache : nullptr});
  ports_->events_settle = events_.settle;
  if (cipher_) {
    ports_->forget_keys = [this](const TenantId& tenant) { cipher_->forget(tenant); };
  }
  if (log_.remote && stores_.remote && !index_.remote) {
    log::warn(
        "vectors.engine is embedded on a log and a store that processes share: no second process "
        "with the role pipelines may run on them, since each would index a part of the users");
  }
  if (stores_.remote && !context.config.auth.operator_token_file) {
    log::warn(
        "auth.operator_token_file is not set: another process on this store makes a token of its "
        "own, and neither knows the other's operator, nor the write positions that it gave out");
  }
  return {};
}

std::vector<services::Check> ConfiguredEngines::checks() const {
  std::vector<services::Check> all;
  const auto damage = sqlite::damage_met();
  for (const auto& [file, cause] : damage) {
    all.push_back(
        {file, false,
         "damaged (" + cause + "): stop meshd and run `mesh check --data-dir " + data_dir_ + "`"});
  }
  if (damage.empty()) all.push_back({"files", true, "no damage was met"});
  for (const auto& check : checks_) check(all);
  std::error_code error;
  const auto space = std::filesystem::space(data_dir_, error);
  if (!error) {
    all.push_back({"disk", space.available > kLeastDiskBytes,
                   format_size(space.available) + " free in data_dir"});
  }
  return all;
}

void ConfiguredEngines::set_gauges(Metrics& metrics) const {
  metrics
      .gauge("mesh_sqlite_bytes",
             "What SQLite uses of the heap: page caches, which are bounded, and statements.")
      .set(static_cast<double>(sqlite::memory_in_use()));
  metrics
      .gauge("mesh_damaged_files",
             "Data files that damage was met in since the start; `mesh check` names them.")
      .set(static_cast<double>(sqlite::damage_met().size()));
  std::error_code error;
  const auto space = std::filesystem::space(data_dir_, error);
  if (error) return;  // what was seen last stands
  metrics
      .gauge("mesh_data_dir_available_bytes",
             "What the file system of data_dir has left for meshd's user.")
      .set(static_cast<double>(space.available));
  metrics.gauge("mesh_data_dir_size_bytes", "How large the file system of data_dir is.")
      .set(static_cast<double>(space.capacity));
}

}  // namespace

Result<std::unique_ptr<Engines>> Engines::open(const config::Config& config, OnFatal on_fatal,
                                               Clock& clock, Metrics& metrics, Usage& usage) {
  auto engines = std::make_unique<ConfiguredEngines>(config.data_dir);
  MESH_TRY(engines->open({config, std::move(on_fatal), clock, metrics, usage}));
  return engines;
}

Result<std::unique_ptr<EnginesOfRecord>> EnginesOfRecord::open(const config::Config& config,
                                                               bool filled,
                                                               Engines::OnFatal on_fatal,
                                                               Clock& clock, Metrics& metrics,
                                                               Usage& usage) {
  MESH_TRY(filled ? has_files(config) : make_data_dir(config.data_dir));
  auto opened = std::make_unique<OpenedOfRecord>();
  MESH_TRY(
      opened->open({config, std::move(on_fatal), clock, metrics, usage, false, !filled}, filled));
  return opened;
}

}  // namespace mesh
