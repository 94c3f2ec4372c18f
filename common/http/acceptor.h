// Accepts connections and spreads them over the loops.
#pragma once

#include "common/http/loop.h"

namespace mesh::http {

// watch() once, before the loop runs; all else on the loop's thread.
class Acceptor final : public Watched {
 public:
  Acceptor(Loop& loop, int epoll, Fd fd, const Listener& listener)
      : loop_(loop), epoll_(epoll), fd_(std::move(fd)), listener_(listener) {}
  Status watch();  // `unavailable` where epoll takes no more
  void on_events(std::uint32_t events) override;
  // Out of file descriptors: it does not look at the socket for a second.
  bool paused() const { return paused_; }
  void resume();  // where that has passed
  // Accepts what has connected, and lets nothing more connect: closing the socket then resets no
  // one.
  void finish();

 private:
  enum class Outcome { accepted, lost, none, exhausted };
  Outcome accept();
  void place(Accepted accepted);
  void pause();

  Loop& loop_;
  const int epoll_;
  Fd fd_;
  const Listener& listener_;
  bool paused_ = false;
  SteadyTime paused_until_{};
};

}  // namespace mesh::http
