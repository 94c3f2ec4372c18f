#include <fcntl.h>
#include <unistd.h>

#include <stdexcept>

#include "tests/bench/groups/groups.h"
#include "tests/bench/requests.h"

namespace mesh::bench {
namespace {

constexpr int kConnections = 4;
constexpr const char* kTenant = "acme";

// Appends `bytes` again and again, an fdatasync each; how often per second.
double raw_appends(const std::string& bytes, load::Seconds time) {
  const test::TempDir dir;
  const int fd = open(dir.file("raw").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) throw std::runtime_error("cannot write to " + dir.path());
  const auto start = load::SteadyClock::now();
  int count = 0;
  for (; load::SteadyClock::now() - start < time; ++count) {
    for (std::size_t done = 0; done < bytes.size();) {
      const auto n = write(fd, bytes.data() + done, bytes.size() - done);
      if (n <= 0) throw std::runtime_error("cannot write to " + dir.path());
      done += static_cast<std::size_t>(n);
    }
    if (fdatasync(fd) != 0) throw std::runtime_error("fdatasync failed");
  }
  const double seconds = load::Seconds(load::SteadyClock::now() - start).count();
  close(fd);
  return count / seconds;
}

void at(Bench& bench, Meshd& meshd, const std::string& suffix, int lines) {
  const std::string label = std::to_string(lines) + suffix;
  // Made beforehand: making them would take the processor from the server. Events have no ids, so
  // a body that comes again is new events.
  std::vector<std::string> bodies;
  for (int i = 0; i < 8; ++i) {
    bodies.push_back(event_lines(static_cast<std::uint64_t>(i * lines), lines));
  }
  Measured best;
  double raw = 0;
  for (int round = 0; round < bench.rounds(); ++round) {
    meshd.await_idle();
    raw = std::max(raw, raw_appends(bodies[0], bench.seconds(2)));
    keep_best(best, measure("bulk of " + label,
                            post_plan(
                                meshd->address("publisher"), "/api/v1/events", kTenant,
                                kConnections, bench.seconds(8),
                                [&](std::uint64_t n) { return bodies[n % bodies.size()]; },
                                "application/x-ndjson"),
                            meshd->pid()));
  }
  bench.report.add({"bulk/" + label + "/events", best.rate() * lines, "1/s", raw * lines});
  add_latencies(bench, "bulk/" + label, best.latency);
  bench.report.add({"bulk/" + label + "/cpu-per-event", best.cpu / lines, "us"});
  const double megabytes = static_cast<double>(bodies[0].size()) / 1e6;
  bench.report.add({"bulk/" + label + "/bytes", best.rate() * megabytes, "MB/s", raw * megabytes});
}

}  // namespace

void bulk(Bench& bench) {
  bench.report.group("bulk", "NDJSON of 1,000 and 10,000 events per request, 4 connections",
                     "appends of the same bodies to a plain file, an fdatasync each");
  for (const bool pipelines : {true, false}) {
    Meshd meshd(config({.pipelines = pipelines}));
    for (const int lines : {1'000, 10'000}) {
      at(bench, meshd, pipelines ? "" : "/without-pipelines", lines);
    }
  }
}

}  // namespace mesh::bench
