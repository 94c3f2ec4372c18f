// Why pods do not come up, read from what the API server tells of them. Pure.
#pragma once

#include <string>
#include <vector>

#include "common/base/json.h"

namespace mesh::cli::deploy {

struct Trouble {
  std::string pod;
  std::string container;   // whose log may say more; empty: no container has begun
  bool restarted = false;  // its log of the time before says more
  std::string reason;      // "CrashLoopBackOff: back-off 20s …"
};

// Of a list of pods: those that are not ready, with what stands in the way.
std::vector<Trouble> troubles_of(const Json& pods);
// The warnings of a list of events, the newest last, at most `count`: "FailedScheduling: 0/3 …".
std::vector<std::string> warnings_of(const Json& events, std::size_t count);

}  // namespace mesh::cli::deploy
