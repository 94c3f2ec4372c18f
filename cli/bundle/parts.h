// The parts of a bundle, each had or not, with the reason.
#pragma once

#include <string>
#include <vector>

#include "cli/bundle/archive.h"
#include "cli/session.h"

namespace mesh::cli {

struct BundleOptions {
  bool tenants = false;  // their names as they are
  bool stacks = false;
};

struct BundlePart {
  enum class State {
    taken,
    absent,  // there is none, or none here
    failed,  // there should be one
  };
  std::string name;
  State state = State::taken;
  std::string reason;  // of what is not taken
  std::vector<ArchivedFile> files;
};

// Asks the server for each part, one after another; `begun` is told its name. Secrets that this
// tool knows are struck out of all of them.
std::vector<BundlePart> collect_parts(Session& session, const BundleOptions& options,
                                      const std::function<void(const std::string&)>& begun);

}  // namespace mesh::cli
