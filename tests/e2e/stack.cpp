#include "tests/e2e/stack.h"

#include <filesystem>
#include <fstream>

namespace mesh::e2e {
namespace {

// Clients go where a broker tells them to, whatever address they have asked.
std::map<std::string, std::string> broker_properties(const Stack::Cables* cables) {
  if (cables == nullptr) return {};
  return {{"advertised.listeners", "CLIENTS://" + cables->kafka.address()}};
}

}  // namespace

std::optional<std::string> Stack::missing() {
  if (!test::KafkaServer::installed()) return test::KafkaServer::kMissing;
  if (!test::PostgresServer::installed()) return test::PostgresServer::kMissing;
  if (!test::RedisServer::installed()) return test::RedisServer::kMissing;
  if (!test::QdrantServer::installed()) return test::QdrantServer::kMissing;
  return std::nullopt;
}

Stack::Stack(Wiring wiring)
    : cables(wiring == Wiring::cables ? std::make_unique<Cables>() : nullptr),
      kafka(broker_properties(cables.get())) {
  if (cables) {
    cables->kafka.lead_to(kafka.port());
    cables->postgres.lead_to(postgres.port());
    cables->redis.lead_to(redis.port());
    cables->qdrant.lead_to(qdrant.port());
  }
  std::ofstream(dir_.file("postgres.password")) << test::PostgresServer::kPassword << "\n";
}

std::unique_ptr<Daemon> Stack::daemon(const std::string& name, const std::string& roles,
                                      const std::string& more) {
  // Of libpq's settings the last one counts.
  const std::string dsn =
      postgres.dsn() + (cables ? " port=" + std::to_string(cables->postgres.port()) : "");
  const std::string brokers = cables ? cables->kafka.address() : kafka.address();
  const std::string qdrant_url = cables ? "http://" + cables->qdrant.address() : qdrant.url();
  const int redis_port = cables ? cables->redis.port() : redis.port();
  std::string key;
  if (!qdrant.api_key().empty()) {
    std::ofstream(dir_.file("qdrant.key")) << qdrant.api_key() << "\n";
    key = ", api_key_file: " + dir_.file("qdrant.key");
  }
  // One token for all, where Daemon and `mesh --data-dir` look for it.
  const std::string folder = dir_.file(name);
  std::filesystem::create_directories(folder);
  std::ofstream(folder + "/operator.token") << std::string(64, 't') << "\n";
  std::string config = roles.empty() ? "" : "roles: " + roles + "\n";
  config += "auth: {operator_token_file: " + folder +
            "/operator.token}\n"
            // They refuse nothing, and Redis is asked all the same.
            "rate_limits: {search: {rate: 1000000, per: 1s}, publish: {rate: 1000000, per: 1s}, "
            "users: {rate: 1000000, per: 1s}}\n"
            "log: {engine: kafka, partitions: 3}\n"
            "store: {engine: postgres}\n"
            // The peer that stands for Qdrant is slow: events of these loads would keep it behind.
            "vectors: {engine: qdrant, events: " +
            (test::QdrantServer::real() ? "true" : "false") +
            "}\n"
            "limiter: {engine: redis}\n"
            "kafka: {brokers: ['" +
            brokers + "'], prefix: " + prefix_ +
            "}\n"
            "postgres: {dsn: \"" +
            dsn + "\", password_file: " + dir_.file("postgres.password") + ", schema: " + schema_ +
            "}\n"
            // A peer has no disk that it could lose.
            "qdrant: {url: '" +
            qdrant_url + "', prefix: " + prefix_ + ", flush_interval: 0s" + key +
            "}\n"
            "redis: {url: 'redis://127.0.0.1:" +
            std::to_string(redis_port) + "'}\n";
  return std::make_unique<Daemon>(folder, config + more);
}

}  // namespace mesh::e2e
