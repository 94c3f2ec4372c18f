#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/base/strings.h"
#include "common/config/config.h"
#include "common/config/keys.h"
#include "common/telemetry/log.h"

namespace mesh::config {
namespace {

constexpr std::size_t kMaxFile = 1 << 20;

enum class Content { secret, open };

// The file's text without a byte order mark and one line break at its end. Links are followed: that
// is how Kubernetes mounts secrets.
std::optional<std::string> read_file(const char* key, const std::string& file, Content content,
                                     Problems& problems) {
  const auto refuse = [&](const std::string& why) {
    problems.add(key, quote(file) + " " + why);
    return std::nullopt;
  };
  // Not blocking, for a FIFO would hold up the start.
  const int fd = open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return refuse(std::string("cannot be read: ") + std::strerror(errno));
  struct stat info {};
  std::string text;
  bool ok = fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
  // By what is read, not by the size that stat tells: a file may grow meanwhile.
  while (ok && text.size() <= kMaxFile) {
    char buffer[4096];
    const ssize_t got = read(fd, buffer, sizeof buffer);
    if (got == 0) break;
    if (got < 0 && errno == EINTR) continue;
    ok = got > 0;
    if (ok) text.append(buffer, static_cast<std::size_t>(got));
  }
  close(fd);
  if (!ok) return refuse("cannot be read: not a plain file");
  if (text.size() > kMaxFile) return refuse("is longer than 1 MiB");
  text.erase(0, text.size() - without_bom(text).size());
  // Editors and echo add one; more than one would be part of the secret.
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  if (text.empty()) return refuse("is empty");
  if (content == Content::secret && (info.st_mode & S_IROTH) != 0) {
    log::warn("a secret file is readable by everybody; chmod o-r it",
              {{"key", key}, {"file", file}});
  }
  return text;
}

}  // namespace

void read_secrets(Config& config, Problems& problems) {
  const auto read = [&](const char* key, const std::optional<std::string>& file, Secret& into) {
    if (!file) return;
    if (auto text = read_file(key, *file, Content::secret, problems)) {
      into = Secret(*std::move(text));
    }
  };
  Secrets& secrets = config.secrets;
  read("auth.operator_token_file", config.auth.operator_token_file, secrets.operator_token);
  read("auth.jwt.hs256_secret_file", config.auth.jwt.hs256_secret_file, secrets.hs256_secret);
  read("kafka.password_file", config.kafka.password_file, secrets.kafka_password);
  read("postgres.dsn_file", config.postgres.dsn_file, secrets.postgres_dsn);
  read("postgres.password_file", config.postgres.password_file, secrets.postgres_password);
  read("qdrant.api_key_file", config.qdrant.api_key_file, secrets.qdrant_api_key);
  read("redis.password_file", config.redis.password_file, secrets.redis_password);
  read("openai.api_key_file", config.openai.api_key_file, secrets.openai_api_key);
  read("telemetry.otlp.headers_file", config.telemetry.otlp.headers_file, secrets.otlp_headers);
  read("tenants.master_key_file", config.tenants.master_key_file, secrets.master_key);
  read("tenants.old_master_key_file", config.tenants.old_master_key_file, secrets.old_master_key);
  read("http.tls.key_file", config.http.tls.key_file, secrets.tls_key);
  read("tenants.receipt_key_file", config.tenants.receipt_key_file, secrets.receipt_key);
  const auto read_open = [&](const char* key, const std::optional<std::string>& file,
                             std::string& into) {
    if (!file) return;
    if (auto text = read_file(key, *file, Content::open, problems)) into = *std::move(text);
  };
  read_open("extractor.prompt_file", config.extractor.prompt_file, secrets.extractor_prompt);
  read_open("auth.jwt.jwks_file", config.auth.jwt.jwks_file, secrets.jwks);
  read_open("http.tls.cert_file", config.http.tls.cert_file, secrets.tls_certificate);
  read_open("http.tls.client_ca_file", config.http.tls.client_ca_file, secrets.tls_client_ca);
  // Libraries read these by themselves, when they connect: an error would then be told late, and
  // in their words.
  for (const auto& [key, file] : {std::pair{"auth.jwt.ca_file", config.auth.jwt.ca_file},
                                  {"kafka.ca_file", config.kafka.ca_file},
                                  {"postgres.ca_file", config.postgres.ca_file},
                                  {"qdrant.ca_file", config.qdrant.ca_file},
                                  {"redis.ca_file", config.redis.ca_file},
                                  {"openai.ca_file", config.openai.ca_file},
                                  {"telemetry.otlp.ca_file", config.telemetry.otlp.ca_file}}) {
    std::string text;
    read_open(key, file, text);
    if (!text.empty() && text.find("-----BEGIN CERTIFICATE-----") == std::string::npos) {
      problems.add(key, quote(*file) + " holds no PEM certificate (-----BEGIN CERTIFICATE-----)");
    }
  }
}

}  // namespace mesh::config
