// Parked events as rows.
#pragma once

#include "common/engines/postgres/pool.h"
#include "common/ports/retry_store.h"

namespace mesh::postgres {

class Retries final : public RetryStore {
 public:
  explicit Retries(Pool& pool) : pool_(pool) {}

  Result<std::vector<ParkedEvent>> take(const Parker& parker,
                                        const std::set<TopicPartition>& partitions) override;
  Status park(const Parker& parker, std::span<const ParkedEvent> events) override;
  Status remove(const Parker& parker, std::span<const Position> positions) override;
  Result<std::vector<ParkedKey>> parked_keys(const std::string& pipeline) override;
  Result<std::optional<ParkedEvent>> find(const std::string& pipeline,
                                          const Position& position) override;

 private:
  Pool& pool_;
};

}  // namespace mesh::postgres
