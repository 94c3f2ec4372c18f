// The embedded log for the contract suites.
#pragma once

#include <atomic>

#include "common/engines/sqlite/log/sqlite_log.h"
#include "tests/contract/event_log_contract.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temp_dir.h"

namespace mesh::test {

// Time stands still for the log's stamps, and runs for its waits; both can be moved.
class HalfManualClock final : public Clock {
 public:
  Timestamp now() const override { return manual_.now(); }
  SteadyTime steady() const override { return system_clock().steady() + Duration(passed_); }
  bool wait_until(std::unique_lock<std::mutex>& lock, std::condition_variable& cv,
                  SteadyTime deadline, const std::function<bool()>& ready) override {
    if (deadline == SteadyTime::max()) {
      cv.wait(lock, ready);
      return true;
    }
    return system_clock().wait_until(lock, cv, deadline - Duration(passed_), ready);
  }
  void advance(Duration by) {
    manual_.advance(by);
    passed_ += by.count();
  }

 private:
  ManualClock manual_;
  std::atomic<Duration::rep> passed_{0};
};

class SqliteLogHost final : public EventLogHost {
 public:
  SqliteLogHost() { reopen(); }
  EventLog& log() override { return *log_; }
  LogAdmin& admin() override { return *log_; }
  LogImport& import() override { return *log_; }
  void reopen() override {
    log_.reset();
    log_ = sqlite::SqliteLog::open(dir_.path(), {}, clock_).value();
  }
  Timestamp now() override { return clock_.now(); }
  void let_time_pass() override { clock_.advance(Duration(10)); }
  void let_session_pass() override { clock_.advance(sqlite::LogOptions{}.session); }
  void let_half_session_pass() override { clock_.advance(sqlite::LogOptions{}.session / 2); }
  Clock& clock() { return clock_; }

 private:
  TempDir dir_;
  HalfManualClock clock_;
  std::unique_ptr<sqlite::SqliteLog> log_;
};

}  // namespace mesh::test
