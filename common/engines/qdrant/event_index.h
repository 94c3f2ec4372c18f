// The EventIndex that processes share: collections of a Qdrant server, 1.16 or newer, over REST,
// beside those of users (qdrant_index.h), whose promises about retries, errors and what outlives a
// loss of power hold here as well.
//
// A generation is the collection <prefix>events-<type>-<n>; <prefix>events-<type>-serving is an
// alias of the one that serves, for whoever looks at the server. Which there are is a document of
// an EpochStore for each type (generations.h), and one that names the types. Whoever changes one
// takes it over first; of two at once one is repeated.
//
// BM25 here differs from that of the embedded index (domain/terms.h) in the average length, which
// is fixed (event_points.h), and in what N and n(t) are counted of: events of the tenant that have
// words, from Qdrant 1.19 on; before, those of all tenants, so that the score of a word, and with
// it the order of events that match different words, depends on what others have, though never
// which events are found. There, what was erased counts until the server optimizes the segment.
//
// Filters by "=" and "!=" go by an index, whatever fields there are. Ranges of numbers do not: the
// names are not known when a collection is made, so strict mode lets reads filter by what is not
// indexed, within the tenant, whose filter stays required.
#pragma once

#include <memory>
#include <optional>

#include "common/base/clock.h"
#include "common/engines/qdrant/qdrant_index.h"
#include "common/ports/epoch_store.h"
#include "common/ports/event_index.h"

namespace mesh::qdrant {

// Of more than 1000 events that score the same as the k-th some are passed over, though they be
// newer. Events of the same time are ordered by their offset. `invalid` for types that are not of
// letters, digits, '_', '-' and '.', and for offsets and times that a double cannot count.
class QdrantEvents : public EventIndex {
 public:
  // An apply that answers so long after a generation was made, in whichever process, has written to
  // it. One that finds a generation while it writes to those that it knew of answers `conflict`
  // where that lacks a vector, though the others were written; it may be repeated.
  static constexpr Duration kSettle{1'000};

  // As QdrantIndex's: why it cannot be used now.
  virtual std::optional<Error> trouble() const = 0;
};

// Returns whether or not the server is up. `generations` and `clock` outlive the index. `invalid`
// for options that cannot be.
Result<std::unique_ptr<QdrantEvents>> open_event_index(IndexOptions options,
                                                       EpochStore& generations, Clock& clock);

}  // namespace mesh::qdrant
