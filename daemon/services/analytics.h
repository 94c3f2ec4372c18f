// The subscriber: what the projections know of a user's analytics and a researcher's experiments.
#pragma once

#include "common/http/route.h"
#include "common/ports/projection_store.h"
#include "common/ports/read_cache.h"

namespace mesh::services {

// Summaries are kept in `cache`, where there is one.
http::RouteTable analytics_routes(AnalyticsStore& analytics, ChemicalStore& chemical,
                                  ReadCache* cache = nullptr);

}  // namespace mesh::services
