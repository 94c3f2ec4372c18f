// Where the requests of a load go. Pure.
#pragma once

#include <string>

#include "common/base/error.h"

namespace mesh::cli {

struct BenchTarget {
  std::string address;  // host:port, to connect to
  std::string host;     // of the header
  std::string prefix;   // of paths; empty, or begins with a slash
};

// Of a base URL. `unsupported` for https, which the load generator does not speak; `invalid` for
// what is no URL of http.
Result<BenchTarget> bench_target(const std::string& url);

}  // namespace mesh::cli
