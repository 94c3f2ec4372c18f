// Who waits for a task's end.
#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "common/base/watch.h"

namespace mesh::pipeline {

// Any thread. All watches are dropped before it.
class TaskWatches {
 public:
  // Told when the task ends or, once closed, at once.
  std::unique_ptr<Watch> add(const std::string& task, Told told);
  void tell(const std::string& task);
  void tell(const Watch& one);
  // Tells all. Whoever comes until it is opened again is told at once.
  void close();
  void open();
  std::set<std::string> waited_for() const;  // ids of tasks

 private:
  class Entry;

  mutable std::mutex mutex_;
  bool closed_ = false;  // this and the next guarded by mutex_
  std::set<Entry*> entries_;
};

}  // namespace mesh::pipeline
