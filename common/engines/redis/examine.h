// What an operator should know of a Redis server.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/domain/server_finding.h"
#include "common/engines/redis/session.h"

namespace mesh::redis {

// One command; blocks until it is answered.
using Ask = std::function<Result<Reply>(std::vector<std::string> words)>;

// Its version, whether the user may write under `prefix`, whether it drops limits for want of
// memory, and its clock. Writes one key there, for a millisecond.
std::vector<ServerFinding> examine(const Ask& ask, const std::string& prefix, Clock& clock);

}  // namespace mesh::redis
