// What other threads hand to a loop: answers, decisions of the limiter, and new connections.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/base/fd.h"
#include "common/http/exchange.h"

namespace mesh::http {

struct Accepted {
  Fd fd;
  std::string remote;
  const Listener* listener = nullptr;
};

// Outlives its loop, since a Responder may fire at any time. A push wakes the loop only where it
// sleeps, and once: so the thousand answers of one commit cost one wake-up, or none.
class Inbox {
 public:
  static Result<std::shared_ptr<Inbox>> open();

  // Any thread.
  void push(std::shared_ptr<Exchange> exchange);  // its answer, or its decision
  void push(Accepted accepted);
  void wake();

  // The loop's thread.
  int fd() const { return event_.get(); }  // readable when there is something
  struct Contents {
    std::vector<std::shared_ptr<Exchange>> answers;
    std::vector<Accepted> accepted;
  };
  // Before the loop waits: false where there is something already, so that it must not. After
  // true, fd() tells of the next push until take().
  bool sleep();
  // Swaps what has come into `contents`, which must be empty.
  void take(Contents& contents);
  // What is pushed from now on is dropped.
  void close();

 private:
  void signal(std::unique_lock<std::mutex> lock);

  Fd event_;
  std::mutex mutex_;
  Contents contents_;  // this and the rest guarded by mutex_
  bool woken_ = false;
  bool asleep_ = false;
  bool signalled_ = false;
  bool closed_ = false;
};

}  // namespace mesh::http
