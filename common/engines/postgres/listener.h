// The connection that hears of what other processes commit.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>

#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/engines/postgres/pool.h"

namespace mesh::postgres {

// The channel of a schema. A notification's text is the id of the store that added to the outbox,
// or kTasksChanged.
std::string channel_of(const std::string& schema);
inline constexpr const char* kTasksChanged = "tasks";

class Listener {
 public:
  // Connects and listens before it returns. `heard` is called with the text of each notification,
  // and with an empty one whenever some may have been missed: while there is no connection about
  // every second, so that who waits for news asks for it. From the listener's thread.
  static Result<std::unique_ptr<Listener>> open(Pool& pool, Clock& clock,
                                                std::function<void(const std::string&)> heard);
  ~Listener() { stop(); }
  void stop();  // callable twice

 private:
  Listener(Pool& pool, Clock& clock, std::function<void(const std::string&)> heard, Fd wake,
           std::unique_ptr<Session> session);

  void run();
  void listen(Session& session);  // until it breaks, or stop()
  void rest(int attempt);
  bool stopping();

  Pool& pool_;
  Clock& clock_;
  const std::function<void(const std::string&)> heard_;
  const Fd wake_;                     // readable: it stops
  std::unique_ptr<Session> session_;  // the thread's
  std::mt19937_64 random_{std::random_device{}()};
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;  // guarded by mutex_
  std::thread thread_;     // last: it uses all of the above
};

}  // namespace mesh::postgres
