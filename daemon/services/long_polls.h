// Requests that wait for something to happen hold no worker: they lie here until what they wait
// for tells, their time is up, their client leaves, or the process drains.
//
//   polls.answer({look, watch}, std::chrono::seconds(25), respond);
//
// One thread looks for all of them, in the order in which they were told. A look that asks an
// engine goes to a worker: a slow engine holds up nobody but those who wait for it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/base/watch.h"
#include "common/http/message.h"
#include "common/telemetry/metrics.h"

namespace mesh::services {

class LongPolls {
 public:
  // What one request waits for. The functions are called one after the other, never two at once.
  struct Poll {
    // The answer; nothing where it is too early for one, which after `last` it never is.
    std::function<std::optional<http::Response>(bool last)> look;
    // Tells once a look may find more than the one before, also where that is so already:
    // EventLog::watch and its like.
    std::function<std::unique_ptr<Watch>(Told told)> watch;
    // `look` asks an engine, and may wait for it.
    bool reads = false;
    // What was asked for is done and only its effect waited for: where too many wait, the answer is
    // as it is then, and not `unavailable`.
    bool done = false;
  };

  // At most `most` wait at once.
  LongPolls(Clock& clock, Metrics& metrics, std::size_t most);
  ~LongPolls();  // stop()

  // Looks at once, on the caller's thread; what finds nothing waits for at most `wait`. A client
  // that sends no more gets the answer as it is then, since it may be gone. `unavailable` where too
  // many wait. Any thread.
  void answer(Poll poll, Duration wait, http::Responder respond);
  // Answers all at once, and each from now on. Callable twice.
  void stop();

 private:
  // What a waiting one has its turn for: a watch after the look that found nothing, a look since
  // the watch told, its last look, or its end, since a worker answered.
  enum class Step { watch, look, last, end };
  struct Waiting {
    Poll poll;
    http::Responder respond;
    SteadyTime deadline;
    std::unique_ptr<Watch> watch{};
    bool looking = false;        // a worker is at it
    std::optional<Step> next{};  // which look is to follow that one
  };
  struct Turn {
    std::uint64_t id;
    Step step;
  };

  void run();
  void tell(Turn turn);
  std::vector<Turn> next_turns(std::unique_lock<std::mutex>& lock);
  bool take(const std::shared_ptr<Waiting>& waiting, Turn turn);
  bool look(const std::shared_ptr<Waiting>& waiting, Turn turn);
  bool watch(Waiting& waiting, std::uint64_t id);

  Clock& clock_;
  Gauge& gauge_;
  const std::size_t most_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::uint64_t, std::shared_ptr<Waiting>>
      waiting_;  // this and the rest guarded by mutex_
  std::set<std::pair<SteadyTime, std::uint64_t>> deadlines_;
  std::vector<Turn> turns_;  // in the order in which they were told
  std::uint64_t last_id_ = 0;
  bool stopping_ = false;
  std::mutex lifecycle_;  // held over stop
  std::thread thread_;    // last: it uses all of the above
};

}  // namespace mesh::services
