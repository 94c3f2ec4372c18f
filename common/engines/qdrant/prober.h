// Asks the server now and then whether it answers, takes the mesh's key, and has what searches
// need.
#pragma once

#include <mutex>
#include <optional>
#include <thread>

#include "common/engines/qdrant/generations.h"
#include "common/engines/qdrant/server.h"

namespace mesh::qdrant {

// Every five seconds, every second while there is trouble, and at once where it begins. One request
// at a time, so that a server that comes back is not met by all who wait for it.
class Prober {
 public:
  // `prefix` as the index has it; server and book outlive the prober.
  Prober(std::string prefix, Server& server, GenerationBook& book);
  // Stops the server; blocks for two time-outs at most, where it stands still.
  ~Prober();

  // That the server does not answer, or has lost the collection that serves. Any thread; does not
  // block.
  std::optional<Error> trouble() const;

 private:
  void run();
  void probe();
  void note_lost(std::optional<Error> lost);

  const std::string prefix_;
  Server& server_;
  GenerationBook& book_;
  mutable std::mutex mutex_;
  std::optional<Error> lost_;  // guarded by mutex_
  std::thread thread_;         // last: it uses all of the above
};

}  // namespace mesh::qdrant
