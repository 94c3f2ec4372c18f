#include "common/engines/vectors/generation.h"

#include <mutex>
#include <shared_mutex>

namespace mesh::vectors {

std::string generation_name(int number) { return "user_embeddings-" + std::to_string(number); }

GenerationInfo Generation::info(bool serving) const {
  GenerationSpec spec = spec_;
  spec.shadow = shadow_;
  return {generation_name(number_), number_,         std::move(spec), serving,
          vectors_.load(),          tenants_.load(), memory_.bytes()};
}

TenantPartition* Generation::find_mutable(const std::string& tenant) const {
  // For the map alone: a partition stays where it is, and has a lock of its own.
  std::shared_lock lock(mutex_);
  const auto it = partitions_.find(tenant);
  return it == partitions_.end() ? nullptr : it->second.get();
}

const TenantPartition* Generation::find(const std::string& tenant) const {
  return find_mutable(tenant);
}

void Generation::upsert(const std::string& tenant, std::int64_t partition_id,
                        const StoredPoint& point) {
  auto* partition = find_mutable(tenant);
  if (partition == nullptr) {
    // Made outside of the lock: no other thread changes anything here, and searches need not wait.
    auto made = std::make_unique<TenantPartition>(partition_id, memory_);
    partition = made.get();
    std::unique_lock lock(mutex_);
    partitions_.emplace(tenant, std::move(made));
  }
  const auto before = partition->size();
  partition->upsert(point.user_id, view_code(point.code, spec_.dimension),
                    {point.email, point.name});
  if (partition->size() > before) vectors_.fetch_add(1);
  // An empty partition is kept when its last vector goes, since a search may still hold it.
  if (before == 0) tenants_.fetch_add(1);
}

void Generation::remove(const std::string& tenant, std::int64_t user_id) {
  auto* partition = find_mutable(tenant);
  if (partition == nullptr || !partition->remove(user_id)) return;
  vectors_.fetch_sub(1);
  if (partition->size() == 0) tenants_.fetch_sub(1);
}

}  // namespace mesh::vectors
