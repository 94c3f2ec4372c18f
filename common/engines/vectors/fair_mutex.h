// A shared mutex that a writer gets soon, however many readers there are.
// Boost.Thread's shared_mutex does the same, and would be here for that alone.
#pragma once

#include <mutex>
#include <shared_mutex>

namespace mesh::vectors {

// glibc's prefers readers, so overlapping searches could hold a change back for ever. Here whoever
// comes passes a gate that a waiting writer keeps shut. For std::unique_lock and std::shared_lock.
class FairSharedMutex {
 public:
  void lock() {
    std::lock_guard gate(gate_);
    inner_.lock();
  }
  void unlock() { inner_.unlock(); }
  void lock_shared() {
    std::lock_guard gate(gate_);
    inner_.lock_shared();
  }
  void unlock_shared() { inner_.unlock_shared(); }

 private:
  std::mutex gate_;
  std::shared_mutex inner_;
};

}  // namespace mesh::vectors
