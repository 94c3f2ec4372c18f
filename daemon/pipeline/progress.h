// How far writes have come: out of the outbox into the log, and past the group that makes them
// searchable or counted.
//
// A parked event holds a write up where it may be one of the write's: between its first and its
// last in their partition, or, of a change that went through the outbox and whose place in the log
// nobody knows, one of the same users. An older one of the same user is no stranger: the events of
// a key are handled in order, so that this write waits behind it.
//
// It is read from what every process can see, whatever its roles: the outbox, the ends of
// partitions, what groups have committed, and which of their events are parked. An event is
// processed once its group has committed past it and does not hold it parked. A group commits past
// an event that it gave up (a dead letter) or was made to skip, too: that cannot be told from one
// that it handled.
#pragma once

#include <atomic>
#include <condition_variable>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "common/base/clock.h"
#include "common/base/watch.h"
#include "common/domain/tenant.h"
#include "common/domain/write_position.h"
#include "common/ports/event_log.h"
#include "common/ports/outbox.h"
#include "common/ports/retry_store.h"
#include "common/ports/vector_index.h"

namespace mesh::pipeline {

// Each implies those before it. Of events that no pipeline reads `log` is the last.
enum class Reached { stored, log, processed };

// A write that somebody waits for. Whose progress is looked at says so; any thread may ask.
class AwaitedWrite {
 public:
  // Of an operator's write the tenant is not known: then anybody's events count that lie among it.
  AwaitedWrite(std::optional<TenantId> tenant, WritePosition position, Reached wanted);

  Reached reached() const { return reached_; }
  bool done() const { return reached_ >= wanted_; }

 private:
  friend class Progress;
  // Whether an event of this key, parked at this place, may be one of the write's.
  bool may_hold(const ParkedKey& event) const;

  const std::optional<TenantId> tenant_;
  const WritePosition position_;
  const Reached wanted_;
  std::atomic<Reached> reached_;
  std::mutex mutex_;  // over a look
  // One past the last event in each partition; of what is in the outbox known once it has left.
  // Guarded by mutex_.
  std::optional<LogOffsets> behind_;
};

struct ProgressPorts {
  Outbox& outbox;
  EventLog& log;
  LogAdmin& admin;
  RetryStore& retries;
  VectorIndex& index;
};

class Progress {
 public:
  static constexpr Duration kInterval{10};

  explicit Progress(ProgressPorts ports, Clock& clock);
  ~Progress();  // after the last watch

  // Looks now; may wait for the engines. `not_found` where the position names a partition that does
  // not exist. Any thread.
  Status look(AwaitedWrite& write);
  // Tells once the write is done. While there are watches one thread looks every kInterval, with
  // one reading of the engines for all of them; without any, nobody does. Waits for no engine.
  std::unique_ptr<Watch> watch(std::shared_ptr<AwaitedWrite> write, Told told);

 private:
  class Watched;
  struct Facts;

  void run();
  void look(Facts& facts, AwaitedWrite& write);
  Status advance(Facts& facts, AwaitedWrite& write);
  static std::optional<std::int32_t> partition_of(const AwaitedWrite& write,
                                                  std::size_t partitions);

  const ProgressPorts ports_;
  Clock& clock_;
  std::atomic<bool> troubled_{false};  // the last look failed
  std::mutex mutex_;
  std::condition_variable changed_;
  std::list<Watched*> watches_;  // this and the next guarded by mutex_
  bool stopping_ = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace mesh::pipeline
