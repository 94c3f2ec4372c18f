#include "daemon/tls.h"

#include "common/base/time.h"
#include "common/config/keys.h"

namespace mesh {
namespace {

http::ClientAuth client_auth(const std::string& word) {
  if (word == "require") return http::ClientAuth::require;
  return word == "optional" ? http::ClientAuth::optional : http::ClientAuth::none;
}

}  // namespace

Result<std::shared_ptr<const http::TlsContext>> make_tls(const config::Config& config) {
  const auto& tls = config.http.tls;
  if (!tls.cert_file) return nullptr;
  const auto pem = [](const char* key, const std::optional<std::string>& file,
                      const std::string& text) {
    return http::TlsOptions::Pem{std::string(key) + ": " + config::quote(file.value_or("")), text};
  };
  const auto& secrets = config.secrets;
  http::TlsOptions options;
  options.certificate = pem("http.tls.cert_file", tls.cert_file, secrets.tls_certificate);
  options.key = pem("http.tls.key_file", tls.key_file, secrets.tls_key.reveal());
  options.client_ca = pem("http.tls.client_ca_file", tls.client_ca_file, secrets.tls_client_ca);
  options.client_auth = client_auth(tls.client_auth);
  options.operators_client_auth = client_auth(tls.admin_client_auth.value_or(tls.client_auth));
  options.only_1_3 = tls.min_version == "1.3";
  return http::TlsContext::make(options);
}

services::Check certificate_check(const http::TlsContext& tls, Timestamp now) {
  constexpr Duration kLongest = std::chrono::hours{24 * 14};
  const auto end = tls.not_after();
  const auto lifetime = std::chrono::duration_cast<Duration>(end - tls.not_before());
  services::Check check{
      "tls", now < end,
      "the certificate of http.tls.cert_file is good until " + format_rfc3339(end)};
  check.warning = check.ok && end - now < std::min(kLongest, lifetime / 5);
  if (!check.ok)
    check.detail = "the certificate of http.tls.cert_file has expired at " + format_rfc3339(end);
  if (check.warning || !check.ok) check.detail += ": renew the file and send SIGHUP";
  return check;
}

}  // namespace mesh
