#include "daemon/pipeline/append.h"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>

namespace mesh::pipeline {
namespace {

// Shared with the completion, which may come after the waiting thread has given up.
struct Pending {
  std::mutex mutex;
  std::condition_variable done;
  std::optional<Result<std::vector<Position>>> result;  // guarded by mutex
};

}  // namespace

Result<std::vector<Position>> append_within(EventLog& log, Clock& clock,
                                            std::vector<Record> records, Duration limit) {
  auto pending = std::make_shared<Pending>();
  log.append(std::move(records), [pending](Result<std::vector<Position>> result) {
    std::lock_guard lock(pending->mutex);
    pending->result = std::move(result);
    pending->done.notify_all();
  });
  std::unique_lock lock(pending->mutex);
  if (!clock.wait_until(lock, pending->done, clock.steady() + limit,
                        [&] { return pending->result.has_value(); })) {
    return fail(
        ErrorKind::uncertain,
        "the event log did not confirm an append in time: its records may be in the log, or come "
        "into it yet");
  }
  return std::move(*pending->result);
}

}  // namespace mesh::pipeline
