// Search over events, within the credential's tenant: GET /ai/search of those that are indexed, and
// GET /ai/watch of those that come.
//
// Two searches are fused, one by the embedder's vectors, one by words (BM25), by reciprocal ranks
// (G. Cormack, C. Clarke, S. Büttcher, Reciprocal Rank Fusion, SIGIR 2009):
//   rank score = 1 / (60 + rank by vectors) + 1 / (60 + rank by words)
// over the first max(100, 4 limit) of each; what one of them did not find has no part of it. Where
// the embedder is away words search alone, and the answer says so.
#pragma once

#include <optional>
#include <vector>

#include "common/base/clock.h"
#include "common/http/route.h"
#include "common/ports/embedders.h"
#include "common/ports/event_index.h"
#include "common/ports/event_log.h"
#include "common/telemetry/metrics.h"
#include "common/telemetry/usage.h"
#include "daemon/pipeline/event_index/event_documents.h"
#include "daemon/services/event_tail.h"

namespace mesh::services {

class Admission;

struct FusedHit {
  EventHit hit;                // its score is that of the vectors; 0 where only words found it
  std::optional<float> words;  // BM25, where words found it
  double rank_score = 0;
};
// Best first, ties by newest; the first k. Both lists are best first.
std::vector<FusedHit> fuse(std::vector<EventHit> by_vectors, std::vector<EventHit> by_words,
                           std::size_t k);

// The conditions of a filter parameter, "country=DE;amount>=10". In a value `\;` stands for `;`,
// beside what parse_condition takes behind a backslash.
Result<EventFilter> parse_filter(std::string_view text, const Searchable& searchable);

struct EventSearchDeps {
  EventIndex& index;
  Embedders& embedders;
  LogAdmin& log_admin;
  pipeline::SearchableOf searchable;
  Clock& clock;
  Metrics& metrics;
  Usage& usage;
  EventTail& tail;
  Watches& watches;
  Admission* admission = nullptr;  // of the quota that queries use; null: none is kept
  bool indexes = true;             // false: vectors.events is off, and nothing is searchable
};
http::RouteTable event_search_routes(EventSearchDeps deps);

// For operators: what GET /ai/search answers the tenant for the same parameters, as no use of its.
Result<Json> search_uncounted(const EventSearchDeps& deps, const TenantId& tenant,
                              const http::Request& request);
std::vector<http::Parameter> event_search_parameters();

}  // namespace mesh::services
