// What became of a tenant's own event.
#pragma once

#include "common/http/route.h"
#include "daemon/pipeline/trace/trace.h"

namespace mesh::services {

http::RouteTable event_status_routes(pipeline::TracePorts ports);

}  // namespace mesh::services
