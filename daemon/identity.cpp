#include "daemon/identity.h"

#include <filesystem>
#include <utility>

#include "common/auth/jwks.h"
#include "common/base/ids.h"
#include "common/base/seal.h"
#include "common/base/strings.h"
#include "common/config/kinds.h"
#include "common/http/client.h"
#include "common/telemetry/log.h"

namespace mesh {
namespace {

bool uses_keys(const config::Config& config) { return config.auth.mode == "jwt"; }

std::string operator_token_file(const config::Config& config) {
  return config.auth.operator_token_file.value_or(config.data_dir + "/operator.token");
}

Error of_key(const char* key, Error error) {
  error.message = std::string(key) + ": " + error.message;
  return error;
}

Result<std::unique_ptr<auth::Authenticator>> create(const config::Config& config,
                                                    std::string operator_token,
                                                    std::map<std::string, TenantId> own_tokens,
                                                    auth::RemoteKeys* remote_keys, Clock& clock) {
  auth::Options options;
  options.own_tokens = std::move(own_tokens);
  options.dev = !uses_keys(config);
  options.operator_token = std::move(operator_token);
  if (options.dev && config.auth.anonymous_tenant) {
    auto tenant = TenantId::parse(*config.auth.anonymous_tenant);
    if (!tenant) return fail(of_key("auth.anonymous_tenant", tenant.error()));
    options.anonymous_tenant = *tenant;
  }
  const auto& jwt = config.auth.jwt;
  // Read once here for its error alone, which names the file; create reads it again.
  if (!options.dev && jwt.jwks_file) {
    if (const auto keys = auth::parse_jwks(config.secrets.jwks); !keys) {
      auto error = keys.error();
      error.message = config::quote(*jwt.jwks_file) + ": " + error.message;
      return fail(of_key("auth.jwt.jwks_file", std::move(error)));
    }
  }
  options.jwt.issuer = jwt.issuer.value_or("");
  options.jwt.audience = jwt.audience.value_or("");
  options.jwt.tenant_claim = jwt.tenant_claim;
  options.jwt.leeway = std::chrono::duration_cast<std::chrono::seconds>(jwt.leeway);
  options.jwt.jwks = config.secrets.jwks;
  options.jwt.hs256_secret = config.secrets.hs256_secret.reveal();
  options.jwt.remote_keys = remote_keys;
  const auto& certificate = config.auth.client_certificate;
  options.certificates = {certificate.user.value_or(""), certificate.operators};
  // Once here for its error alone, as with the keys above.
  if (const auto rules = auth::CertificateRules::create(options.certificates); !rules) {
    return fail(of_key("auth.client_certificate", rules.error()));
  }
  return auth::Authenticator::create(std::move(options), clock);
}

std::optional<std::string> copied(std::optional<std::string_view> text) {
  return text ? std::optional<std::string>(*text) : std::nullopt;
}

// The keys behind auth.jwt.jwks_url, not started; nothing where the configuration has none to use.
std::unique_ptr<auth::RemoteKeys> make_remote_keys(const config::Config& config, Clock& clock) {
  const auto& url = config.auth.jwt.jwks_url;
  if (!uses_keys(config) || !url) return nullptr;
  http::ClientOptions options;
  // Bounds the start, too, which waits for the first fetch.
  options.timeout = Duration{5'000};
  options.max_response_bytes = 1 << 20;
  options.tls.ca_file = config.auth.jwt.ca_file.value_or("");
  options.tls.ca_setting = "auth.jwt.ca_file";
  auto client = std::make_shared<http::Client>(options);
  const auto fetch = [client, url = *url]() -> Result<auth::FetchedKeys> {
    http::ClientRequest request;
    request.url = url;
    request.headers = {{"Accept", "application/jwk-set+json, application/json"}};
    auto answer = MESH_TRY(client->send(request));
    if (answer.status != 200) {
      return fail(ErrorKind::unavailable,
                  "the answer is " + std::to_string(answer.status) + ", not 200");
    }
    std::string cache_control;
    for (const auto& [name, value] : answer.headers) {
      // A list may be divided over several fields.
      if (to_lower(name) == "cache-control") cache_control += value + ",";
    }
    return auth::FetchedKeys{std::move(answer.body), std::move(cache_control)};
  };
  // As the configuration prints it, without a password.
  auto shown = config::url({"http", "https"}).show(*url).get<std::string>();
  return std::make_unique<auth::RemoteKeys>(std::move(shown), fetch, clock);
}

auth::Wanted wanted(http::Access access) {
  switch (access) {
    case http::Access::operator_:
      return auth::Wanted::operator_;
    case http::Access::tenant_or_anonymous:
      return auth::Wanted::tenant_or_anonymous;
    default:
      return auth::Wanted::tenant;
  }
}

auth::Credential credential(const http::Request& request) {
  return {copied(request.header("Authorization")), copied(request.header("X-Tenant-Id")),
          copied(request.param("tenant_id")), request.certificate};
}

}  // namespace

Identity::Identity(const config::Config& config, Clock& clock,
                   std::map<std::string, TenantId> own_tokens)
    : clock_(clock),
      own_tokens_(std::move(own_tokens)),
      remote_keys_(make_remote_keys(config, clock)) {}

Result<std::unique_ptr<Identity>> Identity::open(const config::Config& config, Clock& clock,
                                                 std::map<std::string, TenantId> own_tokens) {
  std::unique_ptr<Identity> identity(new Identity(config, clock, std::move(own_tokens)));
  MESH_TRY(identity->reload(config));
  if (identity->remote_keys_) identity->remote_keys_->start();
  return identity;
}

Status Identity::reload(const config::Config& config) {
  // Outside of the lock: it reads files, and requests go on with the old one meanwhile.
  auto token = auth::load_or_make_operator_token(operator_token_file(config));
  if (!token) return fail(of_key("auth.operator_token_file", token.error()));
  std::string key = derive_key(*token, "mesh: what processes share");
  auto made = MESH_TRY(create(config, std::move(*token), own_tokens_, remote_keys_.get(), clock_));
  std::lock_guard guard(mutex_);
  authenticator_ = std::move(made);
  shared_key_ = std::move(key);
  return {};
}

std::string Identity::shared_key(std::string_view label) const {
  std::lock_guard guard(mutex_);
  return derive_key(shared_key_, label);
}

std::shared_ptr<auth::Authenticator> Identity::authenticator() const {
  std::lock_guard guard(mutex_);
  return authenticator_;
}

bool Identity::is_operator(const http::Request& request) const {
  return authenticator()->authenticate(credential(request), auth::Wanted::operator_).has_value();
}

std::optional<std::string> Identity::operator_of(const std::string& token) const {
  auth::Credential bearer;
  bearer.authorization = "Bearer " + token;
  auto principal = authenticator()->authenticate(bearer, auth::Wanted::operator_);
  return principal ? std::optional(std::move(principal->user)) : std::nullopt;
}

Result<Principal> Identity::authenticate(const http::Request& request, const http::Route& route,
                                         const std::optional<console::Session>& session) const {
  auto shown = credential(request);
  if (session && !shown.authorization && route.access == http::Access::operator_) {
    MESH_TRY(console::check_session(*session, request, route));
    shown.operators_session = session->user;
  }
  auto principal = authenticator()->authenticate(shown, wanted(route.access));
  if (principal && shown.operators_session) {
    principal->by_session = true;
    principal->hides_payloads = session->restrictions.hides_payloads;
  }
  // Reads, too: the operator looks at what is a tenant's.
  if (principal && principal->kind == Principal::Kind::operator_for_tenant) {
    log::info("audit: the operator acts for a tenant", {{"tenant", principal->tenant->str()},
                                                        {"user", principal->user},
                                                        {"method", request.method},
                                                        {"path", request.path},
                                                        {"request_id", request.request_id}});
  }
  if (principal && principal->kind == Principal::Kind::operator_ &&
      http::changes_something(route) && !route.unaudited) {
    log::info("audit: the operator changes", {{"user", principal->user},
                                              {"via", principal->by_session ? "console" : "api"},
                                              {"method", request.method},
                                              {"path", request.path},
                                              {"request_id", request.request_id}});
  }
  return principal;
}

Status check_identity(const config::Config& config, Clock& clock) {
  const auto file = operator_token_file(config);
  std::error_code error;
  std::string token = random_hex(32);
  // One that is missing is made by the start.
  if (std::filesystem::exists(std::filesystem::symlink_status(file, error))) {
    auto read = auth::load_or_make_operator_token(file);
    if (!read) return fail(of_key("auth.operator_token_file", read.error()));
    token = std::move(*read);
  }
  // Never started: that there are keys to come is all that create asks of it.
  auth::RemoteKeys unused("", {}, clock);
  const bool remote = uses_keys(config) && config.auth.jwt.jwks_url;
  (void)MESH_TRY(create(config, std::move(token), {}, remote ? &unused : nullptr, clock));
  return {};
}

}  // namespace mesh
