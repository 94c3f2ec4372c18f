// Shared by the parts of the admin API that read the log: topics and events, records, groups.
#pragma once

#include <memory>

#include "daemon/services/admin.h"

namespace mesh::services {

// How many records one request looks through for what it is asked for.
inline constexpr int kMaxScanned = 200'000;

http::RouteTable record_routes(const std::shared_ptr<const LogAdminDeps>& deps);
http::RouteTable group_routes(const std::shared_ptr<const LogAdminDeps>& deps);

}  // namespace mesh::services
