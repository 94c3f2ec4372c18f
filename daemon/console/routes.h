// The web console on the admin listener: its page and files, and how a browser signs in.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>

#include "common/base/clock.h"
#include "common/http/route.h"
#include "common/ports/lease_store.h"
#include "daemon/console/assets.h"
#include "daemon/console/sessions.h"

namespace mesh::console {

// All but `version` and `options` outlive the routes.
struct Deps {
  Sessions& sessions;
  LeaseStore& leases;  // where a code is noted that was used, for all processes
  Clock& clock;
  std::span<const Asset> assets;
  config::Console config;
  bool tls = false;
  std::string version;
  // Whose token for operators it is, as the audit log names him; nothing: it is none.
  std::function<std::optional<std::string>(const std::string& token)> operator_of;
};

// GET / (for browsers), /console and its files, /console/session, and the route of the admin API
// that makes codes. Of a build without the console, and where it is turned off, /console says so.
http::RouteTable routes(Deps deps);

}  // namespace mesh::console
