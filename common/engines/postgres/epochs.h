// Fenced documents as rows.
#pragma once

#include "common/engines/postgres/pool.h"
#include "common/ports/epoch_store.h"

namespace mesh::postgres {

class Epochs final : public EpochStore {
 public:
  explicit Epochs(Pool& pool) : pool_(pool) {}

  Result<EpochDocument> take_over(const std::string& name) override;
  Result<EpochDocument> read(const std::string& name) override;
  Status write(const std::string& name, std::int64_t epoch, const std::string& body) override;

 private:
  Pool& pool_;
};

}  // namespace mesh::postgres
