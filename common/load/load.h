// A load generator: one thread, epoll, keep-alive connections with one request in flight each.
//
// Closed loop: every connection sends its next request when it has its answer. Open loop: requests
// are due at fixed times, whatever the server does, and a latency counts from when its request was
// due; one that finds every connection busy waits its turn and that counts too. So a server that
// stalls cannot hide the requests that would have come meanwhile.
//
// It may share the machine with the server, so it does little: requests are bytes made by a
// callback, of an answer status and length are read. It speaks HTTP/1.1, plain or in TLS. wrk
// keeps no rate, and wrk2, which does, is not in Debian 12.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "common/load/histogram.h"
#include "common/load/tls.h"

namespace mesh::load {

using SteadyClock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

struct Outcome;

struct Answer {
  std::uint64_t number;  // of the request
  int status;
  std::string_view body;  // until the callback returns
  SteadyClock::time_point due;
  SteadyClock::time_point at;
};

struct Plan {
  std::string address;  // host:port
  std::optional<TlsOptions> tls{};
  int connections = 1;
  double rate = 0;             // open loop: requests per second; 0: closed loop
  Seconds warm_up{0.3};        // what ends (closed) or is due (open) in it does not count
  Seconds time{3};             // at most
  std::uint64_t requests = 0;  // at most; 0: as many as there is time for
  Seconds patience{10};        // how long after the end answers are waited for
  // Appends request `number` (0, 1, …; each made once) to `out`, which is empty.
  std::function<void(std::uint64_t number, std::string& out)> request;
  std::function<bool(int status)> expected = [](int status) { return status / 100 == 2; };
  std::function<void(const Answer&)> on_answer{};  // of the generator's thread; must be quick
  // Some ten times a second, of the generator's thread, with what was measured so far.
  std::function<void(const Outcome&, Seconds)> on_tick{};
  std::stop_token stop{};  // ends the run early
};

struct Outcome {
  Histogram latency;
  // Open loop: how long after its time a request was sent. A large p99 with a small latency means
  // that the generator, not the server, was short of processor time.
  Histogram late;
  std::map<int, std::uint64_t> statuses;  // of counted answers
  std::uint64_t answered = 0;             // with an expected status
  std::uint64_t unexpected = 0;           // with another one
  std::uint64_t broken = 0;      // the connection ended before the answer, or that cannot be read
  std::uint64_t unanswered = 0;  // due, but not answered some seconds after the end
  std::uint64_t all = 0;         // answers, also those that do not count
  std::uint64_t bytes_sent = 0;  // heads and bodies of requests with a counted answer
  std::uint64_t bytes_received = 0;  // and of these answers
  double seconds = 0;

  double rate() const { return seconds > 0 ? static_cast<double>(answered) / seconds : 0; }
  std::uint64_t failed() const { return unexpected + broken + unanswered; }
  std::string failures() const;  // "3 of status 503, 1 broken"; empty where there are none
};

// Blocks until the plan is through. Throws std::runtime_error where it cannot connect at the start,
// its TLS with it, and only there. Later a server that is gone, or answers in a form that is not
// read, is tried again, a connection ten times a second; each such request counts as broken.
Outcome run(const Plan& plan);

}  // namespace mesh::load
