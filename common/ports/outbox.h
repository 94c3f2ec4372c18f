// Events that a store committed together with its rows and that still have to reach the log.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/domain/event.h"
#include "common/ports/lease_store.h"

namespace mesh {

struct OutboxEntry {
  std::int64_t sequence = 0;  // names the entry; never given out again
  Record record;
};

// What one relay takes from the outbox, begun anew with each lease. One thread at a time; wake()
// from any.
class OutboxReader {
 public:
  virtual ~OutboxReader() = default;
  // The oldest entries that this reader was not given yet, at most `limit`, by sequence; events of
  // one entity come in the order of its changes. Where transactions run side by side, an entry may
  // show up after others of higher sequences, which a slower transaction was given before.
  virtual Result<std::vector<OutboxEntry>> next(int limit) = 0;
  // What was given and not passed to acknowledge is given again (after an append that failed).
  virtual void rewind() = 0;
  // Removes exactly these entries, in one step and durably before `done`; those that are gone
  // already do not matter. `conflict`, and nothing is removed, where the lease is lost when it is
  // written. After another error it may be asked for again. `done` is called exactly once, from
  // this thread or the engine's, maybe after the reader has gone; it must not block.
  virtual void acknowledge(std::vector<std::int64_t> sequences,
                           std::function<void(Status)> done) = 0;
  // Waits until next() may give something: true. After wake(), or `timeout` by the engine's clock:
  // false.
  virtual bool wait(Duration timeout) = 0;
  // Ends the wait under way, or the next one.
  virtual void wake() = 0;
};

// Any thread. Outlives its readers.
class Outbox {
 public:
  virtual ~Outbox() = default;
  // A reader that was given nothing yet. Reading asks for no lease, acknowledging does.
  virtual std::unique_ptr<OutboxReader> open(const Lease& lease) = 0;
  // Whether an entry from `first` to `last`, both among them, still waits; false once all that were
  // committed are acknowledged. Of several changes ask for all their sequences, since entries are
  // not acknowledged in their order. Quick.
  virtual Result<bool> holds(std::int64_t first, std::int64_t last) = 0;
  // How many wait, for metrics and readiness.
  virtual std::int64_t size() const = 0;
};

}  // namespace mesh
