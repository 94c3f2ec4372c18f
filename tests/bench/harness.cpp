#include "tests/bench/harness.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

#include "tests/bench/requests.h"

extern char** environ;

namespace mesh::bench {
namespace {

constexpr std::chrono::milliseconds kPoll{20};
constexpr std::chrono::minutes kPatience{10};

double milliseconds(std::uint64_t microseconds) {
  return static_cast<double>(microseconds) / 1000.0;
}

// Of all threads, in microseconds; in steps of the kernel's 10 ms.
double processor_time(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  std::istringstream fields(text.substr(std::min(text.size(), text.rfind(')') + 2)));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;  // from state to cmajflt
  double user = 0, system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK)) * 1e6;
}

}  // namespace

void Bench::progress(const std::string& what) { std::fprintf(stderr, "… %s\n", what.c_str()); }

std::string config(const Setup& setup) {
  std::string yaml = "telemetry: {log: {level: warn}}\n";
  if (!setup.pipelines) yaml += "roles: [users, gateway, publisher, subscriber, admin]\n";
  if (!setup.default_limits) yaml += "rate_limits: {search: null, publish: null, users: null}\n";
  if (!setup.events) yaml += "vectors: {events: false}\n";
  return yaml;
}

Meshd::Meshd(const std::string& extra_config) : daemon_(temp_.file("data"), extra_config) {
  start();
}

Meshd::Meshd(const std::string& data_dir, const std::string& extra_config)
    : daemon_(data_dir, extra_config) {
  start();
}

Meshd::~Meshd() {
  if (daemon_.pid() <= 0) return;
  if (const int code = daemon_.stop(); code != 0) {
    Bench::progress("meshd ended with " + std::to_string(code) + ": " + daemon_.errors());
  }
}

void Meshd::start() {
  const auto begin = load::SteadyClock::now();
  if (!daemon_.start()) throw std::runtime_error("meshd did not start: " + daemon_.errors());
  ready_after_ = load::Seconds(load::SteadyClock::now() - begin).count();
}

Json Meshd::admin(const std::string& method, const std::string& target, const std::string& body) {
  const auto answer = daemon_.call("admin", method, target, daemon_.operator_token(), body);
  if (answer.status / 100 != 2) {
    throw std::runtime_error(method + " " + target + ": " + answer.body);
  }
  return answer.json();
}

std::int64_t Meshd::lag(const std::string& name) {
  const Json groups = admin("GET", "/admin/v1/groups");
  for (const auto& group : groups["items"]) {
    if (group["group"] == name) return group["lag"];
  }
  return 0;
}

void Meshd::await_idle() {
  const auto deadline = load::SteadyClock::now() + kPatience;
  for (; load::SteadyClock::now() < deadline; std::this_thread::sleep_for(kPoll)) {
    bool idle = true;
    // The outbox first: what leaves it shows as lag before the pipelines have seen it.
    const Json checks = admin("POST", "/admin/v1/check", "{}");
    for (const auto& check : checks["checks"]) {
      if (check["name"] == "outbox") idle &= check["detail"].get<std::string>().starts_with("0 ");
    }
    if (!idle) continue;
    const Json groups = admin("GET", "/admin/v1/groups");
    for (const auto& group : groups["items"]) {
      idle &= group["lag"] == 0 || group["active"] == false;
    }
    if (idle) return;
  }
  throw std::runtime_error("meshd did not become idle");
}

Meshd::Task Meshd::run_task(const std::string& target, const std::string& body) {
  const auto start = load::SteadyClock::now();
  Json task = admin("POST", target, body);
  const std::string path = "/admin/v1/tasks/" + task["id"].get<std::string>() + "?wait=25";
  while (task["finished_at"].is_null()) task = admin("GET", path);
  if (task["state"] != "done") throw std::runtime_error("task of " + target + ": " + task.dump());
  return {load::Seconds(load::SteadyClock::now() - start).count(), std::move(task)};
}

Memory memory_of(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  Memory memory;
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) memory.resident = std::atof(line.c_str() + 6) / 1000;
    if (line.starts_with("RssAnon:")) memory.anonymous = std::atof(line.c_str() + 8) / 1000;
  }
  return memory;
}

void run_program(const std::vector<std::string>& command) {
  std::vector<std::string> all = command;
  all.front() = MESH_BIN_DIR "/bench/" + command.front();
  const auto outcome = e2e::run(all);
  std::fprintf(stderr, "%s%s", outcome.out.c_str(), outcome.err.c_str());
  if (outcome.exit_code != 0) {
    throw std::runtime_error(command.front() + " ended with " + std::to_string(outcome.exit_code));
  }
}

NoopServer::NoopServer() {
  int in[2], out[2];
  if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  const char* const words[] = {MESH_BIN_DIR "/bench/noop_server", nullptr};
  const int error =
      posix_spawn(&pid_, words[0], &actions, nullptr, const_cast<char**>(words), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(in[0]);
  close(out[1]);
  input_ = in[1];
  if (error != 0) throw std::runtime_error(std::string(words[0]) + ": " + std::strerror(error));
  char c = 0;
  while (read(out[0], &c, 1) == 1 && c != '\n') address_ += c;
  close(out[0]);
  if (address_.empty()) throw std::runtime_error("noop_server did not start");
}

NoopServer::~NoopServer() {
  close(input_);
  waitpid(pid_, nullptr, 0);
}

void prefer_this_thread() {
  constexpr int kNice = -10;
  (void)setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kNice);
}

namespace {

Measured measured(const std::string& what, bool open_loop, pid_t server,
                  const std::function<load::Outcome()>& load) {
  const double before = server > 0 ? processor_time(server) : 0;
  Measured outcome{load()};
  if (server > 0 && outcome.all > 0) {
    outcome.cpu = (processor_time(server) - before) / static_cast<double>(outcome.all);
  }
  char text[160];
  std::snprintf(text, sizeof text, ": %.0f/s, p50 %.3f ms, p99 %.3f ms", outcome.rate(),
                milliseconds(outcome.latency.percentile(0.5)),
                milliseconds(outcome.latency.percentile(0.99)));
  std::string line = what + text;
  if (open_loop) {
    line += ", sent late by p99 " + std::to_string(outcome.late.percentile(0.99)) + " us";
  }
  if (outcome.failed() > 0) line += "; FAILED: " + outcome.failures();
  Bench::progress(line);
  if (outcome.answered == 0) throw std::runtime_error(what + ": nothing was answered");
  return outcome;
}

}  // namespace

Measured measure(const std::string& what, const load::Plan& plan, pid_t server) {
  return measured(what, plan.rate > 0, server, [&] { return load::run(plan); });
}

Measured measure_own(const std::string& what, const std::function<load::Outcome()>& load) {
  return measured(what, false, getpid(), load);
}

void keep_best(Measured& best, Measured next) {
  if (next.rate() > best.rate()) best = std::move(next);
}

void add_latencies(Bench& bench, const std::string& name, const load::Histogram& latency,
                   const load::Histogram* baseline) {
  for (const auto& [label, share] : {std::pair{"p50", 0.5}, {"p99", 0.99}}) {
    Row row{name + "/" + label, milliseconds(latency.percentile(share)), "ms"};
    if (baseline != nullptr) row.baseline = milliseconds(baseline->percentile(share));
    bench.report.add(std::move(row));
  }
}

void add_rates(Bench& bench, const std::string& name, const Measured& outcome,
               const Measured* baseline) {
  Row row{name + "/rate", outcome.rate(), "1/s"};
  if (baseline != nullptr) row.baseline = baseline->rate();
  bench.report.add(std::move(row));
  if (outcome.failed() > 0) {
    bench.report.add({name + "/failed", static_cast<double>(outcome.failed()), ""});
  }
  add_latencies(bench, name, outcome.latency, baseline != nullptr ? &baseline->latency : nullptr);
  if (outcome.cpu == 0) return;
  Row cpu{name + "/cpu", outcome.cpu, "us"};
  if (baseline != nullptr) cpu.baseline = baseline->cpu;
  bench.report.add(std::move(cpu));
}

load::Plan post_plan(const std::string& address, const std::string& target,
                     const std::string& tenant, int connections, load::Seconds time,
                     std::function<std::string(std::uint64_t)> body,
                     const std::string& content_type) {
  load::Plan plan;
  plan.address = address;
  plan.connections = connections;
  plan.time = time;
  plan.request = [=, body = std::move(body)](std::uint64_t number, std::string& out) {
    append_request(out, "POST", target, tenant, body(number), content_type);
  };
  return plan;
}

}  // namespace mesh::bench
