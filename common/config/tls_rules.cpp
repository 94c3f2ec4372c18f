#include "common/config/tls_rules.h"

#include "common/config/listeners.h"

namespace mesh::config {
namespace {

// The admin listener has an address that no other role shares.
bool admin_is_apart(const Config& config) {
  if (!config.has_role(role::kAdmin)) return false;
  const std::string& own = config.listen.admin;
  // Of port 0 each listener has one of its own.
  return own.ends_with(":0") || std::ranges::none_of(listeners(config), [&](const auto& other) {
           return other.first != role::kAdmin.name && other.second == own;
         });
}

bool asks_for_certificates(const Tls& tls) {
  return tls.client_auth != "none" || tls.admin_client_auth.value_or("none") != "none";
}

void check_server(const Config& config, Problems& problems) {
  const Tls& tls = config.http.tls;
  const auto unused = [&](const char* key, bool written, const char* without) {
    if (written) {
      problems.add(key,
                   std::string("does nothing without ") + without + "; set that or leave it out");
    }
  };
  if (tls.cert_file && !tls.key_file) {
    problems.add("http.tls.key_file", "http.tls.cert_file needs it");
  }
  if (!tls.cert_file) {
    constexpr const char* kCertificate = "http.tls.cert_file";
    unused("http.tls.key_file", tls.key_file.has_value(), kCertificate);
    unused("http.tls.client_ca_file", tls.client_ca_file.has_value(), kCertificate);
    unused("http.tls.client_auth", tls.client_auth != "none", kCertificate);
    unused("http.tls.admin_client_auth", tls.admin_client_auth.has_value(), kCertificate);
    unused("http.tls.min_version", tls.min_version != Tls{}.min_version, kCertificate);
    return;
  }
  // Without one anybody's certificate would be refused; the system's authorities sign for anybody.
  if (asks_for_certificates(tls) && !tls.client_ca_file) {
    problems.add("http.tls.client_ca_file",
                 "certificates of clients are asked for; name the authorities that sign them");
  }
  if (tls.client_auth == "require" && config.canary == "on") {
    problems.add("canary",
                 "its own requests have no certificate, which http.tls.client_auth "
                 "requires; make that optional, or turn the canary off");
  }
  unused("http.tls.client_ca_file", !asks_for_certificates(tls) && tls.client_ca_file,
         "http.tls.client_auth or admin_client_auth: optional or require");
  unused("http.tls.admin_client_auth", tls.admin_client_auth && !admin_is_apart(config),
         "an admin listener with an address of its own (listen.admin)");
}

}  // namespace

void check_tls(const Config& config, Problems& problems) {
  check_server(config, problems);
  const auto& rule = config.auth.client_certificate;
  if ((rule.user || !rule.operators.empty()) && !asks_for_certificates(config.http.tls)) {
    problems.add("auth.client_certificate",
                 "nobody presents a certificate; set http.tls.client_auth or admin_client_auth to "
                 "optional or require");
  }
  const auto only_tls = [&](const char* key, const std::optional<std::string>& file,
                            std::string_view url, const char* url_key,
                            const std::string& scheme = "https://") {
    if (file && !url.starts_with(scheme)) {
      problems.add(key, "does nothing unless " + std::string(url_key) + " begins with " + scheme +
                            "; set that or leave it out");
    }
  };
  const auto text = [](const std::optional<std::string>& url) { return url.value_or(""); };
  only_tls("auth.jwt.ca_file", config.auth.jwt.ca_file, text(config.auth.jwt.jwks_url),
           "auth.jwt.jwks_url");
  only_tls("qdrant.ca_file", config.qdrant.ca_file, config.qdrant.url, "qdrant.url");
  only_tls("openai.ca_file", config.openai.ca_file, text(config.openai.base_url),
           "openai.base_url");
  only_tls("telemetry.otlp.ca_file", config.telemetry.otlp.ca_file,
           text(config.telemetry.otlp.endpoint), "telemetry.otlp.endpoint");
  only_tls("redis.ca_file", config.redis.ca_file, config.redis.url, "redis.url", "rediss://");
}

}  // namespace mesh::config
