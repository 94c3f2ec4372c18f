// What the loops, the connections and the blocking workers of one server share.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "common/http/exchange.h"
#include "common/http/head_parser.h"
#include "common/http/metrics.h"
#include "common/http/server.h"
#include "common/http/worker_pool.h"

namespace mesh::http {

class Loop;

struct Core {
  Core(ServerOptions o, Hooks h, Clock& c, Metrics& m)
      : options(o), hooks(std::move(h)), clock(c), metrics(m) {}

  const ServerOptions options;
  const Hooks hooks;
  Clock& clock;
  ServerMetrics metrics;
  const HeadParser parser;
  std::vector<std::unique_ptr<Listener>> listeners;  // constant while the loops run
  std::vector<std::unique_ptr<Loop>> loops;
  WorkerPool pool;

  const std::shared_ptr<std::atomic<std::size_t>> buffered =
      std::make_shared<std::atomic<std::size_t>>(0);
  std::atomic<int> connections{0};
  std::atomic<bool> draining{false};
  std::atomic<bool> stopping{false};

  std::mutex mutex;                 // with the next, for who waits for the last connection
  std::condition_variable emptied;
};

// Authentication, admission and the handler. The answer comes through the exchange's inbox, or is
// left in the exchange where it is given at once on the thread of an InlineAnswer.
void run_handler(const std::shared_ptr<Exchange>& exchange, const Hooks& hooks);

// While one lives, an answer given on this thread to this exchange stays in the exchange and does
// not go through the inbox.
class InlineAnswer {
 public:
  explicit InlineAnswer(const Exchange& exchange);
  ~InlineAnswer();
  InlineAnswer(const InlineAnswer&) = delete;
  InlineAnswer& operator=(const InlineAnswer&) = delete;
  bool given() const { return given_; }

 private:
  friend void run_handler(const std::shared_ptr<Exchange>&, const Hooks&);
  static void deliver(const std::shared_ptr<Exchange>& exchange, Response response);
  const Exchange& exchange_;
  bool given_ = false;
};

}  // namespace mesh::http
