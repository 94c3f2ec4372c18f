// What an operator should know of a server behind an engine: what it is, what it lets the mesh do,
// and what to change there.
#pragma once

#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/error.h"

namespace mesh {

struct ServerFinding {
  std::string about;  // "version", "permissions", "settings", "clock", "connection"
  bool ok = true;
  std::string detail;  // what was found
  std::string advice;  // what to change; empty where it is in order
};

struct ExaminedServer {
  std::string name;  // "postgres"
  std::vector<ServerFinding> findings;
};

// That it cannot be looked at, and why.
ServerFinding unseen(std::string about, const Error& error, std::string advice);

// `version` as the server tells it, "3.9.1"; `oldest` is major and minor, {1, 16}. Newer ones are
// taken for good.
struct OldestVersion {
  int major = 0, minor = 0;
};
ServerFinding version_finding(const std::string& version, OldestVersion oldest);

// `theirs` was read between two looks at the own clock, and is told in steps of `step`: so much
// skew, and as much as the answer took, cannot be seen. Beyond a second it is a fault.
ServerFinding clock_finding(Timestamp theirs, Duration step, Timestamp asked, Timestamp answered);

}  // namespace mesh
