// Two generations side by side: what searches find in the one that serves, and in another.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/ports/embedders.h"
#include "common/ports/vector_index.h"

namespace mesh::pipeline {

struct AskedQuery {
  TenantId tenant;
  std::string query;
};

struct CompareRequest {
  std::optional<int> generation;  // with which one; nothing: the shadow, else the newest other one
  std::vector<AskedQuery> queries;
  int limit = 10;  // hits of each search
  float min_score = 0.2F;
};

// What one of the two said.
struct ComparedSide {
  GenerationInfo generation;
  std::optional<double> mean_score;  // of all hits; nothing: there were none
  double mean_ms = 0, p95_ms = 0;    // of a search: its query's vector and the look into the index
};

struct ComparedQuery {
  AskedQuery asked;
  std::vector<SearchHit> serving, other;
  double overlap = 0;         // |both| / max(|serving|, |other|), 0…1; 1 where both are empty
  std::optional<double> tau;  // of two common hits or more
};

struct Comparison {
  ComparedSide serving, other;
  int limit = 0;
  std::int64_t queries = 0;                   // that were asked
  std::int64_t left_out = 0;                  // that failed, or were not asked in time
  std::optional<std::string> failure;         // of the first that failed
  std::optional<double> overlap;              // mean of all queries; nothing: there were none
  std::optional<double> tau;                  // mean of those that have one
  std::vector<ComparedQuery> most_different;  // least overlap first, then least tau; at most 5
};
Json to_json(const Comparison& comparison);

// Kendall's tau of the order in which both have their common hits: (concordant pairs - discordant
// ones) / all pairs, -1…1; nothing for less than two (M. G. Kendall, A New Measure of Rank
// Correlation, Biometrika 30, 1938).
std::optional<double> kendall_tau(const std::vector<SearchHit>& one,
                                  const std::vector<SearchHit>& other);

// Asks each with its own embedder, the tenant's usage has nothing of it. `not_found` without the
// generation, `conflict` where none serves or it is the one that serves, `unavailable` where this
// process cannot have one of the embedders. A query that either cannot answer is left out; where
// none was answered, the error is that of the first. Blocks: no query begins after half a minute,
// and the last takes as long as two embedders and two searches do.
Result<Comparison> compare_generations(VectorIndex& index, Embedders& embedders, Clock& clock,
                                       const CompareRequest& request);

}  // namespace mesh::pipeline
