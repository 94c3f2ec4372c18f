// Tasks of record, so that long work survives a restart.
#pragma once

#include <optional>
#include <vector>

#include "common/base/error.h"
#include "common/domain/task.h"

namespace mesh {

// Any thread; put blocks until durable.
class TaskStore {
 public:
  virtual ~TaskStore() = default;
  virtual Status put(const Task& task) = 0;  // inserts or replaces by id; keeps cancel_requested
                                             // true once it was set
  virtual Result<Task> get(const std::string& id) = 0;
  virtual Result<std::vector<Task>> list(int limit) = 0;  // newest first
  virtual Status request_cancel(const std::string& id) = 0;
};

}  // namespace mesh
