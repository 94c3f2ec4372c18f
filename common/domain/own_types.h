// A tenant's own event types: which there may be, and what their data is held to.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/error.h"
#include "common/base/json.h"
#include "common/domain/json_schema.h"
#include "common/domain/searchable.h"

namespace mesh {

// JSON Schemas by type, as they were written.
using TypeSchemas = std::map<std::string, Json>;

inline constexpr std::size_t kMaxOwnTypes = 64;
// Of all schemas' compact texts: the tenant's record travels as one event.
inline constexpr std::size_t kMaxTypesBytes = 256 << 10;

// `<entity>.<action>`, where a schema that does not take all that the one before took begins
// another type: `order.placed.v2`. `unprocessable` where a type of the catalogue has the name, or
// where the mesh alone writes to its topic.
Status check_type_name(std::string_view type);

// Whether a tenant whose types were `before` may have these: `unprocessable` with pointers that
// begin "/types/<type>". What is unchanged is not looked at again; a type that is left out is no
// fault.
Status check_types(const TypeSchemas& types, const TypeSchemas& before = {});

// Whether a tenant with these types may have these searchables: `unprocessable` with pointers that
// begin "/search/<type>" for a type that is neither its own nor one of the catalogue's activities.
// Places that no schema names are no fault: what is not there is nothing.
Status check_search(const Searchables& search, const TypeSchemas& types);

// Compiled; null where a stored schema is none that this program can hold events to.
using OwnTypes = std::map<std::string, std::shared_ptr<const JsonSchema>, std::less<>>;
OwnTypes compile_types(const TypeSchemas& types);

// `unprocessable` with a pointer into the data for each offence, at most 20. Texts with a NUL are
// refused wherever they stand, since the schema would measure them up to there, and so are names of
// over 1,024 bytes; the schema is not asked then.
Status check_own(std::string_view type, const JsonSchema& schema, const Json& data);

}  // namespace mesh
