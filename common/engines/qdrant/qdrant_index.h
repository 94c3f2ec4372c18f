// The VectorIndex that processes share: collections of a Qdrant server, 1.16 or newer, over REST.
//
// A generation is the collection <prefix>user_embeddings-<n>; the alias <prefix>user_embeddings
// names the one that serves, for whoever looks at the server. The mesh itself goes by a document of
// an EpochStore, since Qdrant cannot compare epochs: collections follow it (see generations.h).
//
// A user is a point, its id the UUIDv5 of tenant and user id. What was removed stays as a point
// that belongs to no tenant, with the removal's version, so that an older event that comes late
// does not bring the user back; sweep() drops such points. Every change is guarded by the version
// in the server, so that repeating one is safe, and what answers is visible to searches at once.
//
// Qdrant answers before its disk has the change: it outlives the server's process but, until its
// next flush (5 s by its default), not a loss of power. Whoever commits offsets of a log by what
// was applied replays at least so much after one. What it drops, also for an erasure, no request
// finds any more, and leaves its disk when it next optimizes the segment.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/domain/server_finding.h"
#include "common/ports/epoch_store.h"
#include "common/ports/vector_index.h"

namespace mesh::qdrant {

struct IndexOptions {
  std::string url = "http://127.0.0.1:6333";
  std::string api_key;  // sent as api-key; empty: none
  std::string ca_file;  // PEM, of the authorities that sign an https server; empty: the system's
  // What the names of collections, of the alias and of the document begin with: letters, digits,
  // '_', '-' and '.'. Meshes that share a server need one each.
  std::string prefix;
  // Of one exchange, and from when on none is repeated. Where the server stands still, the calls
  // under way block for some such times, one that makes or drops a generation for twelve times as
  // long; further ones fail at once until it answers.
  Duration timeout{5'000};
  int max_retries = 2;  // of a request that the server did not answer, or said to repeat
  // Of a request; a change that needs more goes in several. The server takes 32 MB by default.
  std::size_t max_body_bytes = 16 << 20;
  int connections = 16;  // at a time; further calls wait for one
};

// Every error of the server is `unavailable`; `uncertain` where a change got no answer, and may
// have been done in whole or in part: it may be repeated. Messages name the key to look at.
// User ids and versions lie within ±2^53, since Qdrant compares numbers as doubles: `invalid`.
//
// Calls block. The destructor, which no call may be under way beside, blocks for two time-outs at
// most, where the server stands still.
class QdrantIndex : public VectorIndex {
 public:
  // Returns whether or not the server is up; it is asked for its version at first contact.
  // `generations` and `clock` outlive the index. `invalid` for options that cannot be.
  static Result<std::unique_ptr<QdrantIndex>> open(IndexOptions options, EpochStore& generations,
                                                   Clock& clock);

  // Why it cannot be used now; nothing while it can. A thread asks the server every five seconds,
  // every second while there is trouble, so that this does not block.
  virtual std::optional<Error> trouble() const = 0;
  // For an operator; blocks for two time-outs at most.
  virtual std::vector<ServerFinding> examine() = 0;
  // Forgets the removals that were applied before this, in all generations, and tells how many. Of
  // users whose events are still to come with an older version than their removal's, the index
  // would take them for new: so not before all that may hold an older event (the log, parked
  // events, dead letters) has let go of it.
  virtual Result<std::int64_t> sweep(Timestamp removed_before) = 0;
};

}  // namespace mesh::qdrant
