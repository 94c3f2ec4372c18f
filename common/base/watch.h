// A subscription that ends by being dropped.
// Boost.Signals2's disconnect does not wait for a call that is under way.
#pragma once

#include <functional>
#include <memory>

namespace mesh {

// Once the destructor has returned, the function that was to be told does not run and will not. So
// nothing that this function locks may be held while a watch is made or dropped.
class Watch {
 public:
  virtual ~Watch() = default;
};

// Tells that it is worth looking again. Called at most once for each watch, from any thread, also
// before the call that makes the watch has returned. Must not block or throw, nor use what it
// watches: it only wakes whoever looks.
using Told = std::function<void()>;

}  // namespace mesh
