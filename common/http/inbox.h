// What other threads hand to a loop: answers and new connections.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/http/exchange.h"
#include "common/http/fd.h"

namespace mesh::http {

struct Accepted {
  Fd fd;
  std::string remote;
  const Listener* listener = nullptr;
};

// Outlives its loop, since a Responder may fire at any time. Many pushes between two looks of the
// loop cost one wake-up.
class Inbox {
 public:
  static Result<std::shared_ptr<Inbox>> open();

  // Any thread.
  void push(std::shared_ptr<Exchange> answered);
  void push(Accepted accepted);
  void wake();

  // The loop's thread.
  int fd() const { return event_.get(); }  // readable when there is something
  struct Contents {
    std::vector<std::shared_ptr<Exchange>> answers;
    std::vector<Accepted> accepted;
  };
  // Swaps what has come into `contents`, which must be empty.
  void take(Contents& contents);
  // What is pushed from now on is dropped.
  void close();

 private:
  void signal(std::unique_lock<std::mutex> lock);

  Fd event_;
  std::mutex mutex_;
  Contents contents_;      // this and the next two guarded by mutex_
  bool signalled_ = false;
  bool closed_ = false;
};

}  // namespace mesh::http
