// What the groups of daemon_bench share: the daemon under test, the do-nothing server, waiting.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "common/load/load.h"
#include "tests/bench/report.h"
#include "tests/e2e/daemon.h"
#include "tests/support/temp_dir.h"

namespace mesh::bench {

struct Bench {
  Report report;
  bool quick = false;

  load::Seconds seconds(double full) const { return load::Seconds(quick ? full / 4 : full); }
  int rounds() const { return quick ? 1 : 3; }
  // One line to stderr.
  static void progress(const std::string& what);
};

// YAML beyond e2e::Daemon's: only warnings are logged; nothing is limited, or the defaults are.
struct Setup {
  bool pipelines = true;
  bool default_limits = false;
  bool events = true;  // indexed
};
std::string config(const Setup& setup = {});

// A meshd with a folder of its own, started; stopped by SIGTERM at the end. Throws
// std::runtime_error where it does not start.
class Meshd {
 public:
  explicit Meshd(const std::string& extra_config = config());
  // Over a folder that holds data already; it stays.
  Meshd(const std::string& data_dir, const std::string& extra_config);
  ~Meshd();

  e2e::Daemon& operator*() { return daemon_; }
  e2e::Daemon* operator->() { return &daemon_; }
  double ready_after() const { return ready_after_; }  // seconds from the start of the process

  // As the operator; throws where the status is not 2xx.
  Json admin(const std::string& method, const std::string& target, const std::string& body = {});
  // Events of the group that are not processed yet; 0 where there is no such group.
  std::int64_t lag(const std::string& group);
  // Waits until the outbox is empty and no group lags, so that nothing is left to do.
  void await_idle();
  // Submits a task and waits for its end. Throws where it fails.
  struct Task {
    double seconds = 0;
    Json json;
  };
  Task run_task(const std::string& target, const std::string& body);

 private:
  void start();
  test::TempDir temp_;
  e2e::Daemon daemon_;
  double ready_after_ = 0;
};

struct Memory {
  double resident = 0;   // MB
  double anonymous = 0;  // MB; the rest is mapped files, shared and reclaimable
};
Memory memory_of(pid_t pid);

// Runs a program of this build's bin/bench.
void run_program(const std::vector<std::string>& command);

// Our HTTP server with the chain of meshd (credential, rate limit) and a POST that does nothing, as
// a process of its own: meshd has no such route, since a product should not.
class NoopServer {
 public:
  NoopServer();
  ~NoopServer();
  const std::string& address() const { return address_; }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  int input_ = -1;  // it ends with its standard input
  std::string address_;
};

// Lets the calling thread run as soon as it wants to, where the user may (root): the quiet tenant's
// client would not share its processors with a flood and the server. Otherwise nothing happens, and
// the lateness that measure() tells shows it.
void prefer_this_thread();

struct Measured : load::Outcome {
  double cpu = 0;  // microseconds of processor time of the server per answer, all its threads
};
// Runs the plan, tells what failed and gives up (std::runtime_error) when nothing was answered.
// `server` is the process whose processor time is told; 0: none.
Measured measure(const std::string& what, const load::Plan& plan, pid_t server = 0);
// The same of a load that this process makes by itself; its own processor time is told.
Measured measure_own(const std::string& what, const std::function<load::Outcome()>& load);
// The one of the higher rate: others on the machine only make a run slower.
void keep_best(Measured& best, Measured next);

// Rows name/rate, name/p50, name/p99 and, where it was taken, name/cpu, compared with those of
// `baseline`, where there is one.
void add_rates(Bench& bench, const std::string& name, const Measured& outcome,
               const Measured* baseline = nullptr);
void add_latencies(Bench& bench, const std::string& name, const load::Histogram& latency,
                   const load::Histogram* baseline = nullptr);

// A closed loop over one route; `body` makes the body of request n.
load::Plan post_plan(const std::string& address, const std::string& target,
                     const std::string& tenant, int connections, load::Seconds time,
                     std::function<std::string(std::uint64_t)> body,
                     const std::string& content_type = "application/json");

}  // namespace mesh::bench
