#include "common/engines/qdrant/counts.h"

namespace mesh::qdrant {
namespace {

constexpr Duration kCountedFor{5'000};
constexpr int kMostTenants = 1'000'000;

}  // namespace

Result<Counts> PointCounts::of(const std::string& path) {
  {
    std::lock_guard lock(mutex_);
    const auto it = kept_.find(path);
    if (it != kept_.end() && clock_.steady() < it->second.second + kCountedFor) {
      return it->second.first;
    }
  }
  const auto asked = clock_.steady();
  const auto answer = MESH_TRY(
      server_.ask({"POST", path + "/facet",
                   dump({{"key", "tenantId"}, {"limit", kMostTenants}, {"exact", false}})}));
  Counts counts;
  if (answer.is_object() && answer.contains("hits")) {
    for (const auto& hit : answer["hits"]) {
      if (!hit.is_object() || !hit.contains("count") || !hit["count"].is_number_integer()) continue;
      const auto held = hit["count"].get<std::int64_t>();
      counts.vectors += held;
      if (held > 0) ++counts.tenants;
    }
  }
  std::lock_guard lock(mutex_);
  kept_[path] = {counts, asked};
  return counts;
}

void PointCounts::forget(const std::string& path) {
  std::lock_guard lock(mutex_);
  kept_.erase(path);
}

Result<std::vector<GenerationInfo>> infos_of(GenerationBook& book, PointCounts& point_counts) {
  const auto known = MESH_TRY(book.current(true));
  std::vector<GenerationInfo> infos;
  for (const auto& [number, spec] : known.specs) {
    auto counts = point_counts.of(book.path(number));
    if (!counts && counts.error().kind == ErrorKind::not_found) {
      // Dropped since the document was read, or lost: who searches it is told.
      counts = Counts{};
    }
    if (!counts) return fail(counts.error());
    const auto bytes = static_cast<std::uint64_t>(counts->vectors) *
                       static_cast<std::uint64_t>(spec.dimension) * sizeof(float);
    infos.push_back({book.name(number), number, spec, number == known.serving, counts->vectors,
                     counts->tenants, bytes});
  }
  return infos;
}

}  // namespace mesh::qdrant
