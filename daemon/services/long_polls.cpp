#include "daemon/services/long_polls.h"

#include "common/base/thread.h"

namespace mesh::services {
namespace {

// An exception on the thread of the polls would end the process.
http::Response failed(const std::exception& e) { return http::Response::failure("a long poll", e); }

Error no_room() {
  return {ErrorKind::unavailable,
          "too many requests wait already; try again later",
          {},
          {},
          Duration{1'000}};
}

std::optional<http::Response> look_at(const LongPolls::Poll& poll, bool last) {
  try {
    return poll.look(last);
  } catch (const std::exception& e) {
    return failed(e);
  }
}

}  // namespace

LongPolls::LongPolls(Clock& clock, Metrics& metrics, std::size_t most)
    : clock_(clock),
      gauge_(metrics.gauge("mesh_http_long_polls", "Requests that wait for records or a task.")),
      most_(most) {
  thread_ = std::thread([this] {
    name_thread("long-polls");
    stand_back(Standing::worker);
    run();
  });
}

LongPolls::~LongPolls() { stop(); }

void LongPolls::stop() {
  std::lock_guard only(lifecycle_);
  if (!thread_.joinable()) return;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void LongPolls::answer(Poll poll, Duration wait, http::Responder respond) {
  if (auto answer = look_at(poll, wait <= Duration::zero())) return respond(std::move(*answer));
  std::uint64_t id = 0;
  {
    std::unique_lock lock(mutex_);
    if (stopping_) {
      lock.unlock();
      if (auto answer = look_at(poll, true)) respond(std::move(*answer));
      return;
    }
    if (waiting_.size() >= most_) {
      lock.unlock();
      if (poll.done) {
        if (auto answer = look_at(poll, true)) respond(std::move(*answer));
        return;
      }
      return respond(Error{ErrorKind::unavailable,
                           "too many requests wait already (http.max_waiting is " +
                               std::to_string(most_) + "); try again in a moment",
                           {},
                           {},
                           Duration{1'000}});
    }
    id = ++last_id_;
    const auto deadline = clock_.steady() + wait;
    deadlines_.emplace(deadline, id);
    waiting_.emplace(id,
                     std::make_shared<Waiting>(Waiting{std::move(poll), respond, deadline, {}}));
    gauge_.set(static_cast<double>(waiting_.size()));
  }
  // Behind the lock and once the request is known: a client that is gone is told of at once, and
  // tell takes the lock.
  respond.when_gone([this, id] { tell({id, Step::last}); });
  tell({id, Step::watch});
}

// All with the lock held: of the last one that a worker tells nothing is left to be done once it is
// seen, and this may go.
void LongPolls::tell(Turn turn) {
  std::lock_guard lock(mutex_);
  turns_.push_back(turn);
  changed_.notify_one();
}

void LongPolls::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_ || !waiting_.empty()) {
    for (const Turn turn : next_turns(lock)) {
      const auto it = waiting_.find(turn.id);
      if (it == waiting_.end()) continue;
      // Without the lock: who makes or drops a watch may wait for a `told`, which takes it.
      const auto waiting = it->second;
      lock.unlock();
      const bool answered = take(waiting, turn);
      lock.lock();
      if (!answered) continue;
      deadlines_.erase({waiting->deadline, turn.id});
      waiting_.erase(turn.id);
      gauge_.set(static_cast<double>(waiting_.size()));
    }
  }
}

// Waits for the next; those whose time is up have their last one.
std::vector<LongPolls::Turn> LongPolls::next_turns(std::unique_lock<std::mutex>& lock) {
  const auto next = deadlines_.empty() ? SteadyTime::max() : deadlines_.begin()->first;
  clock_.wait_until(lock, changed_, next, [this] {
    // While it stops, what has a deadline is due now. What has none has had its last turn: there is
    // nothing to do until its worker tells.
    return !turns_.empty() || (stopping_ && (waiting_.empty() || !deadlines_.empty()));
  });
  auto turns = std::exchange(turns_, {});
  const auto now = clock_.steady();
  while (!deadlines_.empty() && (stopping_ || deadlines_.begin()->first <= now)) {
    turns.push_back({deadlines_.begin()->second, Step::last});
    deadlines_.erase(deadlines_.begin());
  }
  return turns;
}

// Whether the turn was its last.
bool LongPolls::take(const std::shared_ptr<Waiting>& waiting, Turn turn) {
  waiting->watch.reset();
  if (turn.step == Step::end) return true;
  if (turn.step == Step::watch) {
    waiting->looking = false;
    const auto next = std::exchange(waiting->next, {});
    return next ? look(waiting, {turn.id, *next}) : watch(*waiting, turn.id);
  }
  if (!waiting->looking) return look(waiting, turn);
  // A last look stays the last, whatever the watch tells behind it.
  if (waiting->next != Step::last) waiting->next = turn.step;
  return false;
}

bool LongPolls::look(const std::shared_ptr<Waiting>& waiting, Turn turn) {
  const bool last = turn.step == Step::last;
  if (!waiting->poll.reads) {
    auto answer = look_at(waiting->poll, last);
    if (!answer) return watch(*waiting, turn.id);
    waiting->respond(std::move(*answer));
    return true;
  }
  // Of this thread alone: the worker tells its end as a turn, which takes it back.
  waiting->looking = true;
  const bool begun = waiting->respond.on_worker([this, waiting, id = turn.id, last] {
    auto answer = look_at(waiting->poll, last);
    const auto step = answer ? Step::end : Step::watch;
    if (answer) waiting->respond(std::move(*answer));
    tell({id, step});
  });
  if (!begun) waiting->respond(no_room());
  return !begun;
}

// Made after a look that found nothing: what comes in between is told at once.
bool LongPolls::watch(Waiting& waiting, std::uint64_t id) {
  try {
    waiting.watch = waiting.poll.watch([this, id] { tell({id, Step::look}); });
    return false;
  } catch (const std::exception& e) {
    waiting.respond(failed(e));
    return true;
  }
}

}  // namespace mesh::services
