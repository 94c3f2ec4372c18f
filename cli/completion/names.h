// The names that completion offers, from the server and the context file.
#pragma once

#include "cli/completion/complete.h"
#include "cli/session.h"

namespace mesh::cli {

// How long a server may take to answer all that one completion asks, connecting included: a key
// was pressed, and who pressed it waits. $MESH_COMPLETION_TIMEOUT where that is a duration.
inline constexpr Duration kCompletionTimeout{150};

// Of the server that the session's settings name, each request made once; sets session.mesh. Says
// nothing and answers nothing where there is no server, no credential, no answer in time, or a
// setting that cannot be.
Names names_of(Session& session);

}  // namespace mesh::cli
