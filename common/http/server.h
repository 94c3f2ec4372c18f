// The HTTP server of meshd: listeners, one middleware chain, deferred answers.
//
// Shape: idle connections are parked in epoll; a request is judged by its head, then its body is
// gathered whole, without blocking, and only then handled; a handler may keep its Responder and
// answer after the commit that holds its event, and no worker waits meanwhile. Pipelined requests
// are answered in order.
//
// Tenants are served in turns: those whose requests wait for a blocking worker by deficit round
// robin, and a connection that pipelines handles a few requests before the others have theirs.
//
// The chain, outermost first: request id → trace context → access log and metrics → limits on
// headers → host → route → length and coding of the body → authentication → tenant → rate limit →
// body → handler. All before the body needs the head alone, and comes before "100 Continue".
// Whatever fails on the way, also a request that cannot be parsed, is answered as problem+json;
// where the body of a refused request is longer than 64 KiB the connection ends, after the client
// had time to read the answer.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/domain/rate_policy.h"
#include "common/domain/tenant.h"
#include "common/http/cors.h"
#include "common/http/route.h"
#include "common/http/tls.h"
#include "common/telemetry/metrics.h"
#include "common/telemetry/spans.h"

namespace mesh::http {

struct ServerOptions {
  int workers = 2;  // threads that each serve a share of the connections and run
                    // the quick handlers
  // Threads for routes that wait a moment and for large bodies, and as many for those that wait
  // long (Route::pool).
  int blocking_workers = 8;
  // Of either a tenant holds at most half of what the others leave, and at most so many. Where what
  // they do is computing, more than there are processors only make the others' short requests wait.
  int tenant_workers = 256;
  std::size_t max_queued = 1024;  // requests that wait for either kind of blocking worker; a tenant
                                  // takes at most half of what the others leave. Beyond it: 503
                                  // with Retry-After. More hides an overload longer
  // Of all listeners but the operators'. Beyond it the longest idle one is closed for a new one;
  // where none is idle, a new one gets one answer: of a route for probes, or 503.
  int max_connections = 10'000;
  int max_operator_connections = 1'000;  // the same for the operators' listeners, beside the others
  std::size_t max_header_bytes = 16 << 10;  // request line and headers together: 431
  int max_headers = 100;
  std::size_t max_body_bytes = 1 << 20;
  std::size_t max_bulk_body_bytes = 64 << 20;
  // Answers that are event streams: of one listener (503) and of one tenant (429) at the same time.
  // Each holds a connection, and up to StreamOptions::max_buffered_bytes where its reader is slow.
  int max_streams = 1'000;
  int max_tenant_streams = 100;
  // Bodies until answered, and answers that wait for their readers, of all connections: 503, close.
  // A tenant holds at most half of what the others leave, an address three quarters (buffers.h).
  std::size_t max_buffered_bytes = 256 << 20;
  // From the first byte of a request to the end of its headers; also from the start of a connection
  // to its first byte.
  Duration header_timeout{10'000};
  Duration body_timeout{30'000};      // without progress, of at least 16 KiB
  Duration idle_timeout{75'000};      // from an answer to the first byte of the next request
  Duration write_timeout{30'000};     // without progress, of at least 16 KiB
  Duration admission_timeout{1'000};  // for Hooks::admit, then Hooks::decided hears so
  Duration answer_timeout{30'000};    // a handler that keeps its Responder longer: 503. Counts the
                                      // wait for a blocking worker; what it ends there is never run
  // Of a stream without events: then a comment, so that nobody between takes it for dead.
  Duration stream_keep_alive{15'000};
  // Then a stream ends and says when to come again, with its next event or comment: so that its
  // client's credential is looked at anew.
  Duration max_stream_age{3'600'000};
  Duration slow_request{1'000};  // is in the access log at info; not what was held back on purpose
  Duration refusal_pause{100};   // before a 429 is sent, so that a client that asks again at once
                                 // costs little
  // Where set, requests must name one of these hosts, an address or localhost (host_check.h): 421.
  std::optional<std::vector<std::string>> allowed_hosts{};
  CorsOptions cors{};
  // Null: plain HTTP. A handshake has header_timeout together with the wait for the first byte.
  std::shared_ptr<const TlsContext> tls{};
};

// What the chain asks of the outside, and tells it. All may be called from any worker; none may
// block unless it says so, since they run on the threads that serve many connections.
struct Hooks {
  // Credential → Principal, or unauthenticated / forbidden / invalid. Sees all headers and the
  // query (for tenant_id), and no body. Not called for Access::open.
  std::function<Result<Principal>(const Request&, const Route&)> authenticate;
  // What else must hold before the handler runs, once it is known who asks; may be empty. Where it
  // would have to block to tell, it answers nothing unless it `may_block`: it is asked again so on
  // a blocking worker.
  std::function<std::optional<Status>(const Request&, const Route&, bool may_block)> check;
  struct Admission {
    RatePolicy policy;
    RateDecision decision;
  };
  using Admitted = Result<std::optional<Admission>>;  // nothing: no limit is known to hold
  using Decided = std::function<void(Result<RateDecision>)>;
  using Later = std::function<Decided()>;
  // Takes one unit of the scope, which stays taken whatever comes of the request. Not called for
  // routes without a scope, nor where an operator acts for the tenant. As RateLimiter::take:
  // whoever cannot tell at once answers nothing (no Admitted), and calls what `later` makes, once,
  // from any thread. The connection waits meanwhile, and reads no more of the request.
  std::function<std::optional<Admitted>(const TenantId&, const std::string& scope,
                                        const Later& later)>
      admit;
  // What such a later decision means; an error where none came within admission_timeout.
  std::function<Admitted(const TenantId&, const std::string& scope, Result<RateDecision>)> decided;
  struct Answered {
    const TenantId& tenant;
    int status;                       // 499: the client left first
    std::chrono::nanoseconds waited;  // for a blocking worker
  };
  // Once for each request of a tenant; must not block. May be empty.
  std::function<void(const Answered&)> answered;
};

struct ListenerSpec {
  std::string address;  // "127.0.0.1:8081"; port 0 takes a free one
  // Names of the roles that share it, for logs and health: "users", …
  std::vector<std::string> names;
  RouteTable routes;
  bool for_operators = false;  // has connections of its own: max_operator_connections
};

class Server {
 public:
  // `spans` outlives the server; null where no traces are sent.
  Server(ServerOptions options, Hooks hooks, Clock& clock, Metrics& metrics,
         Spans* spans = nullptr);
  ~Server();  // stop(0)

  // Binds every listener and starts to accept. On an error nothing stays open: `unavailable` with
  // the address for one in use. Called once. Two routes that match the same requests are a bug
  // and end in `internal`.
  Status start(std::vector<ListenerSpec> listeners);
  // Bytes of bodies, and of answers that wait for their readers, that are held now.
  std::size_t buffered_bytes() const;
  // "host:port" as bound, in the order of the listeners.
  std::vector<std::string> addresses() const;

  // Of connections that come from now on. Those that are open go on with what they began with, but
  // one whose client would not be taken now ends with its next request (401). Only where the server
  // has TLS. Any thread.
  void change_tls(std::shared_ptr<const TlsContext> tls);

  // From now on answers carry Connection: close; everything is served as before. For the time that
  // load balancers need to look elsewhere. Any thread, after start; callable twice.
  void announce_stop();

  // Stops accepting, closes idle connections, lets requests under way finish for at most `drain`
  // (answers carry Connection: close), then refuses (503) and closes the rest. Who connected in
  // time is answered; no connection is reset within `drain`. Blocks, also for handlers that still
  // run; callable twice, before start too, from any thread but a handler's. A Responder may be
  // used afterwards; its answer goes nowhere.
  void stop(Duration drain);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mesh::http
