// Parked events in SQLite.
#pragma once

#include "common/engines/sqlite/core/committer.h"
#include "common/engines/sqlite/core/database.h"
#include "common/engines/sqlite/core/reader_pool.h"
#include "common/ports/retry_store.h"

namespace mesh::sqlite {

class SqliteRetries final : public RetryStore {
 public:
  SqliteRetries(Committer& committer, ReaderPool& readers)
      : committer_(committer), readers_(readers) {}

  Status park(const std::string& pipeline, std::span<const ParkedEvent> events) override;
  Status remove(const std::string& pipeline, std::span<const Position> positions) override;
  Result<std::vector<ParkedEvent>> load(const std::string& pipeline,
                                        const std::set<TopicPartition>& partitions) override;
  Result<std::vector<ParkedKey>> parked_keys(const std::string& pipeline) override;

 private:
  Committer& committer_;
  ReaderPool& readers_;
};

}  // namespace mesh::sqlite
