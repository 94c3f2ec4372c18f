// The search gateway: users of the credential's tenant by meaning, name or part of an e-mail.
#pragma once

#include <optional>
#include <string>

#include "common/base/clock.h"
#include "common/http/route.h"
#include "common/ports/read_cache.h"
#include "common/ports/vector_index.h"
#include "common/telemetry/metrics.h"
#include "common/telemetry/usage.h"
#include "daemon/pipeline/generations/serving_embedder.h"
#include "daemon/services/recent_searches.h"
#include "daemon/services/search_query.h"
#include "daemon/services/write_wait.h"

namespace mesh::services {

class Admission;

// What a search asks for.
struct Search {
  std::string query;
  int limit;
  float min_score;
  std::optional<double> semantic_ratio;  // of Embedder::embed_query
};
// The parameters of a request that say so; `invalid` for what is none.
Result<Search> search_of(const http::Request& request);
std::vector<http::Parameter> search_parameters();

// Answers are kept in `cache`, where there is one. `admission`: of the quota that queries use,
// which are embedded; null: none is kept. `recent`: where what was asked is kept for comparisons.
http::RouteTable search_routes(pipeline::ServingEmbedder& serving, VectorIndex& index, Clock& clock,
                               Metrics& metrics, Usage& usage, WriteWaits& waits,
                               ReadCache* cache = nullptr, Admission* admission = nullptr,
                               RecentSearches* recent = nullptr);

}  // namespace mesh::services
