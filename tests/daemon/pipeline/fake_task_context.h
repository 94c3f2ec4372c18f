// The context of a task's work, without a runner.
#pragma once

#include <functional>

#include "daemon/pipeline/tasks/tasks.h"
#include "tests/support/manual_clock.h"

namespace mesh::test {

class FakeTaskContext final : public pipeline::TaskContext {
 public:
  explicit FakeTaskContext(Json spec, ManualClock* clock = nullptr) : clock_(clock) {
    task_.id = "task-1";
    task_.spec = std::move(spec);
    task_.checkpoint = task_.result = Json::object();
  }
  // A new run after a crash: what was stored, and nothing else.
  FakeTaskContext resumed() const {
    FakeTaskContext next(task_.spec, clock_);
    next.task_ = stored;
    return next;
  }

  const Task& task() const override { return task_; }
  Status progress(std::int64_t done, std::int64_t total, Json checkpoint, Json result) override {
    task_.done = done;
    task_.total = total;
    task_.checkpoint = std::move(checkpoint);
    task_.result = std::move(result);
    stored = task_;
    if (on_progress) on_progress();
    return {};
  }
  bool stopping() const override { return stopped || cancelled_; }
  bool cancelled() const override { return cancelled_; }
  void pause(Duration d) override {
    ++pauses;
    if (clock_) clock_->advance(d);
    if (on_pause) on_pause();
  }
  void cancel() { cancelled_ = true; }

  std::function<void()> on_progress, on_pause;
  std::atomic<bool> stopped = false;
  int pauses = 0;
  Task stored;  // of the last progress

  FakeTaskContext(FakeTaskContext&& other) noexcept
      : stored(std::move(other.stored)), clock_(other.clock_), task_(std::move(other.task_)) {}

 private:
  ManualClock* clock_;
  Task task_;
  std::atomic<bool> cancelled_ = false;
};

}  // namespace mesh::test
