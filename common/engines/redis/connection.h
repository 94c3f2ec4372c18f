// A connection that many share: a thread that sends what it is given, hands out the answers, and
// connects anew for as long as it lives.
//
// hiredis' asynchronous API is not used: it wants its own callbacks, and an adapter to a loop, for
// what is here one queue, since Redis answers in order.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <thread>

#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/engines/redis/session.h"

namespace mesh::redis {

// Any thread. Every error is `unavailable`.
class Connection {
 public:
  using Done = std::function<void(Result<Reply>)>;

  // `wake` is an eventfd.
  Connection(ServerOptions options, Clock& clock, Fd wake);
  // Completes what is pending.
  ~Connection();

  // Room for one command, which send() must follow. An error without a connection, or where too
  // much is pending.
  Status reserve();
  // Does not block. `done` is called once, from the connection's thread or, where the connection
  // was lost since reserve(), before this returns.
  void send(Command command, Done done);
  // Both, and waits for the answer: for the time-out at most. Not from a completion.
  Result<Reply> ask(Command command);
  std::optional<Error> trouble() const;
  // Whether it has been there for so long, without a break.
  bool stands_since(Duration long_enough) const;

 private:
  struct Call {
    Command command;
    Done done;
    SteadyTime deadline;
    bool repeated = false;  // with the whole script
  };
  using Calls = std::deque<Call>;

  void run();
  // Until the session ends; why. What is left in `sent` then has no answer.
  Error serve(Session& session, Calls& sent);
  int milliseconds_left(const Calls& sent) const;            // -1: for ever
  Result<bool> take_answers(Session& session, Calls& sent);  // whether there was any
  Status answer(Session& session, Calls& sent, Reply reply);
  void connected();
  void lost(const Error& why, Calls sent);
  bool stopping() const;

  const ServerOptions options_;
  Clock& clock_;
  const Fd wake_;  // readable: there is something in waiting_, or it stops

  // The thread's alone.
  std::mt19937_64 random_{std::random_device{}()};
  int attempts_ = 0;    // since the server last answered a command
  std::string logged_;  // the trouble that the log has last told

  mutable std::mutex mutex_;
  std::condition_variable stop_;  // this and the following guarded by mutex_
  bool stopping_ = false;
  std::optional<Error> trouble_;  // nothing: connected
  SteadyTime connected_at_{};
  Calls waiting_;            // empty unless connected
  std::size_t pending_ = 0;  // reserved, waiting and sent

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace mesh::redis
