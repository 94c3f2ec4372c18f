#include "tests/bench/soak/samples.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace mesh::bench {
namespace {

int threads_of(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("Threads:")) return std::atoi(line.c_str() + 8);
  }
  return 0;
}

double milliseconds(const Sample& sample, const char* kind, double share) {
  const auto found = sample.latencies.find(kind);
  return found == sample.latencies.end()
             ? 0
             : static_cast<double>(found->second.percentile(share)) / 1000;
}

// The value of a line of the exposition, in MB.
double megabytes(const std::string& exposition, const std::string& series) {
  const auto at = exposition.find("\n" + series + " ");
  if (at == std::string::npos) throw std::runtime_error("no " + series + " in /metrics");
  return std::atof(exposition.c_str() + at + series.size() + 2) / 1e6;
}

}  // namespace

Sample take_sample(Meshd& meshd) {
  Sample sample;
  const pid_t pid = meshd->pid();
  sample.memory = memory_of(pid);
  const std::string exposition = meshd->call("admin", "GET", "/metrics", "").body;
  sample.caches = megabytes(exposition, "mesh_sqlite_bytes");
  sample.heap = megabytes(exposition, R"(mesh_heap_bytes{state="used"})") - sample.caches;
  sample.threads = threads_of(pid);
  const std::filesystem::directory_iterator all("/proc/" + std::to_string(pid) + "/fd");
  sample.descriptors = static_cast<int>(std::distance(begin(all), end(all)));
  const Json groups = meshd.admin("GET", "/admin/v1/groups");
  for (const auto& group : groups["items"]) {
    if (group["active"] == true) sample.lag += group["lag"].get<std::int64_t>();
  }
  for (const auto& file : std::filesystem::directory_iterator(meshd->data_dir())) {
    std::error_code gone;  // a WAL may go between the two calls
    const auto size = file.file_size(gone);
    if (!gone) sample.files += static_cast<double>(size) / 1e6;
  }
  return sample;
}

void print_header() {
  std::printf("%7s %8s %8s %9s %8s %5s %8s %7s %9s %17s %17s %17s\n", "minute", "RSS MB", "anon MB",
              "caches MB", "heap MB", "fds", "threads", "lag", "files MB", "write p50/p99 ms",
              "search p50/p99 ms", "read p50/p99 ms");
}

void print(const Sample& s) {
  std::printf("%7.2f %8.1f %8.1f %9.1f %8.2f %5d %8d %7lld %9.1f", s.minute, s.memory.resident,
              s.memory.anonymous, s.caches, s.heap, s.descriptors, s.threads,
              static_cast<long long>(s.lag), s.files);
  for (const char* kind : {"write", "search", "read"}) {
    std::printf(" %8.3f/%8.3f", milliseconds(s, kind, 0.5), milliseconds(s, kind, 0.99));
  }
  std::printf("\n");
  std::fflush(stdout);
}

}  // namespace mesh::bench
