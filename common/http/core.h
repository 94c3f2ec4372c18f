// What the loops, the connections and the blocking workers of one server share.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "common/http/buffers.h"
#include "common/http/exchange.h"
#include "common/http/metrics.h"
#include "common/http/server.h"
#include "common/http/stream_places.h"
#include "common/http/tls.h"
#include "common/http/worker_pool.h"

namespace mesh::http {

class Loop;

struct Core {
  Core(ServerOptions o, Hooks h, Clock& c, Metrics& m)
      : options(std::move(o)),
        hooks(std::move(h)),
        clock(c),
        metrics(m),
        tenants(options.max_connections),
        operators(options.max_operator_connections),
        tls_(options.tls) {}

  // For a new connection; null: plain.
  std::shared_ptr<const TlsContext> tls() const {
    std::lock_guard lock(tls_mutex_);
    return tls_;
  }
  void set_tls(std::shared_ptr<const TlsContext> tls) {
    std::lock_guard lock(tls_mutex_);
    tls_ = std::move(tls);
  }

  const ServerOptions options;
  const Hooks hooks;
  Clock& clock;
  ServerMetrics metrics;
  std::vector<std::unique_ptr<Listener>> listeners;  // constant while the loops run
  std::vector<std::unique_ptr<Loop>> loops;
  WorkerPool quick, slow;
  WorkerPool& pool(Pool of) { return of == Pool::slow ? slow : quick; }

  const std::shared_ptr<Buffers> buffers =
      std::make_shared<Buffers>(options.max_buffered_bytes, options.max_connections);
  ConnectionGroup tenants, operators;
  StreamPlaces streams{options.max_streams, options.max_tenant_streams};
  // Connections of both, also those beyond, and each loop that may still accept some.
  std::atomic<int> open{0};
  std::atomic<bool> closing{false};   // answers say that they are a connection's last
  std::atomic<bool> draining{false};  // nothing new is accepted
  std::atomic<bool> stopping{false};

  std::mutex mutex;  // with the next, for who waits for the last connection
  std::condition_variable emptied;

 private:
  mutable std::mutex tls_mutex_;
  std::shared_ptr<const TlsContext> tls_;  // guarded by tls_mutex_
};

}  // namespace mesh::http
