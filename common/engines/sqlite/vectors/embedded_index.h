// The embedded VectorIndex: a partition per tenant, exact SIMD scan, kept in memory and in SQLite.
#pragma once

#include <memory>
#include <string>

#include "common/engines/sqlite/database.h"
#include "common/ports/vector_index.h"

namespace mesh::sqlite {

struct IndexOptions {
  std::function<void(const Error&)> on_fatal;
};

// `dir`/vectors.db. The caller holds the DirectoryLock of `dir`. Opening loads what is there
// without embedding anything again.
Result<std::unique_ptr<VectorIndex>> open_embedded_index(const std::string& dir,
                                                         IndexOptions options);

}  // namespace mesh::sqlite
