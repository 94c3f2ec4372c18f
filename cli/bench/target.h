// Where the requests of a load go. Pure.
#pragma once

#include <string>

#include "common/base/error.h"

namespace mesh::cli {

struct BenchTarget {
  std::string address;  // host:port, to connect to
  std::string host;     // of the header
  std::string prefix;   // of paths; empty, or begins with a slash
  bool tls = false;
};

// Of a base URL; `invalid` for what is no URL of http or https.
Result<BenchTarget> bench_target(const std::string& url);

}  // namespace mesh::cli
