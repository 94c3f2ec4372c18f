// What an operator should know of a Qdrant server.
#pragma once

#include <vector>

#include "common/domain/server_finding.h"
#include "common/engines/qdrant/server.h"

namespace mesh::qdrant {

// Its version, whether the key may write, and its clock. Blocks for two time-outs at most, changes
// nothing there.
std::vector<ServerFinding> examine(Server& server, Clock& clock);

}  // namespace mesh::qdrant
