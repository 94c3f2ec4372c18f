// What events.db holds: generations, partitions, documents and the postings of their words. Plain
// functions over a connection; those that write run in a job of the committer.
//
// A partition is what a tenant has in one generation. The key of a document is its partition's
// number in the upper 32 bits and its own within the partition in the lower ones, so that a
// tenant's documents, codes and postings lie beside each other and a scan reads nothing of others.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/engines/sqlite/core/database.h"
#include "common/ports/event_index.h"

namespace mesh::sqlite {

// The keys of a partition's documents.
struct KeyRange {
  std::int64_t first = 0, last = 0;
};
KeyRange keys_of(std::int64_t partition);

// A document with its codes (vectors/codes.h) by embedder, as a committer's job takes it along.
struct PreparedDocument {
  const EventDocument* document = nullptr;  // of the caller, who waits for the job
  std::string fields;                       // fields_codec.h
  std::map<std::string, std::string, std::less<>> codes;
};
// `invalid` for a vector that has a component which is no number.
Result<PreparedDocument> prepare_document(const EventDocument& document);

Status prepare_events_file(Database& db);

Result<EventGeneration> insert_event_generation(Database& db, std::string_view type,
                                                const GenerationSpec& spec);
// `not_found` where there is none.
Status serve_event_generation(Database& db, std::string_view type, int number);
// From here on it is gone; its rows go by delete_dropped_events. `conflict` for the serving one.
Status drop_event_generation(Database& db, std::string_view type, int number);
// All of the type; the serving one as well.
Status drop_event_generations(Database& db, std::string_view type);
// Deletes at most `limit` documents of dropped generations, and some of their postings; whether
// there may be more.
Result<bool> delete_dropped_events(Database& db, int limit);
Result<std::vector<EventGeneration>> read_event_generations(Database& db);
Result<std::vector<EventSpec>> read_event_specs(Database& db);

// Into every generation of its type, in the place of what it has of the event. `conflict` and
// `invalid` as EventIndex::apply says.
Status write_document(Database& db, const PreparedDocument& prepared);

// What is erased, of all generations; dropped ones whose rows are still there, too.
struct Erasure {
  TenantId tenant;
  std::optional<std::string> subject;
  std::optional<Timestamp> before;
};
struct ErasedDocuments {
  int count = 0;
  std::optional<std::int64_t> next;  // beyond which to go on; nothing at the end
};
// Erases at most `limit` documents with keys beyond `after`.
Result<ErasedDocuments> erase_documents(Database& db, const Erasure& erasure, std::int64_t after,
                                        int limit);
// Of all tenants, what lies below the offset; how many.
Result<int> erase_documents_below(Database& db, const TopicPartition& partition,
                                  std::int64_t offset, int limit);
// Forgets the partitions of a tenant that have no documents.
Status forget_empty_partitions(Database& db, const TenantId& tenant);
Result<KeptEvents> count_documents(Database& db, const TenantId& tenant,
                                   std::optional<std::string_view> subject);

}  // namespace mesh::sqlite
