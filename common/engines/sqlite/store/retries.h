// Parked events in SQLite.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "common/engines/sqlite/core/committer.h"
#include "common/engines/sqlite/core/database.h"
#include "common/engines/sqlite/core/reader_pool.h"
#include "common/ports/retry_store.h"

namespace mesh::sqlite {

class SqliteRetries final : public RetryStore {
 public:
  SqliteRetries(Committer& committer, ReaderPool& readers)
      : committer_(committer), readers_(readers) {}

  Result<std::vector<ParkedEvent>> take(const Parker& parker,
                                        const std::set<TopicPartition>& partitions) override;
  Status park(const Parker& parker, std::span<const ParkedEvent> events) override;
  Status remove(const Parker& parker, std::span<const Position> positions) override;
  Result<std::vector<ParkedKey>> parked_keys(const std::string& pipeline) override;
  Result<std::optional<ParkedEvent>> find(const std::string& pipeline,
                                          const Position& position) override;

 private:
  Status check(const Parker& parker, const Position& at) const;

  Committer& committer_;
  ReaderPool& readers_;
  // (pipeline, partition) → the id of who took it last. In memory, since the data folder has one
  // process; the committer's thread only.
  std::map<std::pair<std::string, TopicPartition>, std::string> owners_;
};

}  // namespace mesh::sqlite
