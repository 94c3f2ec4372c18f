// The embedded VectorIndex: a partition per tenant, exact SIMD scan, kept in memory and in SQLite.
//
// Memory holds the high bytes of the vectors (see codes.h), e-mails and names; the low bytes, which
// the best candidates of a scan are scored again with, stay in memory up to a budget and are read
// from the file beyond it. Changes go to the file first, in groups with others; only when they are
// durable, they reach memory, under a short lock: no search ever waits for the disk's fsync.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "common/engines/sqlite/database.h"
#include "common/ports/vector_index.h"

namespace mesh::sqlite {

struct IndexOptions {
  std::function<void(const Error&)> on_fatal{};
  // Low bytes kept in memory: a partition that fits scores exactly without a read, for one byte per
  // dimension and vector (64 MiB: 170,000 vectors of 384). One that does not fit costs each search
  // 4k + 32 reads by primary key.
  std::uint64_t fine_bytes = 64 << 20;
  std::function<void(double seconds, int jobs)> on_commit{};  // for metrics
};

// `dir`/vectors.db. The caller holds the DirectoryLock of `dir`. Opening loads what is there
// without embedding anything again. `corrupt` where the file or one point of it is damaged: nothing
// is served then, since the index can be built anew from the log; the message says how.
Result<std::unique_ptr<VectorIndex>> open_embedded_index(const std::string& dir,
                                                         IndexOptions options);

}  // namespace mesh::sqlite
