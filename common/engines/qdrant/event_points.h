// Points of events: the bodies of requests about them, and what answers say of them. Pure.
//
// An event's point has the vector "meaning" (cosine) and the sparse vector "words", by term id; one
// without words has no such vector. Its payload is
// {"tenantId","eventId","subject","partition":"order.events/0","offset","time","title","fields",
//  "values","numbers"}: `fields` is what hits show, as to_json(FieldValues) has it, and what
// filters ask for is kept a second time, in forms that Qdrant compares, whatever a field is called:
//   values   ["7:country=DE","4:size#10"]   name and value of each, with the name's length; one
//            keyword index over all of them answers "is" and "is not" of any field
//   numbers  {"metadata_2esize":[10.0]}      by the name's letters and digits, other bytes as _xx;
//            for ranges, which no index can be made for before the names are known
// Times are milliseconds since 1970.
//
// The value of a term is its part of BM25 but for idf, which the server multiplies with, and with
// kAverageLength in the place of the average, which the server cannot tell.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/base/json.h"
#include "common/ports/event_index.h"

namespace mesh::qdrant {

// Words of an event. Part of what is stored: another number needs every index built anew.
inline constexpr double kAverageLength = 16;

std::string event_point_id(const TenantId& tenant, const std::string& event_id);
// Bodies of PUT /collections/x, without metadata, and of PUT /collections/x/index.
Json event_collection(const GenerationSpec& spec);
std::vector<std::string> event_payload_indexes(int minor_version);

// Bodies of PUT /collections/x/points with the vectors of that embedder, which all have. Of at most
// `max_bytes` each, where a single point fits; in the order of `documents`.
std::vector<std::string> event_upserts(std::span<const EventDocument* const> documents,
                                       const std::string& embedder, std::size_t max_bytes);

// The filter of a search; nothing where no event can pass it.
std::optional<Json> event_filter(const TenantId& tenant, const EventScope& scope);
// Bodies of POST /collections/x/points/query. `own_idf`: n(t) and N are to be the tenant's, which
// servers from 1.19 on can do; else they are of all that the collection holds.
std::string nearest_events(const Json& filter, std::span<const float> vector, int limit,
                           float min_score);
std::string matching_events(const TenantId& tenant, const Json& filter, const Terms& terms,
                            int limit, bool own_idf);
// Of a result's "points", whose scores are multiplied with `factor`; `corrupt` for one that is not
// the tenant's, or that no mesh has written.
Result<std::vector<EventHit>> event_hits_of(const Json& result, const TenantId& tenant,
                                            double factor);

// Filters of what is to be erased, or counted.
Json events_below(const TopicPartition& partition, std::int64_t offset);
Json events_of(const TenantId& tenant, std::optional<std::string_view> subject,
               std::optional<Timestamp> before);
// A body of POST /collections/x/points/scroll: their ids alone, from the id `from` on (empty: the
// first); and how many a result has.
std::string events_page(const Json& filter, const std::string& from, int limit);
std::int64_t events_in(const Json& result);

}  // namespace mesh::qdrant
