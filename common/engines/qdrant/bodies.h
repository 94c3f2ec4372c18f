// Parts of requests' bodies and of answers that users and events have in common. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/domain/tenant.h"
#include "common/ports/vector_index.h"

namespace mesh::qdrant {

// Of a search by vectors, wider than Qdrant's default (100): for a large tenant more of the true
// nearest are found, for some tens of microseconds.
inline constexpr int kSearchWidth = 256;

// A UUIDv5 in the mesh's own namespace, the same in every version of the mesh. `name` begins with
// the length of the tenant's name, which keeps "a" + "b:1" apart from "a:b" + "1".
std::string point_id_of(const TenantId& tenant, const std::string& rest);
std::int64_t millis(Timestamp time);

// Appends it as a JSON array, in as many digits as a float needs.
void append_vector(std::string& out, std::span<const float> vector);
// Conditions of a filter.
Json equals(const char* key, const std::string& value);
Json in_range(const char* key, const char* bound, std::int64_t value);
Json of_tenant(const TenantId& tenant);
// A body of PUT /collections/x/index. `links`: HNSW is to connect the points of each value, which
// is wanted between those of one tenant alone; servers from 1.17 on can be told so.
std::string index_of(const char* field, Json schema, bool links, int minor_version);

// What the server's scores, which are cosines, are multiplied with to be products with the vector:
// its length; 1 for the zero vector, with which all score 0.
double factor_of(std::span<const float> vector);
// The score_threshold that lets through all whose product is at least `min_score`, and a few more:
// the server leaves out what scores the same, and its arithmetic is not ours.
double threshold_of(std::span<const float> vector, float min_score);
// `invalid` for another dimension, or for a component that is no number.
Status check_vector(std::span<const float> vector, int dimension);
// The same of a query; other_embedder() where the generation was made with another one.
Status check_query(const GenerationSpec& spec, const std::string& generation,
                   const QueryVector& query);

// `corrupt`: a point that no mesh has written.
tl::unexpected<Error> foreign_point(const Json& point);
const Json& in_payload(const Json& point, const char* name);
// A result's "points", empty where there are none.
const Json& points_of(const Json& result);
// Where a result says that its next page begins; empty: there is none.
std::string next_page_of(const Json& result);

}  // namespace mesh::qdrant
