// What an engine finds of its server.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "common/domain/server_finding.h"

namespace mesh::test {

// The one about that; a fault where there is none.
inline ServerFinding finding_about(const std::vector<ServerFinding>& all, const std::string& what) {
  const auto found = std::ranges::find(all, what, &ServerFinding::about);
  return found == all.end() ? ServerFinding{what, false, "not found", ""} : *found;
}

}  // namespace mesh::test
