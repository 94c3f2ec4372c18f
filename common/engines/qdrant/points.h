// Points: the bodies of requests about them, and what answers say of them. Pure.
//
// A user's payload is
// {"tenantId","userId","email","name","eventId","version","emailKey","nameKey"}; what was removed
// has {"removedTenantId","userId","eventId","version","removedAt"} and the zero vector. Having no
// tenantId, it is out of reach of whatever asks for a tenant's points.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/ports/vector_index.h"

namespace mesh::qdrant {

// The same for the same two in every version of the mesh.
std::string point_id(const TenantId& tenant, std::int64_t user_id);

// The payload's indexes: bodies of PUT /collections/x/index. Strict mode refuses a filter by
// anything else.
std::vector<std::string> payload_indexes(int minor_version);

// Of several changes of one user the one that stays: an older version never takes the place of a
// newer one, an equal one does. In the order of first mention. `invalid`, and nothing is to be
// changed, where a vector has another dimension or a component that is no number, or a user id or
// a version is beyond ±2^53.
Result<std::vector<const VectorChange*>> newest_of(std::span<const VectorChange> changes,
                                                   int dimension);
// Bodies of PUT /collections/x/points that change a point unless a newer version stands there. Of
// at most `max_bytes` each, where a single point fits; in the order of `changes`.
std::vector<std::string> upserts(std::span<const VectorChange* const> changes, int dimension,
                                 Timestamp now, std::size_t max_bytes);

// A body of POST /collections/x/points/query: the tenant's best, by products with the vector.
std::string best_query(const TenantId& tenant, std::span<const float> vector, int limit,
                       float min_score);
// Of POST /collections/x/points/query/batch: the same, and the best of those whom the text matches
// exactly, whatever they score.
std::string matching_queries(const TenantId& tenant, std::span<const float> vector, int limit,
                             float min_score, const SearchText& text, int exact_limit);
// Of a result's "points", whose scores are multiplied with `factor`; `corrupt` for one that is not
// the tenant's, or that no mesh has written.
Result<std::vector<SearchHit>> hits_of(const Json& result, const TenantId& tenant, double factor);

// A body of POST /collections/x/points/scroll: a tenant's users by id.
std::string users_page(const TenantId& tenant, std::int64_t after, int limit);
Result<std::vector<IndexedUser>> users_of(const Json& result);

// What is there of a tenant, or of one user of it, with removals. A body of POST
// /collections/x/points/scroll, which gives at most `limit` of them from the id `from` on (empty:
// the first), with what tells users and removals apart; and of …/points/delete.
std::string kept_page(const TenantId& tenant, std::optional<std::int64_t> user_id,
                      const std::string& from, int limit);
Result<KeptPoints> kept_of(const Json& result);
std::string drop_kept(const TenantId& tenant, std::optional<std::int64_t> user_id);
// The index that these need where they ask for a tenant. No other request does, so that it is made
// when the first of them comes.
std::string removals_index(int minor_version);

// A body of POST /collections/x/points/scroll: removals of before that time, without their payload;
// and what drops those of them that are still removals then (POST /collections/x/points/delete).
std::string removals_page(Timestamp before, int limit);
Result<std::vector<std::string>> ids_of(const Json& result);
std::string drop_removals(std::span<const std::string> ids, Timestamp before);

}  // namespace mesh::qdrant
