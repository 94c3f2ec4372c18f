#include "common/base/watch_list.h"

#include <utility>

namespace mesh {

// Told with the mutex held: so its end waits for a call under way.
class WatchList::Entry final : public Watch {
 public:
  Entry(WatchList& list, Told told) : list_(list), told_(std::move(told)) {
    std::lock_guard lock(list_.mutex_);
    list_.untold_.insert(this);
  }
  ~Entry() override {
    std::lock_guard lock(list_.mutex_);
    list_.untold_.erase(this);
  }
  void tell() { told_(); }

 private:
  WatchList& list_;
  const Told told_;
};

std::unique_ptr<Watch> WatchList::add(Told told) {
  return std::make_unique<Entry>(*this, std::move(told));
}

void WatchList::tell() {
  std::lock_guard lock(mutex_);
  for (Entry* entry : std::exchange(untold_, {})) entry->tell();
}

}  // namespace mesh
