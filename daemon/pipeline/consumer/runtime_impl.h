// The inside of Pipeline; seen by this folder only.
//
//   runtime.cpp      start, stop, the loop, what others ask
//   partitions.cpp   what is gained and lost
//   intake.cpp       from the log into batches, by way of the lanes when far behind
//   processing.cpp   from a batch to what is durable
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <random>
#include <thread>

#include "daemon/pipeline/consumer/batch.h"
#include "daemon/pipeline/consumer/lanes.h"
#include "daemon/pipeline/consumer/parked_events.h"
#include "daemon/pipeline/consumer/pipeline_metrics.h"
#include "daemon/pipeline/consumer/runtime.h"
#include "daemon/pipeline/consumer/window.h"

namespace mesh::pipeline {

// The longest sleep: how old a reported lag may be while nothing moves.
inline constexpr Duration kHeartbeat{5'000};

inline double seconds(std::chrono::nanoseconds d) {
  return std::chrono::duration<double>(d).count();
}

// A batch, and what becomes of it.
struct UnderWay {
  Batch batch;
  Through through;  // to commit when it is done
  Disposition disposition;
};

struct Pipeline::Impl {
  Impl(PipelineOptions o, Stage& s, PipelineDeps d);

  // Constant after construction.
  const PipelineOptions options;
  Stage& stage;
  const PipelineDeps deps;
  PipelineMetrics metrics;
  const Parker parker;
  const bool keeps_what_it_reads;  // in the window; else it reads again when it is to be done

  // The pipeline's thread only, where it runs, but for consumer->wake().
  std::unique_ptr<LogConsumer> consumer;
  CircuitBreaker breaker;
  std::mt19937_64 random;
  std::optional<SteadyTime> lag_age_read;
  std::size_t in_time;   // so many events the stage is likely to do within longest_batch
  bool blocked = false;  // none of the lanes may go on before some of its parked events are through
  Lanes lanes;
  Window window;
  ParkedEvents parked;
  struct Finished {
    SteadyTime due;
    Position position;
  };
  std::deque<Finished> finished;  // no longer parked here, and still in the store; the oldest first

  mutable std::mutex mutex;
  std::condition_variable changed;  // stopping
  bool stopping = false;            // this and the next two guarded by mutex
  PipelineStatus status;
  // Of the partitions that it has. Changed by the pipeline's thread only, so it reads without.
  Offsets committed;

  std::mutex lifecycle;  // held over start and stop
  std::thread thread;    // last: it uses all of the above

  // runtime.cpp
  Status start();
  void stop();
  void run();
  void wait_for_room();
  void retry_due();
  Duration until_due() const;  // at most kHeartbeat
  void set_state(PipelineStatus::State state);
  void refresh_lag(bool with_age);
  bool is_stopping() const {
    std::lock_guard lock(mutex);
    return stopping;
  }

  // partitions.cpp
  std::set<TopicPartition> follow();  // what was lost or begins anew
  bool follow(UnderWay& work);        // whether something was
  Status take_on(const std::map<TopicPartition, std::int64_t>& gained);
  Status take_again();
  void let_go(const std::set<TopicPartition>& partitions);

  // intake.cpp
  void take_in();
  bool commit_passed_gaps();
  void process_directly(std::vector<StoredRecord> records);
  void file(std::vector<StoredRecord> records);
  bool may_read_ahead() const { return lanes.room() > 0 && window.room() > 0; }
  void take_turns();
  bool read(const std::vector<Lanes::Stretch>& stretches, std::vector<Lanes::Taken>& taken,
            Batch& batch);
  void read_window(const std::vector<Lanes::Stretch>& stretches, std::vector<Lanes::Taken>& taken,
                   Batch& batch);
  void add_to(Batch& batch, StoredRecord record) const;
  std::size_t free_places() const;  // for parked events
  std::size_t batch_limit() const;
  void learn(std::size_t events, std::chrono::nanoseconds took, bool done);  // of the stage
  std::size_t may_park(const std::string& lane) const;
  Through through() const;

  // processing.cpp
  void process(Batch batch, bool from_store, Through through);
  bool consult(UnderWay& work, std::chrono::nanoseconds& took);
  bool make_durable(UnderWay& work);
  bool remove_parked(UnderWay& work);
  void remove_finished();
  bool change_parked(UnderWay& work, const char* what, const std::function<Status()>& change);
  bool commit(UnderWay& work);
  void apply(const UnderWay& work);
  void count(const UnderWay& work);
  bool insist(const char* what, const std::function<Status()>& call);
  void pause(const char* what, const Error& error);
  void sleep_until(SteadyTime deadline);
  void recovered();
};

}  // namespace mesh::pipeline
