#include "cli/commands/deploy/wiring.h"

#include "cli/commands/deploy/stack.h"

namespace mesh::cli::deploy {
namespace {

std::string plain_at(const Json& json, std::string_view path) {
  const Json& value = at_path(json, path);
  return value.is_null() ? std::string() : plain_text(value);
}

void wire_kafka(const Json& kafka, Wiring& wiring) {
  auto& environment = wiring.environment;
  if (kafka.is_null()) {
    wiring.components.emplace_back("redpanda");
    // The overlay's are MSK's.
    environment["MESH_KAFKA_SECURITY"] = "plaintext";
    for (const char* name : {"MESH_KAFKA_SASL", "MESH_KAFKA_USERNAME", "MESH_KAFKA_PASSWORD_FILE"})
      environment[name] = "";
    return;
  }
  environment["MESH_KAFKA_BROKERS"] = plain_at(kafka, "bootstrap_brokers");
  wiring.secrets["kafka_password"] = plain_at(kafka, "secret_arn");
}

void wire_postgres(const Json& postgres, Wiring& wiring) {
  if (postgres.is_null()) {
    wiring.components.emplace_back("postgres");
    return;
  }
  wiring.environment["MESH_POSTGRES_DSN"] =
      "postgresql://" + plain_at(postgres, "username") + "@" + plain_at(postgres, "host") + ":" +
      plain_at(postgres, "port") + "/" + plain_at(postgres, "database") +
      "?sslmode=verify-full&sslrootcert=/etc/ssl/mesh/rds.pem";
  wiring.secrets["postgres_password"] = plain_at(postgres, "secret_arn");
}

void wire_redis(const Json& redis, Wiring& wiring) {
  if (redis.is_null()) {
    wiring.components.emplace_back("redis");
    return;
  }
  const bool tls = at_path(redis, "tls") == Json(true);
  wiring.environment["MESH_REDIS_URL"] = std::string(tls ? "rediss://" : "redis://") +
                                         plain_at(redis, "host") + ":" + plain_at(redis, "port") +
                                         "/0";
  if (tls) {
    wiring.secrets["redis_password"] = plain_at(redis, "secret_arn");
  } else {
    // ElastiCache has a token only with TLS; the overlay names a file for one.
    wiring.environment["MESH_REDIS_PASSWORD_FILE"] = "";
  }
}

}  // namespace

Wiring wiring_of(const Json& outputs) {
  Wiring wiring;
  wire_kafka(output_of(outputs, "kafka"), wiring);
  wire_postgres(output_of(outputs, "postgres"), wiring);
  wire_redis(output_of(outputs, "redis"), wiring);
  // It changes the claims of those before it.
  if (!wiring.components.empty()) wiring.components.emplace_back("claims-on-gp3");
  const Json roles = output_of(outputs, "service_account_roles");
  if (roles.is_object()) {
    for (const auto& [account, arn] : roles.items()) wiring.roles[account] = plain_text(arn);
  }
  return wiring;
}

}  // namespace mesh::cli::deploy
