// Documents fenced by an epoch, a row each.
#pragma once

#include "common/engines/sqlite/core/committer.h"
#include "common/engines/sqlite/core/reader_pool.h"
#include "common/ports/epoch_store.h"

namespace mesh::sqlite {

class SqliteEpochs final : public EpochStore {
 public:
  SqliteEpochs(Committer& committer, ReaderPool& readers)
      : committer_(committer), readers_(readers) {}
  Result<EpochDocument> take_over(const std::string& name) override;
  Result<EpochDocument> read(const std::string& name) override;
  Status write(const std::string& name, std::int64_t epoch, const std::string& body) override;

 private:
  Committer& committer_;
  ReaderPool& readers_;
};

}  // namespace mesh::sqlite
