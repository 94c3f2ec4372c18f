// What the server says, as errors of the mesh.
#pragma once

#include <string>

#include "common/base/error.h"

namespace mesh::postgres {

// The SQLSTATE of a lock that was waited for in vain.
inline constexpr const char* kLockTimedOut = "55P03";
// Of a statement that failed with this SQLSTATE. `cause` holds what the server said.
Error error_of(const std::string& state, std::string cause);
// Of an attempt to connect, by what libpq says of it, since it tells no SQLSTATE.
Error connect_error(const std::string& said, std::string cause);
// Whether connections are of no use after such an error: the server goes away, or is another one
// than it was.
bool ends_session(const std::string& state);

}  // namespace mesh::postgres
