// Who may call, as the configuration says: credentials of requests, and the keys that prove them.
#pragma once

#include <memory>

#include "common/auth/authenticator.h"
#include "common/auth/remote_keys.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/config/config.h"
#include "common/http/route.h"

namespace mesh {

// The keys behind auth.jwt.jwks_url, not started; nothing where the configuration has none to use.
std::unique_ptr<auth::RemoteKeys> make_remote_keys(const config::Config& config, Clock& clock);

// Makes the operator's token where it is missing. Errors name the key and the file. `remote_keys`
// may be null and is not owned.
Result<std::shared_ptr<auth::Authenticator>> make_authenticator(const config::Config& config,
                                                                auth::RemoteKeys* remote_keys,
                                                                Clock& clock);

// What make_authenticator would refuse. Makes nothing.
Status check_identity(const config::Config& config, Clock& clock);

auth::Wanted wanted(http::Access access);
auth::Credential credential(const http::Request& request);

}  // namespace mesh
