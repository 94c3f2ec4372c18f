#include "common/engines/kafka/client.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "common/base/strings.h"
#include "common/telemetry/log.h"

namespace mesh::kafka {
namespace {

// Its warnings repeat with every attempt to connect; trouble() tells an outage once.
void write_log(const rd_kafka_t*, int, const char* facility, const char* text) {
  log::debug("librdkafka", {{"facility", facility}, {"text", text}});
}

std::string upper(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return text;
}

Status check(const KafkaOptions& options) {
  const auto one_of = [](const std::string& word, std::initializer_list<const char*> words) {
    return std::ranges::find(words, word) != words.end();
  };
  if (options.brokers.empty()) {
    return fail(ErrorKind::invalid, "kafka.brokers is empty: name at least one host:port");
  }
  if (!one_of(options.security, {"plaintext", "ssl", "sasl_plaintext", "sasl_ssl"})) {
    return fail(ErrorKind::invalid, "kafka.security is '" + options.security +
                                        "': it takes plaintext, ssl, sasl_plaintext or sasl_ssl");
  }
  const bool sasl = options.security.starts_with("sasl");
  if (sasl && !one_of(options.sasl_mechanism, {"plain", "scram-sha-256", "scram-sha-512"})) {
    return fail(ErrorKind::invalid, "kafka.sasl is '" + options.sasl_mechanism +
                                        "': it takes plain, scram-sha-256 or scram-sha-512");
  }
  if (sasl && (options.username.empty() || options.password.empty())) {
    return fail(ErrorKind::invalid, "kafka.security is '" + options.security +
                                        "', which needs kafka.username and a password");
  }
  if (options.cert_file.empty() != options.key_file.empty()) {
    return fail(ErrorKind::invalid,
                "of kafka's client certificate and its key one is missing: name both or neither");
  }
  for (const auto& file : {options.ca_file, options.cert_file, options.key_file}) {
    if (file.empty() || access(file.c_str(), R_OK) == 0) continue;
    return fail(ErrorKind::invalid, "a certificate or key file of `kafka` cannot be read",
                file + ": " + std::strerror(errno));
  }
  return {};
}

Settings common_settings(const KafkaOptions& options, rd_kafka_type_t type) {
  const std::string timeout = std::to_string(options.request_timeout.count());
  Settings all{
      {"bootstrap.servers", join(options.brokers, ",")},
      {"client.id", "mesh"},
      {"security.protocol", options.security},
      {"socket.timeout.ms", timeout},
      {"socket.connection.setup.timeout.ms",
       std::to_string(std::max<Duration::rep>(1'000, options.request_timeout.count()))},
      {"socket.keepalive.enable", "true"},
      {"socket.nagle.disable", "true"},
      {"reconnect.backoff.ms", "50"},
      {"reconnect.backoff.max.ms", "1000"},
      {"log.connection.close", "false"},
  };
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) all.emplace_back(name, value);
  };
  if (options.security.starts_with("sasl")) {
    add("sasl.mechanism", upper(options.sasl_mechanism));
    add("sasl.username", options.username);
    add("sasl.password", options.password);
  }
  if (options.security.ends_with("ssl")) {
    add("ssl.ca.location", options.ca_file);
    add("ssl.certificate.location", options.cert_file);
    add("ssl.key.location", options.key_file);
  }
  if (type == RD_KAFKA_CONSUMER) {
    // A name that does not exist must not make a topic of it.
    add("allow.auto.create.topics", "false");
    add("enable.auto.commit", "false");
    add("enable.auto.offset.store", "false");
    add("fetch.error.backoff.ms", "50");
  }
  return all;
}

}  // namespace

Result<Handle> make_handle(const KafkaOptions& options, rd_kafka_type_t type,
                           const Settings& settings,
                           const std::function<void(rd_kafka_conf_t*)>& prepare) {
  MESH_TRY(check(options));
  std::array<char, 512> text{};
  Conf conf(rd_kafka_conf_new());
  const auto set = [&](const Settings& some) -> Status {
    for (const auto& [name, value] : some) {
      if (rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), text.data(), text.size()) !=
          RD_KAFKA_CONF_OK) {
        return fail(ErrorKind::invalid, "a setting of the Kafka log is refused: " + name,
                    text.data());
      }
    }
    return {};
  };
  MESH_TRY(set(common_settings(options, type)));
  MESH_TRY(set(settings));
  rd_kafka_conf_set_log_cb(conf.get(), &write_log);
  prepare(conf.get());
  Handle handle(rd_kafka_new(type, conf.get(), text.data(), text.size()));
  if (!handle) {
    return fail(ErrorKind::invalid,
                "the Kafka log cannot be set up: look at the keys of `kafka` in the configuration",
                text.data());
  }
  (void)conf.release();  // the handle's now
  return handle;
}

namespace {

ErrorKind kind_of(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND:
      return ErrorKind::not_found;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
      return ErrorKind::too_large;
    case RD_KAFKA_RESP_ERR_NON_EMPTY_GROUP:
    case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
    case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
    case RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
    case RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST:
      return ErrorKind::conflict;
    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
      return ErrorKind::corrupt;
    default:
      return ErrorKind::unavailable;
  }
}

}  // namespace

bool is_refusal(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
         code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED ||
         code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED ||
         code == RD_KAFKA_RESP_ERR__AUTHENTICATION ||
         code == RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED;
}

Error error_of(rd_kafka_resp_err_t code, std::string_view doing, std::string_view detail) {
  Error error;
  error.kind = kind_of(code);
  error.message = "the Kafka log cannot " + std::string(doing);
  if (is_refusal(code)) {
    error.message +=
        ": the brokers do not allow it; look at kafka.sasl, and at their access rules for its user";
  } else if (error.kind == ErrorKind::unavailable) {
    error.message += " now: the brokers do not answer as they should; try again";
  }
  error.cause = std::string(rd_kafka_err2name(code)) + ": " +
                (detail.empty() ? std::string(rd_kafka_err2str(code)) : std::string(detail));
  return error;
}

bool passes(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH:
    case RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH:
    case RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
    case RD_KAFKA_RESP_ERR_NOT_CONTROLLER:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:  // not yet known to every broker
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
      return true;
    default:
      return false;
  }
}

}  // namespace mesh::kafka
