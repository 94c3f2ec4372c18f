// Which JSON Schemas a tenant's own event type may have: those that ingest can hold every event to,
// in bounded time. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "common/base/error.h"
#include "common/base/json.h"

namespace mesh {

inline constexpr std::size_t kMaxSchemaBytes = 16 << 10;  // of its compact text
inline constexpr int kMaxSchemaDepth = 16;                // of schemas within schemas
inline constexpr int kMaxSchemaParts = 500;               // schemas, once every $ref is written out
inline constexpr std::size_t kMaxPatternSteps = 5000;  // of all patterns (Pattern::steps), as well

// The schema as it is compiled and compared: without annotations and `definitions`, each
// "$ref": "#/definitions/…" written out. `unprocessable` with a pointer for each thing that cannot
// be held to: another draft, a $ref to elsewhere or to itself, a keyword that is not checked here,
// a pattern that takes more than linear time (common/base/pattern.h), and what is over the bounds
// above. `at` stands in front of each pointer.
Result<Json> checked_schema(const Json& schema, const std::string& at = {});

}  // namespace mesh
