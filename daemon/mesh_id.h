// Tells meshes apart where they share a server.
#pragma once

#include <string>

#include "common/ports/epoch_store.h"

namespace mesh {

// The id of the mesh whose stores these are, 16 hexadecimal digits: made by whichever process asks
// first, and kept. A copy of the stores has it, too. Blocks; errors are the store's.
Result<std::string> mesh_id(EpochStore& store);

}  // namespace mesh
