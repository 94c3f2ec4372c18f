// The embedded VectorIndex: a partition per tenant, kept in memory and in SQLite.
//
// A small partition is scanned exactly. In a large one a scan of sketches (sketch.h) finds the few
// vectors that are scored: measured recall is above 0.999, and what sketches cannot tell apart
// costs time, up to the exact scan's, not recall. Sketches are made in memory, also at a start;
// they are not stored. Memory holds the high bytes of the vectors (see codes.h), e-mails and names;
// the low bytes, which the best candidates of a scan are scored again with, stay in memory up to a
// budget and are read from the file beyond it. Changes go to the file first, in groups with others;
// only when they are durable, they reach memory, under a short lock: no search ever waits for the
// disk's fsync.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "common/engines/sqlite/core/database.h"
#include "common/ports/vector_index.h"

namespace mesh::sqlite {

struct IndexOptions {
  std::function<void(const Error&)> on_fatal{};
  // Low bytes kept in memory: a partition that fits scores exactly without a read, for one byte per
  // dimension and vector (64 MiB: 170,000 vectors of 384). One that does not fit costs each search
  // 4k + 32 reads by primary key.
  std::uint64_t fine_bytes = 64 << 20;
  // From how many vectors of a tenant on a search is approximate: for 52 bytes more per vector of
  // 384. Measured by `vector_bench threshold`: clustered vectors and people are found as fast
  // without sketches up to 2,000 and 3,000 vectors, and 1.3 times as fast with them at this number,
  // where the exact scan takes 35 us; random directions gain nothing at any size.
  std::size_t approximate_from = 4096;
  std::function<void(double seconds, int jobs)> on_commit{};  // for metrics
};

// `dir`/vectors.db. The caller holds the DirectoryLock of `dir`. Opening loads what is there
// without embedding anything again. `corrupt` where the file or one point of it is damaged: nothing
// is served then, since the index can be built anew from the log.
Result<std::unique_ptr<VectorIndex>> open_embedded_index(const std::string& dir,
                                                         IndexOptions options);

}  // namespace mesh::sqlite
