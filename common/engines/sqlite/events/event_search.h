// Searches over events.db, of one tenant in the serving generation of a type. Plain functions; what
// they read is one state of the file, which read_snapshot (core/query.h) sees to.
#pragma once

#include <vector>

#include "common/engines/sqlite/core/database.h"
#include "common/ports/event_index.h"

namespace mesh::sqlite {

// As EventIndex::search_vectors and search_words promise, exactly: every document of the tenant is
// looked at, or every posting of the words.
//
// The high bytes of all codes are scanned (vectors/codes.h), and those that may be among the best
// are scored with both. Time is asked for in the scan; fields in one before it, over the documents,
// which are a tenth of the codes.
Result<std::vector<EventHit>> find_by_vector(Database& db, const TenantId& tenant,
                                             const EventScope& scope, const QueryVector& asked,
                                             int k, float min_score);
// Documents are read in order of their scores until k of them are what the scope asks for.
Result<std::vector<EventHit>> find_by_words(Database& db, const TenantId& tenant,
                                            const EventScope& scope, const Terms& terms, int k);

}  // namespace mesh::sqlite
