// Events that a store committed together with its rows and that still have to reach the log.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "common/base/error.h"
#include "common/domain/event.h"

namespace mesh {

struct OutboxEntry {
  std::int64_t sequence = 0;  // rises in commit order
  Record record;
};

// Any thread, but one relay only.
class Outbox {
 public:
  virtual ~Outbox() = default;
  // The oldest entries beyond `after`, in order.
  virtual Result<std::vector<OutboxEntry>> pending(std::int64_t after, int limit) = 0;
  // Removes all entries up to `sequence`, durably before `done`.
  virtual void acknowledge(std::int64_t sequence, std::function<void(Status)> done) = 0;
  // How many wait, for metrics and readiness.
  virtual std::int64_t size() const = 0;
  // `notify` is called after each commit that added entries, from the engine's thread; must not
  // block. An empty function ends it.
  virtual void on_added(std::function<void()> notify) = 0;
};

}  // namespace mesh
