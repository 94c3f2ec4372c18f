// Events of searchable types, found within their tenant by meaning, letters and words.
//
// Each type has generations of its own, of which one serves. A change is written to every
// generation of its type at once, so that one that is being filled from the log misses nothing.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/domain/event.h"
#include "common/domain/event_filter.h"
#include "common/domain/tenant.h"
#include "common/domain/terms.h"
#include "common/ports/vector_index.h"

namespace mesh {

struct EventDocument {
  TenantId tenant;
  std::string type;
  std::string event_id;
  // The event's subject where that is a user (is_of_users of its topic), which erasures go by; else
  // empty, since the same text names something else there.
  std::string subject;
  Position position;
  Timestamp time{};    // when it happened
  std::string title;   // what a list shows of it, at most 256 bytes
  FieldValues fields;  // what filters ask for
  Terms terms;         // of its text
  // By Embedder::id(): one for each embedder that generations of the type are made with.
  std::map<std::string, std::vector<float>, std::less<>> vectors;
};

struct EventGeneration {
  std::string type;
  GenerationInfo info;  // name "<type>-<n>"; numbers count per type; `vectors` are documents
};

// What is said of a generation without looking at what it holds.
struct EventSpec {
  std::string type;
  int number = 0;
  GenerationSpec spec;
  bool serving = false;
};

struct EventHit {
  std::string event_id;
  std::string subject;
  Position position;
  Timestamp time{};
  std::string title;
  FieldValues fields;
  float score = 0;  // the product of the vectors, -1…1; of a search by words what BM25 says
};

// What a search is held to, beside its tenant.
struct EventScope {
  std::string type;
  EventFilter filter;
  std::optional<Timestamp> from, to;  // of `time`: from <= time < to
};

struct KeptEvents {
  std::int64_t documents = 0;
  bool operator==(const KeptEvents&) const = default;
};

// Any thread. Changes are durable before they answer; searches see them from then on.
class EventIndex {
 public:
  virtual ~EventIndex() = default;
  // The next number of the type; empty; not serving.
  virtual Result<EventGeneration> create(std::string_view type, const GenerationSpec& spec) = 0;
  // `not_found` where there is none. `conflict` for dropping the serving one.
  virtual Status serve(std::string_view type, int number) = 0;
  virtual Status drop(std::string_view type, int number) = 0;
  // All generations of the type, the serving one as well; numbers are not given again. A type that
  // has none is no error.
  virtual Status forget(std::string_view type) = 0;
  virtual Result<std::vector<EventGeneration>> generations() = 0;  // by type and number
  // The same without their sums, which cost a look at what every tenant has.
  virtual Result<std::vector<EventSpec>> specs() = 0;

  // Writes each to every generation of its type, in the place of the same event of the tenant.
  // `conflict`, and nothing is written, where a generation is of an embedder that a document has
  // no vector of: it was made meanwhile; read specs() and make the vectors again. Documents
  // of a type without generations are nothing.
  virtual Status apply(std::span<const EventDocument> documents) = 0;

  // The k best of the tenant in the serving generation of the scope's type whose product with the
  // query is at least `min_score`, by it, ties by newest. Empty without a serving generation;
  // `unavailable` where that is of another embedder, `invalid` for another dimension.
  virtual Result<std::vector<EventHit>> search_vectors(const TenantId& tenant,
                                                       const EventScope& scope,
                                                       const QueryVector& query, int k,
                                                       float min_score) = 0;
  // The k best by BM25 (domain/terms.h) that have at least one of the terms, ties by newest.
  virtual Result<std::vector<EventHit>> search_words(const TenantId& tenant,
                                                     const EventScope& scope, const Terms& terms,
                                                     int k) = 0;

  // Takes out what the log no longer holds: of all tenants, below the offset of the partition.
  virtual Status erase_below(const TopicPartition& partition, std::int64_t offset) = 0;
  // Of a tenant: all, or of one subject; or what happened before a time, where one is given.
  virtual Status erase(const TenantId& tenant, std::optional<std::string_view> subject,
                       std::optional<Timestamp> before) = 0;
  virtual Result<KeptEvents> kept(const TenantId& tenant,
                                  std::optional<std::string_view> subject) = 0;
};

}  // namespace mesh
