// How many points a collection holds, and of how many tenants.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "common/engines/qdrant/generations.h"
#include "common/engines/qdrant/server.h"

namespace mesh::qdrant {

struct Counts {
  std::int64_t vectors = 0;
  std::int64_t tenants = 0;
};

// Asked for at most every five seconds, since lists of generations are. Any thread.
class PointCounts {
 public:
  // Both outlive it.
  PointCounts(Server& server, Clock& clock) : server_(server), clock_(clock) {}

  // Of "/collections/x", and the server's errors. Not exact, which strict mode forbids: points
  // count twice for as long as the server moves them. What has no tenant is left out.
  Result<Counts> of(const std::string& path);
  void forget(const std::string& path);

 private:
  Server& server_;
  Clock& clock_;
  std::mutex mutex_;  // guards the following
  std::map<std::string, std::pair<Counts, SteadyTime>> kept_;
};

// What the document names, read anew, by number.
Result<std::vector<GenerationInfo>> infos_of(GenerationBook& book, PointCounts& counts);

}  // namespace mesh::qdrant
