// Whether a new version of a JSON Schema takes every value that the old one took. Pure; any thread.
//
// Structural and conservative: what is not plainly so is told as a reason, though it may be so. A
// property that is new to a schema with open additionalProperties is such a reason: the old version
// let any value stand under its name. What would take more than 20,000 comparisons of schemas
// within is such a reason too.
#pragma once

#include <vector>

#include "common/base/error.h"
#include "common/base/json.h"

namespace mesh {

// Both as checked_schema gave them. The reasons why not, each with a pointer into the new schema
// and at most 20; none: it is compatible.
std::vector<FieldError> incompatibilities(const Json& before, const Json& after);

}  // namespace mesh
