// Looks at the mesh every ten seconds, and every two while somebody watches, and keeps an hour of
// it. What it looks at for all, it looks at once, however many watch.
//
//   Sampler sampler(deps);
//   auto id = sampler.watch(respond.stream(…), seen);
//   respond.when_gone([&sampler, id] { sampler.unwatch(id); });
//
// Two threads, since checks may take seconds where an engine hangs, and samples go on meanwhile.
// A sample that was slow is rested for, ten seconds at most.
// Asking for the metrics of another scrape than one's own was the other way: the history would have
// the gaps of whoever scrapes, and each console would ask for itself.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/periodic.h"
#include "common/ports/event_log.h"
#include "common/ports/member_store.h"
#include "common/ports/outbox.h"
#include "common/ports/retry_store.h"
#include "common/ports/task_store.h"
#include "common/telemetry/metrics.h"
#include "daemon/overview/attention.h"
#include "daemon/overview/letter_count.h"
#include "daemon/overview/live.h"
#include "daemon/overview/sample.h"
#include "daemon/pipeline/consumer/runtime.h"
#include "daemon/services/check.h"

namespace mesh::overview {

struct SamplerDeps {
  EventLog& log;
  LogAdmin& admin;
  RetryStore& retries;
  Outbox& outbox;
  TaskStore& tasks;
  MemberStore& members;
  const Metrics& metrics;
  Clock& clock;
  std::function<std::vector<pipeline::PipelineStatus>()> pipelines;  // of this process
  std::function<std::vector<services::Check>()> checks;              // may block for seconds
  std::string run;  // names this run of the process: letters and digits
};

// A point of the history: what happened since the one before, and what was then so.
struct Point {
  Timestamp time{};
  Rates rates = {};
  std::optional<std::int64_t> lag = {}, dead_letters = {};
  std::int64_t outbox = 0;
};

struct Overview {
  Sample sample;
  std::vector<Point> history;  // the oldest first
  std::vector<Attention> attention;
  std::vector<services::Check> checks;  // none before the first have answered
};

// Any thread.
class Sampler {
 public:
  static constexpr Duration kLivePeriod{2'000};
  static constexpr Duration kPeriod{10'000};   // while nobody watches; of the history; of checks
  static constexpr std::size_t kPoints = 360;  // an hour

  // Takes the first sample, which has no rates. What is given outlives it.
  explicit Sampler(SamplerDeps deps);
  ~Sampler();  // stop()

  // As it was looked at last.
  Overview overview() const;

  // See Live::add; a sample is taken as soon as it is due.
  Live::Id watch(std::shared_ptr<http::EventStream> stream, std::string_view seen);
  void unwatch(Live::Id id) { live_.remove(id); }
  std::size_t watching() const { return live_.size(); }

  // Ends the streams; nothing is looked at any more. Callable twice.
  void stop();

 private:
  void tick();
  void take();
  void look_at_log(Sample& sample, Sums& sums);
  void look_at_tasks(Sample& sample);
  void check();
  void publish(Sample sample, std::optional<Point> point);

  const SamplerDeps deps_;
  Live live_;

  // Of the thread that samples, alone.
  LetterCount letters_;
  Sums last_, last_point_;
  bool began_ = false;
  SteadyTime resting_until_{};
  std::deque<Sample> recent_;  // of about the last minute
  std::vector<Task> known_tasks_;
  SteadyTime tasks_listed_{};
  std::unique_ptr<Watch> task_watch_;
  std::atomic<bool> tasks_told_{true};
  std::string complained_;  // what the log was told of last

  mutable std::mutex mutex_;
  Sample sample_;  // this and the rest guarded by mutex_
  std::deque<Point> history_;
  std::vector<Attention> attention_;
  std::vector<services::Check> checks_;
  std::map<std::string, int> versions_;

  std::atomic<bool> checking_{false};  // from the end of the constructor on
  Periodic sampling_;                  // last: they use all of the above
  Periodic examining_;
};

}  // namespace mesh::overview
