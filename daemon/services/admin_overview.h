// GET /admin/v1/overview: the mesh at a glance, the last hour and what needs attention; and GET
// /admin/v1/overview/live of how it goes on. For operators, and their console.
#pragma once

#include <string>

#include "common/base/clock.h"
#include "common/http/route.h"
#include "daemon/overview/sampler.h"

namespace mesh::services {

struct OverviewAdminDeps {
  overview::Sampler& sampler;  // outlives the routes, and the server
  std::string version;
  std::string member;  // of this process, by its id
  Timestamp started_at{};
};
http::RouteTable overview_routes(OverviewAdminDeps deps);

}  // namespace mesh::services
