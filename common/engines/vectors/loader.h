// The load at a start: rows are read and checked on one thread and brought to memory on another,
// since either is about half of the work.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "common/engines/vectors/generation.h"

namespace mesh::vectors {

// Used by one thread, the one that reads.
class Loader {
 public:
  Loader();
  ~Loader();  // waits until all that was added is in memory

  // Copies the point. Blocks while the other thread is a batch behind. Generation and partition
  // outlive the loader.
  void add(Generation& generation, const StoredPartition& partition, const StoredPoint& point);

 private:
  struct Place {
    Generation* generation;
    const StoredPartition* partition;
    std::int64_t user_id;
    std::int64_t version;
    std::size_t code, email, name;  // sizes, of what lies one after the other in bytes
  };
  struct Batch {
    std::vector<Place> points;
    std::string bytes;
  };
  void hand_over();
  void run();
  static void bring_to_memory(const Batch& batch);

  Batch batch_;  // being filled
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Batch> waiting_;  // guarded by mutex_
  bool last_ = false;             // guarded by mutex_: nothing follows
  std::thread thread_;            // last: uses the others
};

}  // namespace mesh::vectors
