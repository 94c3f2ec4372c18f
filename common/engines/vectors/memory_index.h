// An index in memory: its generations, the one that serves, and searches.
//
// Whoever keeps the points durably changes it, once a change is durable.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <shared_mutex>
#include <span>
#include <vector>

#include "common/engines/vectors/generation.h"
#include "common/engines/vectors/point_store.h"

namespace mesh::vectors {

// Any number of searches, beside one thread at a time that changes.
class MemoryIndex {
 public:
  // As IndexOptions of the engine has them.
  struct Limits {
    std::uint64_t fine_bytes;
    std::size_t approximate_from;
  };
  // `points` outlives the index.
  MemoryIndex(PointStore& points, Limits limits);

  // Brings every point of `points` to memory, on two threads. The generations are there already.
  Status load();
  GenerationInfo add(int number, const GenerationSpec& spec);  // not serving
  // Answers the generation, so that the caller chooses where its memory is freed.
  std::shared_ptr<Generation> remove(int number);
  void serve(int number);
  std::shared_ptr<Generation> find(int number) const;  // null where there is none
  std::vector<GenerationInfo> generations() const;     // by number
  // VectorIndex::search.
  Result<std::vector<SearchHit>> search(const TenantId& tenant, const QueryVector& query, int k,
                                        float min_score, const SearchText& text) const;
  // VectorIndex::search_in.
  Result<std::vector<SearchHit>> search_in(const Generation& generation, const TenantId& tenant,
                                           const QueryVector& query, int k, float min_score,
                                           const SearchText& text) const;

 private:
  struct Search;
  Result<std::vector<SearchHit>> score_stored(const Search& search,
                                              const TenantPartition& partition,
                                              const std::vector<Candidate>& candidates) const;

  PointStore& points_;
  const std::size_t approximate_from_;
  FineBudget budget_;                // outlives the generations
  mutable std::shared_mutex mutex_;  // taken for moments; changes of both are rare
  std::map<int, std::shared_ptr<Generation>> generations_;  // guarded by mutex_
  std::shared_ptr<Generation> serving_;                     // guarded by mutex_
};

// `invalid`, for vectors of another dimension than the index has.
tl::unexpected<Error> wrong_dimension(std::size_t got, int want);

}  // namespace mesh::vectors
