// The subscriber: what the projections know of a user's analytics and a researcher's experiments.
#pragma once

#include "common/http/route.h"
#include "common/ports/projection_store.h"

namespace mesh::services {

http::RouteTable analytics_routes(AnalyticsStore& analytics, ChemicalStore& chemical);

}  // namespace mesh::services
