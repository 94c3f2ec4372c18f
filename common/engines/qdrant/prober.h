// Asks the server now and then whether it answers, takes the mesh's key, and has what searches
// need.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "common/engines/qdrant/generations.h"
#include "common/engines/qdrant/server.h"

namespace mesh::qdrant {

// Every five seconds, every second while there is trouble, and at once where it begins. One request
// at a time, so that a server that comes back is not met by all who wait for it.
class Prober {
 public:
  using Books = std::function<std::vector<std::shared_ptr<GenerationBook>>()>;

  // `alias`, with the index's prefix, is what is read while no book knows of a generation that
  // serves. The server outlives the prober, and so does what `books` uses.
  Prober(std::string alias, Server& server, Books books);
  // Stops the server; blocks for two time-outs at most, where it stands still.
  ~Prober();

  // That the server does not answer, or has lost the collection that serves. Any thread; does not
  // block.
  std::optional<Error> trouble() const;

 private:
  void run();
  void probe();
  // What look() answered for a read of the collection; nothing: no answer.
  std::optional<int> read(const std::string& collection);
  void note_lost(std::optional<Error> lost);

  const std::string alias_;
  Server& server_;
  const Books books_;
  mutable std::mutex mutex_;
  std::optional<Error> lost_;  // guarded by mutex_
  std::thread thread_;         // last: it uses all of the above
};

}  // namespace mesh::qdrant
