// Those who watch one thing, and are all told of it.
#pragma once

#include <memory>
#include <mutex>
#include <set>

#include "common/base/watch.h"

namespace mesh {

// Any thread. All watches are dropped before it.
class WatchList {
 public:
  std::unique_ptr<Watch> add(Told told);
  void tell();

 private:
  class Entry;

  std::mutex mutex_;
  std::set<Entry*> untold_;  // guarded by mutex_
};

}  // namespace mesh
