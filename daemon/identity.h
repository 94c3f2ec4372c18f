// Who may call, as the configuration says: credentials of requests, and the keys that prove them.
#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "common/auth/authenticator.h"
#include "common/auth/remote_keys.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/config/config.h"
#include "common/http/route.h"
#include "daemon/console/sessions.h"

namespace mesh {

// Tells who calls. Any thread.
class Identity {
 public:
  // Makes the operator's token where it is missing, and begins to fetch the keys behind
  // auth.jwt.jwks_url. Errors name the key and the file.
  // `own_tokens`: of the process itself, each for a tenant.
  static Result<std::unique_ptr<Identity>> open(const config::Config& config, Clock& clock,
                                                std::map<std::string, TenantId> own_tokens = {});

  // http::Hooks::authenticate: `unauthenticated`, `forbidden`, `invalid`, and `unavailable` while
  // the issuer's keys are not known. Does not block. What the operator changes, or does for a
  // tenant, is logged.
  // `session`: of the console, which the request carries; it counts on routes for operators, where
  // no token came, and may be `forbidden` what it is restricted from.
  Result<Principal> authenticate(const http::Request& request, const http::Route& route,
                                 const std::optional<console::Session>& session = {}) const;
  bool is_operator(const http::Request& request) const;
  // Whose token for operators it is, as the audit log names him; nothing: it is none.
  std::optional<std::string> operator_of(const std::string& token) const;
  // A key of derive_key for what this process gives out and another one takes back: all that have
  // this operator's token have it. Each use has a label of its own.
  std::string shared_key(std::string_view label) const;
  // Takes over from the configuration, and the files that it names, who may call. On an error
  // nothing is. jwks_url is not taken over.
  Status reload(const config::Config& config);
  const auth::RemoteKeys* remote_keys() const { return remote_keys_.get(); }  // null: none fetched

 private:
  Identity(const config::Config& config, Clock& clock, std::map<std::string, TenantId> own_tokens);
  std::shared_ptr<auth::Authenticator> authenticator() const;

  Clock& clock_;
  const std::map<std::string, TenantId> own_tokens_;
  const std::unique_ptr<auth::RemoteKeys> remote_keys_;
  mutable std::mutex mutex_;
  std::shared_ptr<auth::Authenticator> authenticator_;  // this and the next guarded by mutex_
  std::string shared_key_;
};

// What Identity::open would refuse. Makes nothing.
Status check_identity(const config::Config& config, Clock& clock);

}  // namespace mesh
