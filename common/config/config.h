// The configuration of meshd: one YAML file, these structs, their defaults.
//
// Keys in the file are the members' names; each group is one mapping. docs/operations.md explains
// them; `meshd --print-config-schema` prints them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/backoff.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/domain/rate_policy.h"

namespace mesh::config {

// A secret: does not print. Text forms show "***".
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  const std::string& reveal() const { return value_; }
  bool empty() const { return value_.empty(); }
  bool operator==(const Secret&) const = default;

 private:
  std::string value_;
};

struct Listen {
  std::string users = "127.0.0.1:8081";
  std::string gateway = "127.0.0.1:8090";
  std::string publisher = "127.0.0.1:8000";
  std::string subscriber = "127.0.0.1:8001";
  std::string admin = "127.0.0.1:9090";
};

struct Tls {
  std::optional<std::string> cert_file;  // null: plain HTTP
  std::optional<std::string> key_file;
  std::optional<std::string> client_ca_file;
  std::string client_auth = "none";              // none | optional | require
  std::optional<std::string> admin_client_auth;  // null: as client_auth
  std::string min_version = "1.2";               // 1.2 | 1.3
};

struct Http {
  int workers = 0;  // 0: one per core, at least two
  int blocking_workers = 16;
  int max_connections = 10'000;
  int max_admin_connections = 1'000;
  int max_waiting = 1'000;
  int max_streams = 1'000;  // of one listener
  int max_streams_per_tenant = 100;
  Duration max_stream_age{3'600'000};
  std::uint64_t max_body = 1ull << 20;
  std::uint64_t max_bulk_body = 64ull << 20;
  std::uint64_t max_buffered = 256ull << 20;  // bodies being gathered, all connections
  std::vector<std::string> allowed_hosts;     // beside addresses, localhost and those of `listen`
  struct {
    std::vector<std::string> origins;
    Duration max_age{600'000};
  } cors;
  Duration header_timeout{10'000};
  Duration body_timeout{30'000};
  Duration idle_timeout{75'000};
  Duration write_timeout{30'000};
  Duration answer_timeout{60'000};
  Duration slow_request{1'000};  // is in the access log at info, and its trace is sent
  Duration max_wait{25'000};
  Duration drain_delay{0};
  Duration drain_timeout{20'000};
  Tls tls;
};

struct Jwt {
  std::optional<std::string> issuer;
  std::optional<std::string> audience;
  std::optional<std::string> jwks_file;
  std::optional<std::string> jwks_url;
  std::optional<std::string> ca_file;  // of jwks_url's server; null: the system's
  std::optional<std::string> hs256_secret_file;
  std::string tenant_claim = "tenant_id";  // a JSON pointer where it begins with '/'
  Duration leeway{30'000};                 // at most 60 s
};

// Who the holder of a verified client certificate is.
struct ClientCertificateRule {
  std::optional<std::string> user;     // spiffe://mesh.example.org/{tenant}/{user}; null: nobody
  std::vector<std::string> operators;  // spiffe://mesh.example.org/operator, CN=ops
};

struct Auth {
  std::string mode = "dev";  // dev | jwt
  bool allow_dev_on_network = false;
  std::optional<std::string> anonymous_tenant = "default";  // dev mode only
  std::optional<std::string> operator_token_file;           // null: <data_dir>/operator.token
  Jwt jwt;
  ClientCertificateRule client_certificate;
};

struct Retention {
  Duration age{std::chrono::hours{24 * 7}};
  std::uint64_t size = 10ull << 30;
  std::optional<std::uint64_t> hard_size;  // null: unread events stay as long as the disk has room
};

struct Compaction {
  Duration min_lag{std::chrono::minutes{1}};
  Duration max_lag{std::chrono::minutes{10}};
  Duration delete_retention{std::chrono::hours{24}};
};

struct Log {
  std::string engine = "sqlite";  // sqlite | kafka
  int partitions = 8;
  struct {
    Retention activity;
  } retention;
  Compaction compaction;
  std::uint64_t max_pending = 64ull << 20;  // bytes waiting for a commit; beyond it: 503
};

struct Store {
  std::string engine = "sqlite";
};  // sqlite | postgres
struct Vectors {
  std::string engine = "embedded";  // embedded | qdrant
  std::optional<std::int64_t> hnsw_threshold;
  bool events = true;                    // searchable ones are indexed
  std::int64_t recent_searches = 1'000;  // kept in memory, for `mesh index compare`
};
struct Limiter {
  std::string engine = "memory";         // memory | redis
  std::string on_unavailable = "allow";  // allow | deny
};
struct Cache {
  std::string engine = "none";  // none | redis
  bool searches = false;        // else summaries alone
  Duration ttl{10'000};
  std::uint64_t max = 64ull << 20;  // bytes of this process in the server, about
};
struct Embedder {
  std::string engine = "hashing";   // hashing | static | openai
  std::optional<std::string> path;  // of a static model's folder
  std::optional<int> dimension;     // 16 … 4096; null: 384, or the static model's
  std::optional<int> letters;       // 0, or 16 … 4096; null: 384 with engine static, else 0
};
struct Extractor {
  std::string engine = "computed";         // computed | openai
  std::optional<std::string> model;        // null: openai.model
  std::optional<std::string> prompt_file;  // null: the engine's own prompt
  std::string fallback = "computed";       // computed | none
  int max_answer_tokens = 2'000;
  int max_in_flight = 8;
  std::optional<int> rate;  // requests a minute; null: as many as the server takes
  struct {
    double input = 0, output = 0;  // of a million tokens
  } price;
};

struct Pipelines {
  int batch = 256;          // events per batch
  BackoffPolicy retry;      // base, cap, max_attempts
  int max_parked = 10'000;  // events that wait for a retry, per pipeline; beyond: pause
};

// Of long work, such as replays: how much of it at once.
struct Tasks {
  int max_running = 4;             // in this process; the others wait
  int max_running_per_tenant = 2;  // about one tenant's events alone, in all processes together
};

struct Kafka {
  std::vector<std::string> brokers = {"127.0.0.1:9092"};
  std::string security = "plaintext";  // plaintext | ssl | sasl_plaintext | sasl_ssl
  std::optional<std::string> sasl;     // plain | scram-sha-256 | scram-sha-512
  std::optional<std::string> username;
  std::optional<std::string> password_file;
  std::optional<std::string> ca_file;    // null: the system's
  std::optional<std::string> cert_file;  // of the client, and its key
  std::optional<std::string> key_file;
  std::optional<std::string> prefix;  // of the names of topics and groups
  int replication = 1;
  bool create_topics = true;  // false: they are only checked
};
struct Postgres {
  std::optional<std::string> dsn_file;
  std::optional<Secret> dsn;
  std::optional<std::string> password_file;
  std::optional<std::string> ca_file;  // null: as the connection string says
  std::string schema = "mesh";
  int pool = 8;
};
struct Qdrant {
  std::string url = "http://127.0.0.1:6333";
  std::optional<std::string> api_key_file;
  std::optional<std::string> ca_file;  // null: the system's
  std::optional<std::string> prefix;   // of the names of collections and their alias
  Duration timeout{5'000};
  // What a power cut of the server may lose: offsets are committed no earlier.
  Duration flush_interval{5'000};
};
struct Redis {
  std::string url = "redis://127.0.0.1:6379/0";
  std::optional<std::string> password_file;
  std::optional<std::string> ca_file;  // null: the system's
  std::string prefix = "mesh:";
};
struct OpenAi {
  std::optional<std::string> base_url;
  std::optional<std::string> api_key_file;
  std::optional<std::string> ca_file;  // null: the system's
  std::optional<std::string> model;
  Duration timeout{30'000};
  std::uint64_t cache = 1ull << 30;  // of vectors, in data_dir
};

struct Telemetry {
  struct {
    std::string level = "info";
    std::string format = "auto";
  } log;  // auto | text | json
  struct {
    std::optional<std::string> endpoint;
    std::optional<std::string> headers_file;
    std::optional<std::string> ca_file;  // null: the system's
    double sample = 1.0;
  } otlp;
  struct {
    int tenants = 50;
  } metrics;
};

// What the *_file keys name, read when the configuration is loaded. Not keys of the file, and never
// printed. Authorities that a library reads by itself are not here.
struct Secrets {
  std::string tls_certificate;  // public, as jwks and the next
  std::string tls_client_ca;
  Secret tls_key;
  Secret operator_token;
  Secret hs256_secret;
  std::string jwks;              // public keys: no secret, but read in the same way
  std::string extractor_prompt;  // likewise
  Secret kafka_password;
  Secret postgres_dsn;
  Secret postgres_password;
  Secret qdrant_api_key;
  Secret redis_password;
  Secret openai_api_key;
  Secret otlp_headers;
  Secret master_key;  // 64 hexadecimal digits, as the next
  Secret old_master_key;
  Secret receipt_key;
};

// What a process does. All but one listen, where `listen.<name>` says.
struct Role {
  const char* name;
  std::string Listen::*address;  // null: it does not listen
};
namespace role {
inline constexpr Role kUsers{"users", &Listen::users};
inline constexpr Role kGateway{"gateway", &Listen::gateway};
inline constexpr Role kPublisher{"publisher", &Listen::publisher};
inline constexpr Role kSubscriber{"subscriber", &Listen::subscriber};
inline constexpr Role kAdmin{"admin", &Listen::admin};
inline constexpr Role kPipelines{"pipelines", nullptr};
}  // namespace role
inline constexpr Role kRoles[] = {role::kUsers,      role::kGateway, role::kPublisher,
                                  role::kSubscriber, role::kAdmin,   role::kPipelines};
std::vector<std::string> role_names();

struct Tenants {
  std::string registration = "open";  // open | required
  std::string erasure = "none";       // none | crypto
  std::optional<std::string> master_key_file;
  std::optional<std::string> old_master_key_file;
  std::optional<std::string> receipt_key_file;
};

// The web console, on the admin listener.
struct Console {
  bool enabled = true;
  Duration session{std::chrono::hours{12}};
  bool read_only = false;
  bool hide_payloads = false;
  bool may_export = true;
};

// Where the value of a key comes from that is not the default: the command line, or the file and
// the variables that it names there.
struct Origin {
  struct Variable {
    std::string name;
    bool taken = false;  // false: not set or empty, and the file's own default counts
  };
  std::string file;                 // absolute
  int line = 0;                     // of the key in it
  std::vector<Variable> variables;  // in the file's order
  std::string flag;                 // "--data-dir", which no file has; empty: the file
};

struct Config {
  std::string data_dir = "./mesh-data";
  std::vector<std::string> roles = role_names();
  Listen listen;
  Http http;
  Auth auth;
  Log log;
  Store store;
  Vectors vectors;
  Limiter limiter;
  Cache cache;
  Embedder embedder;
  Extractor extractor;
  Pipelines pipelines;
  Tasks tasks;
  Tenants tenants;
  Console console;
  std::string canary = "off";  // off | on
  std::map<std::string, RatePolicy> rate_limits = {
      {"search", {600, std::chrono::minutes{1}, 100}},
      {"publish", {100'000, std::chrono::seconds{1}, 200'000}},
      {"users", {10'000, std::chrono::seconds{1}, 20'000}}};
  Kafka kafka;
  Postgres postgres;
  Qdrant qdrant;
  Redis redis;
  OpenAi openai;
  Telemetry telemetry;
  Secrets secrets;
  // By the path of the key; the others have their defaults. Not keys of the file, as `secrets`.
  std::map<std::string, Origin, std::less<>> origins;

  bool has_role(const Role& role) const;
};

// The file to read: `flag`, else $MESH_CONFIG, else ./meshd.yaml, else /etc/mesh/meshd.yaml;
// nothing where none exists (the defaults then apply). Whether one of the first two exists is not
// looked at: load_file says so.
std::optional<std::string> find_config_file(const std::optional<std::string>& flag);

// Reads, checks and validates; blocks on the files that *_file keys name. Every error names the
// path of the key ("http.max_body"), the value and what is allowed; several errors are one
// `invalid` message, a line each. ${VAR} and ${VAR:-default} expand in scalars (`$$` is a dollar).
// Environment access is injected. What *_file keys name is read into `secrets`; a secret that
// everybody may read is logged as a warning. A key that is not written keeps its default; a rate
// limit that is written replaces the whole policy (`burst` is then rate - 1 unless written), and
// `null` lifts it. `origins` says of each key that is written where.
Result<Config> load_text(const std::string& yaml,
                         const std::function<const char*(const char*)>& env);
// The file, with the process' environment; the defaults where no path is given. `invalid` for a
// file that cannot be read as well; the message names it.
Result<Config> load_file(const std::optional<std::string>& path);

// The bounds of each key and the rules between keys: dev mode on the network, engines that this
// build lacks, … For configurations made or changed in code; load_* call it.
Status validate(const Config& config);

// YAML that load_text reads back, secrets masked.
std::string print(const Config& config);
// The same as nested objects.
Json to_json(const Config& config);
// Every key in the order of the file, an object each: "key", "value", "default", "origin" (default,
// file, environment or flag), "where" (file and line, or the flag; null), "variables" (that the
// file names there: "name" and whether it is "set") and "description". Secrets masked; never what a
// variable holds but for the value.
Json settings(const Config& config);
// The paths of the keys whose values differ.
std::vector<std::string> changed_keys(const Config& a, const Config& b);
// The defaults as a commented file: what manifests/meshd.yaml holds.
std::string example();
// JSON Schema (2020-12) of the file.
std::string schema();

}  // namespace mesh::config
