// Appends in the way that a test reads: one line, one answer.
#pragma once

#include <future>
#include <utility>
#include <vector>

#include "common/ports/event_log.h"

namespace mesh::test {

// Blocks until the log has answered.
inline Result<std::vector<Position>> append_and_wait(EventLog& log, std::vector<Record> records) {
  std::promise<Result<std::vector<Position>>> done;
  log.append(std::move(records), [&](auto result) { done.set_value(std::move(result)); });
  return done.get_future().get();
}

}  // namespace mesh::test
