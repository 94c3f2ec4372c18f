#include "daemon/pipeline/tasks/task_watches.h"

#include <utility>

namespace mesh::pipeline {

// All but its beginning and end with the mutex held: so its end waits for a call under way.
class TaskWatches::Entry final : public Watch {
 public:
  Entry(TaskWatches& all, std::string of, Told told)
      : id(std::move(of)), all_(all), told_(std::move(told)) {
    std::lock_guard lock(all_.mutex_);
    all_.entries_.insert(this);
    if (all_.closed_) tell();
  }
  ~Entry() override {
    std::lock_guard lock(all_.mutex_);
    all_.entries_.erase(this);
  }
  void tell() {
    if (auto told = std::exchange(told_, nullptr)) told();
  }
  bool waits() const { return told_ != nullptr; }

  const std::string id;

 private:
  TaskWatches& all_;
  Told told_;
};

std::unique_ptr<Watch> TaskWatches::add(const std::string& task, Told told) {
  return std::make_unique<Entry>(*this, task, std::move(told));
}

void TaskWatches::tell(const std::string& task) {
  std::lock_guard lock(mutex_);
  for (Entry* entry : entries_) {
    if (entry->id == task) entry->tell();
  }
}

void TaskWatches::tell(const Watch& one) {
  std::lock_guard lock(mutex_);
  for (Entry* entry : entries_) {
    if (entry == &one) entry->tell();
  }
}

void TaskWatches::close() {
  std::lock_guard lock(mutex_);
  closed_ = true;
  for (Entry* entry : entries_) entry->tell();
}

void TaskWatches::open() {
  std::lock_guard lock(mutex_);
  closed_ = false;
}

std::set<std::string> TaskWatches::waited_for() const {
  std::lock_guard lock(mutex_);
  std::set<std::string> ids;
  for (const Entry* entry : entries_) {
    if (entry->waits()) ids.insert(entry->id);
  }
  return ids;
}

}  // namespace mesh::pipeline
