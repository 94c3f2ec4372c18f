// One generation in memory: a partition per tenant.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <unordered_map>

#include "common/engines/vectors/partition.h"
#include "common/engines/vectors/point_store.h"
#include "common/ports/vector_index.h"

namespace mesh::vectors {

// Any number of searches, beside one thread that changes. Partitions live as long as the
// generation.
class Generation {
 public:
  Generation(int number, GenerationSpec spec, FineBudget& budget, std::size_t approximate_from)
      : number_(number),
        spec_(std::move(spec)),
        shadow_(spec_.shadow),
        memory_(spec_.dimension, budget, approximate_from) {}

  int number() const { return number_; }
  const GenerationSpec& spec() const { return spec_; }
  GenerationInfo info(bool serving) const;
  void note_served() { shadow_ = false; }

  const TenantPartition* find(const std::string& tenant) const;  // null where it never had a vector
  void upsert(const std::string& tenant, std::int64_t partition, const StoredPoint& point);
  void remove(const std::string& tenant, std::int64_t user_id);

 private:
  TenantPartition* find_mutable(const std::string& tenant) const;

  const int number_;
  const GenerationSpec spec_;  // as it was made
  std::atomic<bool> shadow_;
  PartitionMemory memory_;
  std::atomic<std::int64_t> vectors_{0};
  std::atomic<std::int64_t> tenants_{0};  // that have vectors now
  mutable FairSharedMutex mutex_;
  std::unordered_map<std::string, std::unique_ptr<TenantPartition>>
      partitions_;  // guarded by mutex_
};

// "user_embeddings-3"
std::string generation_name(int number);

}  // namespace mesh::vectors
