#include <algorithm>

#include "common/base/strings.h"
#include "common/config/address.h"
#include "common/config/config.h"
#include "common/config/engine_rules.h"
#include "common/config/header_lines.h"
#include "common/config/keys.h"
#include "common/config/listeners.h"
#include "common/config/tls_rules.h"
#include "common/domain/rate_scopes.h"

namespace mesh::config {
namespace {

constexpr std::size_t kShortestSecret = 32;
constexpr std::size_t kMasterKeyDigits = 64;

// A name, or a JSON pointer (RFC 6901).
bool is_claim(std::string_view text) {
  if (!text.starts_with('/')) return true;
  for (auto at = text.find('~'); at != std::string_view::npos; at = text.find('~', at + 1)) {
    if (at + 1 == text.size() || (text[at + 1] != '0' && text[at + 1] != '1')) return false;
  }
  return true;
}

void check_auth(const Config& config, Problems& problems) {
  const Auth& auth = config.auth;
  if (!is_claim(auth.jwt.tenant_claim)) {
    problems.add("auth.jwt.tenant_claim",
                 quote(auth.jwt.tenant_claim) +
                     " begins with / but is no JSON pointer: in a name ~ is written ~0, / is ~1");
  }
  if (auth.mode == "dev") {
    if (auth.allow_dev_on_network) return;
    // Of the roles that run here: the address of another is nobody's.
    for (const auto& [role, text] : listeners(config)) {
      const auto address = parse_address(text);
      if (address && !is_loopback(address->host)) {
        problems.add("listen." + role,
                     quote(text) +
                         " is not on loopback, but in auth.mode dev tokens prove "
                         "nothing; set auth.mode: jwt, or auth.allow_dev_on_network: "
                         "true if whoever reaches the port may be anybody");
      }
    }
    return;
  }
  const Jwt& jwt = auth.jwt;
  if (!jwt.issuer) problems.add("auth.jwt.issuer", "auth.mode jwt needs it");
  if (!jwt.audience) problems.add("auth.jwt.audience", "auth.mode jwt needs it");
  if (!jwt.jwks_file && !jwt.jwks_url && !jwt.hs256_secret_file) {
    problems.add("auth.jwt",
                 "auth.mode jwt needs jwks_file, jwks_url or hs256_secret_file, or several");
  }
  if (auth.anonymous_tenant) {
    problems.add("auth.anonymous_tenant", quote(*auth.anonymous_tenant) +
                                              " is for auth.mode dev only; write null or leave it "
                                              "out");
  }
}

void check_secrets(const Config& config, Problems& problems) {
  const auto at_least = [&](const char* key, const std::optional<std::string>& file,
                            const Secret& secret) {
    // Without a file there is no secret: the operator's token is then made at the start.
    if (!secret.empty() && secret.reveal().size() < kShortestSecret) {
      problems.add(key, quote(file.value_or("")) +
                            " holds less than 32 bytes; `openssl rand -hex 32` makes a good one");
    }
  };
  at_least("auth.operator_token_file", config.auth.operator_token_file,
           config.secrets.operator_token);
  at_least("auth.jwt.hs256_secret_file", config.auth.jwt.hs256_secret_file,
           config.secrets.hs256_secret);
  if (const auto fields = header_lines(config.secrets.otlp_headers.reveal()); !fields) {
    problems.add(
        "telemetry.otlp.headers_file",
        quote(config.telemetry.otlp.headers_file.value_or("")) + ": " + fields.error().message);
  }
}

void check_master_key(const char* key, const std::optional<std::string>& file, const Secret& secret,
                      Problems& problems) {
  const std::string& digits = secret.reveal();
  constexpr std::string_view kHexadecimal = "0123456789abcdefABCDEF";
  // A file that could not be read was told of when it was.
  if (digits.empty()) return;
  if (digits.size() == kMasterKeyDigits && digits.find_first_not_of(kHexadecimal) == digits.npos) {
    return;
  }
  problems.add(key, quote(file.value_or("")) +
                        " holds something else than 64 hexadecimal digits, the only form of a key; "
                        "`openssl rand -hex 32` makes one");
}

void check_erasure(const Config& config, Problems& problems) {
  const Tenants& tenants = config.tenants;
  if (tenants.erasure == "crypto" && !tenants.master_key_file) {
    problems.add("tenants.master_key_file",
                 "tenants.erasure crypto needs it; `openssl rand -hex 32` makes what it holds");
  }
  check_master_key("tenants.master_key_file", tenants.master_key_file, config.secrets.master_key,
                   problems);
  check_master_key("tenants.old_master_key_file", tenants.old_master_key_file,
                   config.secrets.old_master_key, problems);
  if (!tenants.old_master_key_file) return;
  if (!tenants.master_key_file) {
    problems.add("tenants.old_master_key_file",
                 "is the key before that of tenants.master_key_file, which is not set");
  } else if (!config.secrets.old_master_key.empty() &&
             to_lower(config.secrets.old_master_key.reveal()) ==
                 to_lower(config.secrets.master_key.reveal())) {
    problems.add("tenants.old_master_key_file",
                 "holds the same key as tenants.master_key_file: leave it out, or name the file of "
                 "the key before");
  }
}

}  // namespace

void check_keys(const Config& config, Problems& problems) {
  for (const auto& key : keys()) key.check(config, problems);
  // The one group whose keys are not in the table: scopes are data.
  for (const auto& [scope, policy] : config.rate_limits) {
    if (std::ranges::find(kRateScopes, scope) == kRateScopes.end()) {
      problems.add("rate_limits." + scope, "unknown key; " + suggest("rate_limits", scope));
    }
  }
}

void check_rules(const Config& config, Problems& problems) {
  check_auth(config, problems);
  check_secrets(config, problems);
  check_erasure(config, problems);
  check_tls(config, problems);
  check_engines(config, problems);
  const auto at_least = [&](const char* key, auto value, const char* other, auto least) {
    if (value < least) problems.add(key, "is below " + std::string(other) + "; raise it");
  };
  at_least("http.max_bulk_body", config.http.max_bulk_body, "http.max_body", config.http.max_body);
  at_least("http.answer_timeout", config.http.answer_timeout, "http.max_wait + 1s",
           config.http.max_wait + std::chrono::seconds{1});
  // A tenant holds at most half of it.
  at_least("http.max_buffered", config.http.max_buffered, "twice http.max_bulk_body",
           2 * config.http.max_bulk_body);
  if (const auto& activity = config.log.retention.activity; activity.hard_size) {
    at_least("log.retention.activity.hard_size", *activity.hard_size, "log.retention.activity.size",
             activity.size);
  }
  at_least("log.compaction.max_lag", config.log.compaction.max_lag, "log.compaction.min_lag + 30s",
           config.log.compaction.min_lag + std::chrono::seconds{30});
  at_least("pipelines.retry.cap", config.pipelines.retry.cap, "pipelines.retry.base",
           config.pipelines.retry.base);
}

Status validate(const Config& config) {
  Problems problems;
  check_keys(config, problems);
  if (problems.empty()) check_rules(config, problems);
  return problems.status();
}

}  // namespace mesh::config
