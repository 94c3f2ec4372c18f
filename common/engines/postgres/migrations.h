// The schema, in versioned steps.
#pragma once

#include <string>

#include "common/engines/postgres/session.h"

namespace mesh::postgres {

// "[a-z_][a-z0-9_]*", at most 40: it stands in SQL and in names as it is.
bool is_schema_name(const std::string& schema);

// Brings the schema up to date, one process at a time. Without a change to make it needs no right
// to make one. `conflict` for the schema of a newer program.
Status migrate(Session& session, const std::string& schema);
// Changes nothing: `not_found` without the schema, `conflict` for that of another program.
Status insist_on_newest(Session& session, const std::string& schema);

}  // namespace mesh::postgres
