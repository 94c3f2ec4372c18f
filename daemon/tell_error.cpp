#include "daemon/tell_error.h"

#include <cstdlib>
#include <iostream>

#include "common/base/json.h"
#include "common/telemetry/log.h"

namespace mesh {

void tell_error(const Error& error, bool json) {
  if (json) {
    // On stdout, where the program that asked reads the answer, be it this one.
    const std::string kind(to_string(error.kind));
    std::cout << dump({{"error", error.message}, {"kind", kind}, {"cause", error.cause}}) << "\n";
    return;
  }
  std::cerr << "meshd: " << error.message << "\n";
  if (!error.cause.empty()) std::cerr << "meshd: cause: " << error.cause << "\n";
}

void die(const Error& error) {
  std::cerr << "meshd: " << error.to_string() << "\n";
  log::flush();
  std::_Exit(3);
}

}  // namespace mesh
