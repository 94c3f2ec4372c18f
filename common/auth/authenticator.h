// Credentials → Principal. One object for dev tokens, JWTs and the operator's token.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/auth/certificate_rules.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/domain/tenant.h"

namespace mesh::auth {

class RemoteKeys;

// HMAC and signature keys, issuers and claims; see docs/api.md "Identity".
struct JwtOptions {
  std::string issuer;
  std::string audience;
  std::string tenant_claim = "tenant_id";  // its name; a JSON pointer where it begins with '/'
  std::chrono::seconds leeway{30};
  std::string jwks;                   // JWKS document; RSA, EC and Ed25519 public keys
  std::string hs256_secret;           // raw bytes, at least 32; empty: HS256 is not accepted
  RemoteKeys* remote_keys = nullptr;  // further public keys; not owned, outlives all that use it
};

struct Options {
  bool dev = true;                               // dev tokens; else JWT
  std::optional<TenantId> anonymous_tenant;      // dev only
  std::string operator_token;                    // raw text, at least 32 characters
  std::map<std::string, TenantId> own_tokens{};  // of the process itself, which made them up
  JwtOptions jwt;
  CertificateOptions certificates;
};

// What of a request counts for authentication.
struct Credential {
  std::optional<std::string> authorization;              // the header's value
  std::optional<std::string> tenant_header;              // X-Tenant-Id
  std::optional<std::string> tenant_param;               // ?tenant_id=
  std::shared_ptr<const ClientCertificate> certificate;  // verified; null: none
  // Whose session of the console it is; counts where no token came.
  std::optional<std::string> operators_session = {};
};

enum class Wanted { tenant, tenant_or_anonymous, operator_ };

// Any thread; does not block.
class Authenticator {
 public:
  // `invalid` for options that cannot work (a weak key, a broken JWKS), saying which and why.
  static Result<std::unique_ptr<Authenticator>> create(Options options, Clock& clock);
  virtual ~Authenticator() = default;

  // unauthenticated: no or a bad credential (one text for all tokens that nobody trusted signed,
  // for others what is wrong with them; the cause has the reason of all); unavailable: it cannot be
  // judged, since the issuer's keys are not known; forbidden: a good one that may not (a differing
  // tenant, a tenant's token on the admin API); invalid: a malformed tenant id. The operator's
  // token acts for the tenant named by header or parameter; the caller writes the audit log.
  //
  // Where no token came, a certificate with a holder is the credential. Beside one a token may only
  // say less: of a tenant's user's certificate that tenant's, of an operator's anybody's.
  virtual Result<Principal> authenticate(const Credential& credential, Wanted wanted) = 0;
};

// Reads <data_dir>/operator.token, or makes it (0600, 256 random bits) where it is missing.
Result<std::string> load_or_make_operator_token(const std::string& path);

// A dev token's two parts, checked: "<tenant>:<user>".
struct DevToken {
  TenantId tenant;
  std::string user;
};
Result<DevToken> parse_dev_token(std::string_view token);

}  // namespace mesh::auth
