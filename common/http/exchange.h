// One request, and what is known of it until its answer has gone out.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/http/buffers.h"
#include "common/http/content_coding.h"
#include "common/http/message.h"
#include "common/http/metrics.h"
#include "common/http/route.h"
#include "common/http/router.h"
#include "common/http/server.h"

namespace mesh::http {

class Connection;
class Inbox;
class WorkerPool;

// Connections that share one bound, so that a group that is full does not keep another's out.
struct ConnectionGroup {
  explicit ConnectionGroup(int m) : max(m) {}
  bool full() const { return connections.load(std::memory_order_relaxed) >= max; }

  const int max;
  std::atomic<int> connections{0};
  // Those beyond the bound, which get one answer: that of a probe, or why they get no other.
  std::atomic<int> beyond{0};
};

// The routes of one listener; constant while the server runs.
struct Listener {
  std::string label;  // "users", or "users,gateway"
  std::string address;
  ConnectionGroup* group = nullptr;
  bool for_operators = false;
  RouteTable routes;
  std::vector<std::unique_ptr<RouteMetrics>> metrics;  // of each route
  Router router;
  ServerOptions options;        // the server's
  WorkerPool* quick = nullptr;  // the server's, as the next
  WorkerPool* slow = nullptr;
  Spans* spans = nullptr;  // the server's
  Clock* clock = nullptr;  // likewise
};

struct Exchange : std::enable_shared_from_this<Exchange> {
  Request request;
  std::string instance = "/";  // the path as sent, for problems
  const Listener* listener = nullptr;
  const Route* route = nullptr;  // null until found
  bool keep_alive = false;
  ContentCoding coding = ContentCoding::identity;  // of the body until it is decoded
  SteadyTime started{};                            // the request was whole
  // Hooks::check did not hold, or has to be asked where it may block: then `vouched` says, once the
  // answer is there, that it does. Of the connection's thread, and of whoever writes the answer.
  bool unchecked = false;
  bool vouched = false;
  HeaderList limit_headers;            // of the rate limit, for every answer of the route
  std::chrono::nanoseconds waited{0};  // for a blocking worker
  Reservation memory;                  // of the body

  // Where the answer goes. The cycle with the connection ends when the answer or the connection
  // does.
  std::shared_ptr<Connection> connection;
  std::shared_ptr<Inbox> inbox;
  Response answer;  // written by the responder before it hands the exchange over
  std::optional<Result<RateDecision>> decision;  // that came later, written likewise

  // Whether it is told as its tenant's: not before it is known that there is such a tenant.
  bool is_its_tenants(bool at_rest) const { return !unchecked || (at_rest && vouched); }
  // Whose request it is, for taking turns; "" where it is no tenant's.
  std::string_view tenant() const {
    const auto& principal = request.principal;
    return principal && principal->tenant ? std::string_view(principal->tenant->str()) : "";
  }

  // The limiter is heard once, or not at all once its time is over: of all calls only the first
  // returns true. Any thread.
  bool claim_decision() { return !decision_claimed_.exchange(true, std::memory_order_acq_rel); }
  // A request is either run or given up while it waits for a worker, never both: of all calls to
  // these two only the first returns true. Any thread.
  bool begin() { return leave_waiting(State::begun); }
  // Frees the body, which nobody will read.
  bool abandon() {
    if (!leave_waiting(State::abandoned)) return false;
    std::string().swap(request.body);  // an assignment would keep the memory
    memory = {};
    return true;
  }
  // See Responder::when_gone. Any thread.
  void when_gone(std::function<void()> gone) {
    {
      std::lock_guard lock(gone_mutex_);
      if (!held_since_) held_since_ = listener->clock->steady();
      std::swap(on_gone_, gone);
      if (!gone_) return;
      gone = std::move(on_gone_);
    }
    gone();
  }
  // Since when its answer is kept back: how long that took says nothing. Any thread.
  std::optional<SteadyTime> held_since() const {
    std::lock_guard lock(gone_mutex_);
    return held_since_;
  }
  // The client sends no more, or the server has given the request up. The connection's thread.
  void leave() {
    std::function<void()> gone;
    {
      std::lock_guard lock(gone_mutex_);
      gone_ = true;
      gone = std::exchange(on_gone_, nullptr);
    }
    if (gone) gone();
  }
  // Nobody is to hear of a client that leaves from now on: the handler has ended it all.
  void forget_gone() {
    std::function<void()> gone;  // ends after the lock: it may hold whatever it likes
    std::lock_guard lock(gone_mutex_);
    gone = std::exchange(on_gone_, nullptr);
  }
  bool abandoned() const { return state_.load(std::memory_order_relaxed) == State::abandoned; }

 private:
  enum class State { waiting, begun, abandoned };
  bool leave_waiting(State to) {
    State waiting = State::waiting;
    return state_.compare_exchange_strong(waiting, to, std::memory_order_acq_rel);
  }
  std::atomic<State> state_{State::waiting};
  std::atomic<bool> decision_claimed_{false};
  mutable std::mutex gone_mutex_;
  std::function<void()> on_gone_;  // this and the next two guarded by gone_mutex_
  bool gone_ = false;
  std::optional<SteadyTime> held_since_;
};

}  // namespace mesh::http
