// Writes records of another log, under their own times, to the partitions that they had there.
#pragma once

#include <memory>
#include <span>

#include "common/engines/kafka/cluster.h"

namespace mesh::kafka {

// A producer of its own, idempotent, whose reports are waited for. One thread at a time.
class Import {
 public:
  static Result<std::unique_ptr<Import>> open(Cluster& cluster);
  // As LogImport::import.
  Status run(std::span<StoredRecord> records);

 private:
  explicit Import(Cluster& cluster) : cluster_(cluster) {}

  Cluster& cluster_;
  Handle handle_;
};

}  // namespace mesh::kafka
