// The TLS that a configuration asks for.
#pragma once

#include <memory>

#include "common/base/clock.h"
#include "common/config/config.h"
#include "common/http/tls.h"
#include "daemon/services/check.h"

namespace mesh {

// Null where it asks for none. `invalid` names the key and the file.
Result<std::shared_ptr<const http::TlsContext>> make_tls(const config::Config& config);
// Warns from when on a certificate should have been renewed: a fifth of its time is left, at most
// 14 days. A failure once it has expired.
services::Check certificate_check(const http::TlsContext& tls, Timestamp now);

}  // namespace mesh
