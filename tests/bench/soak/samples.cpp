#include "tests/bench/soak/samples.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <numeric>
#include <span>

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

double slope_per_10_minutes(std::span<const Sample> samples) {
  const double n = static_cast<double>(samples.size());
  double x = 0, y = 0, xy = 0, xx = 0;
  for (const auto& s : samples) {
    x += s.minute / n;
    y += s.memory.anonymous / n;
  }
  for (const auto& s : samples) {
    xy += (s.minute - x) * (s.memory.anonymous - y);
    xx += (s.minute - x) * (s.minute - x);
  }
  return xx > 0 ? 10 * xy / xx : 0;
}

double mean_memory(std::span<const Sample> samples) {
  return std::accumulate(samples.begin(), samples.end(), 0.0,
                         [](double sum, const Sample& s) { return sum + s.memory.anonymous; }) /
         static_cast<double>(samples.size());
}

std::string text(const char* format, double a, double b) {
  char line[160];
  std::snprintf(line, sizeof line, format, a, b);
  return line;
}

}  // namespace

Sample take_sample(Meshd& meshd) {
  Sample sample;
  const pid_t pid = meshd->pid();
  sample.memory = memory_of(pid);
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
  std::printf("%7s %9s %9s %6s %8s %8s %9s %17s %17s %17s\n", "minute", "RSS MB", "anon MB", "fds",
              "threads", "lag", "files MB", "write p50/p99 ms", "search p50/p99 ms",
              "read p50/p99 ms");
}

void print(const Sample& s) {
  std::printf("%7.2f %9.1f %9.1f %6d %8d %8lld %9.1f", s.minute, s.memory.resident,
              s.memory.anonymous, s.descriptors, s.threads, static_cast<long long>(s.lag), s.files);
  for (const char* kind : {"write", "search", "read"}) {
    std::printf(" %8.3f/%8.3f", milliseconds(s, kind, 0.5), milliseconds(s, kind, 0.99));
  }
  std::printf("\n");
  std::fflush(stdout);
}

Verdict judge(const std::vector<Sample>& samples) {
  Verdict verdict;
  // The first fifth is warm-up: caches, arenas, the generation kept for rollback.
  const std::span steady = std::span(samples).subspan(samples.size() / 5);
  const std::size_t quarter = std::max<std::size_t>(1, steady.size() / 4);
  const auto first = steady.first(quarter), last = steady.last(quarter);
  const auto count = [&](const char* what, auto member, int tolerance) {
    const int before = (*std::ranges::min_element(first, {}, member)).*member;
    const int after = (*std::ranges::min_element(last, {}, member)).*member;
    const bool grew = after > before + tolerance;
    verdict.grew |= grew;
    verdict.lines.push_back(what + text(": %.0f, later %.0f: ", before, after) +
                            (grew ? "GREW" : "no growth") + " (tolerance " +
                            std::to_string(tolerance) + ")");
  };
  count("descriptors", &Sample::descriptors, kDescriptorTolerance);
  count("threads", &Sample::threads, 0);
  const double before = mean_memory(first), after = mean_memory(last);
  const bool grew = after - before > kMemoryTolerance;
  verdict.grew |= grew;
  verdict.memory_slope = slope_per_10_minutes(steady);
  verdict.lines.push_back(
      text("anonymous memory: %.1f MB, later %.1f MB: ", before, after) +
      (grew ? "GREW" : "no growth") +
      text(" (tolerance %.0f MB; slope %.2f MB in 10 minutes)", kMemoryTolerance,
           verdict.memory_slope));
  return verdict;
}

}  // namespace mesh::bench
