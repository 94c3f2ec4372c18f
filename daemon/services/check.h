// One line of `mesh check`: the state of something that the process depends on.
#pragma once

#include <string>

namespace mesh::services {

struct Check {
  std::string name;
  bool ok = true;
  std::string detail;
  bool warning = false;  // in order, but worth knowing
};

}  // namespace mesh::services
