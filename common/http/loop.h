// One thread, one epoll: it owns its connections, gathers their requests, runs the quick handlers
// and writes the answers. Nothing here blocks but epoll_wait.
// libuv or Boost.Asio would stand for epoll_wait alone: phases and bounds are what is here.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <atomic>
#include <list>
#include <memory>
#include <thread>
#include <vector>

#include "common/http/core.h"
#include "common/http/inbox.h"

namespace mesh::http {

class Acceptor;

// Something that epoll watches.
class Watched {
 public:
  virtual ~Watched() = default;
  virtual void on_events(std::uint32_t events) = 0;
};

// What a connection waits for; each has its own time-out.
enum class Phase {
  fresh,      // the first byte of its first request
  idle,       // the first byte of a further request
  head,       // the rest of a head
  admitting,  // the decision of the limiter
  body,       // the rest of a body
  handling,   // the answer of a handler
  held,       // the end of the pause before a 429
  writing,    // room in the socket for the answer
  streaming,  // the next event of a stream
  lingering,  // the client's end, after an answer that closes; it may still be sending
  parting,    // the client's end; no answer is owed, but a request may be on its way
  closed,
};

class Loop {
 public:
  explicit Loop(Core& core);
  ~Loop();
  // Once, before start.
  Status open();
  Status listen(Fd fd, const Listener& listener);
  void start();

  // Any thread.
  const std::shared_ptr<Inbox>& inbox() const { return inbox_; }
  // Connections here or on their way here.
  int load() const { return load_.load(std::memory_order_relaxed); }
  // Since when the longest idle connection of the group has been idle; max: there is none.
  SteadyTime idle_since(const ConnectionGroup& group) const {
    return idle_since_[&group == &core_.operators].load(std::memory_order_relaxed);
  }
  void count(int by) { load_.fetch_add(by, std::memory_order_relaxed); }
  // After core.stopping has been set and the inbox woken.
  void join();

  // The following are for what lives on this loop, on its thread.
  Core& core() { return core_; }
  SteadyTime now() const { return now_; }
  std::array<char, 64 << 10>& scratch() { return scratch_; }
  void add(Accepted accepted);  // has been counted in core.open and load
  // Moves the connection to `phase` and starts that phase's time-out.
  void enter(Connection& connection, Phase phase);
  // Its turn comes again after the others had theirs.
  void later(Connection& connection);
  // Forgets the connection at the end of this round.
  void remove(Connection& connection);

 private:
  using Connections = std::list<std::shared_ptr<Connection>>;
  // A list per phase: as all of one phase wait equally long, each list is ordered by deadline.
  using Phases = std::array<Connections, static_cast<std::size_t>(Phase::closed)>;

  void run();
  int wait_milliseconds() const;
  void take_inbox();
  void drain();
  void expire();
  void close_all();
  Duration time_out(Phase phase) const;

  Connections& list(const Connection& connection, Phase phase);
  Phases& phases(const ConnectionGroup& group, bool beyond);
  Connection* longest_idle(const ConnectionGroup& group);
  bool make_room(ConnectionGroup& group);
  bool make_room_beyond(ConnectionGroup& group);
  void go_beyond(Connection& connection);
  void tell_idle();
  void forget(const ConnectionGroup& group, bool beyond);
  void forget();
  void one_less_open();

  Core& core_;
  Fd epoll_;
  std::shared_ptr<Inbox> inbox_;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  std::atomic<int> load_{0};
  std::array<std::atomic<SteadyTime>, 2> idle_since_{SteadyTime::max(), SteadyTime::max()};

  // Of the loop's thread.
  SteadyTime now_{};
  std::array<char, 64 << 10> scratch_;
  // Of tenants and operators, within their bound and beyond it.
  std::array<Phases, 4> waiting_;
  Connections removed_;
  std::vector<std::shared_ptr<Connection>> later_;
  Inbox::Contents contents_;
  bool drained_ = false;

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace mesh::http
