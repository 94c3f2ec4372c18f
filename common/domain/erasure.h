// Erasing all that is kept of a tenant, or of one of its users: what to, and what came of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/base/json.h"
#include "common/domain/tenant.h"

namespace mesh {

// Whose data goes. With `subject` that of one user alone: the id as text, as it is the subject of
// the user's events (key_of) and the user of analytics events.
struct ErasureTarget {
  TenantId tenant;
  std::optional<std::string> subject = {};
};

// What one place keeps of it: a table of the store, a topic, a generation of the index.
struct KeptPart {
  std::string place;       // "store/users", "log/user.events", "index/user_embeddings-3"
  std::int64_t count = 0;  // rows, records, vectors
  // Why it cannot go now and what ends it; empty: it can.
  std::string remains = {};
};

}  // namespace mesh
