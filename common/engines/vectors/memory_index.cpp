#include "common/engines/vectors/memory_index.h"

#include <mutex>
#include <utility>

#include "common/engines/vectors/loader.h"

namespace mesh::vectors {

tl::unexpected<Error> wrong_dimension(std::size_t got, int want) {
  return fail(ErrorKind::invalid, "the vector has dimension " + std::to_string(got) +
                                      ", the index has " + std::to_string(want));
}

MemoryIndex::MemoryIndex(PointStore& points, Limits limits)
    : points_(points), approximate_from_(limits.approximate_from), budget_(limits.fine_bytes) {}

Status MemoryIndex::load() {
  Loader loader;
  return points_.each_point([&](const StoredPartition& partition, const StoredPoint& point) {
    loader.add(*generations_.at(partition.generation), partition, point);
  });
}

GenerationInfo MemoryIndex::add(int number, const GenerationSpec& spec) {
  auto made = std::make_shared<Generation>(number, spec, budget_, approximate_from_);
  const auto info = made->info(false);
  std::unique_lock lock(mutex_);
  generations_.emplace(number, std::move(made));
  return info;
}

std::shared_ptr<Generation> MemoryIndex::remove(int number) {
  std::unique_lock lock(mutex_);
  const auto it = generations_.find(number);
  auto removed = std::move(it->second);
  generations_.erase(it);
  return removed;
}

void MemoryIndex::serve(int number) {
  std::unique_lock lock(mutex_);
  serving_ = generations_.at(number);
  serving_->note_served();
}

std::shared_ptr<Generation> MemoryIndex::find(int number) const {
  std::shared_lock lock(mutex_);
  const auto it = generations_.find(number);
  return it == generations_.end() ? nullptr : it->second;
}

std::vector<GenerationInfo> MemoryIndex::generations() const {
  std::shared_lock lock(mutex_);
  std::vector<GenerationInfo> infos;
  for (const auto& [number, generation] : generations_) {
    infos.push_back(generation->info(generation == serving_));
  }
  return infos;
}

struct MemoryIndex::Search {
  const TenantId& tenant;
  const Query& query;
  const int dimension;
  const std::size_t k;
  const float min_score;
  const SearchText& text;
};

Result<std::vector<SearchHit>> MemoryIndex::search(const TenantId& tenant, const QueryVector& asked,
                                                   int k, float min_score,
                                                   const SearchText& text) const {
  std::shared_ptr<Generation> generation;
  {
    std::shared_lock lock(mutex_);
    generation = serving_;
  }
  if (!generation) return std::vector<SearchHit>{};
  return search_in(*generation, tenant, asked, k, min_score, text);
}

Result<std::vector<SearchHit>> MemoryIndex::search_in(const Generation& generation,
                                                      const TenantId& tenant,
                                                      const QueryVector& asked, int k,
                                                      float min_score,
                                                      const SearchText& text) const {
  const GenerationSpec& spec = generation.spec();
  if (spec.embedder != asked.embedder) {
    return other_embedder(generation_name(generation.number()), spec.embedder, asked.embedder);
  }
  const int dimension = spec.dimension;
  if (asked.values.size() != static_cast<std::size_t>(dimension)) {
    return wrong_dimension(asked.values.size(), dimension);
  }
  auto query = MESH_TRY(Query::make(asked.values));
  const auto* partition = generation.find(tenant.str());
  if (partition == nullptr || k <= 0) return std::vector<SearchHit>{};
  auto found = partition->search(tenant, query, k, min_score, text);
  if (found.inexact.empty()) return std::move(found.hits);
  return score_stored({tenant, query, dimension, static_cast<std::size_t>(k), min_score, text},
                      *partition, found.inexact);
}

// Outside the partition's lock: a user who was changed meanwhile is taken as the store has it, one
// who was removed is left out.
Result<std::vector<SearchHit>> MemoryIndex::score_stored(
    const Search& search, const TenantPartition& partition,
    const std::vector<Candidate>& candidates) const {
  std::vector<std::int64_t> users;
  users.reserve(candidates.size());
  for (const auto& candidate : candidates) users.push_back(candidate.user_id);
  std::vector<SearchHit> hits;
  MESH_TRY(
      points_.read_points(partition.id(), search.dimension, users, [&](const StoredPoint& point) {
        const float score = search.query.fine_score(view_code(point.code, search.dimension));
        if (score < search.min_score &&
            search.text.match(point.email, point.name) != TextMatch::exact) {
          return;
        }
        hits.push_back({point.user_id, search.tenant, score, std::string(point.email),
                        std::string(point.name)});
      }));
  keep_first(hits, search.text, search.k);
  return hits;
}

}  // namespace mesh::vectors
