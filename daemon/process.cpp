#include "daemon/process.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>

namespace mesh {
namespace {

// The fields of /proc/self/stat that are used (proc(5)).
struct Stat {
  double start_ticks = 0, virtual_bytes = 0, resident_pages = 0;
};

std::optional<Stat> read_stat() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  // The name stands in parentheses and may hold anything; field 3 follows the last one.
  const auto end = line.rfind(')');
  if (end == std::string::npos) return std::nullopt;
  std::istringstream fields(line.substr(end + 1));
  Stat stat;
  std::string field;
  for (int number = 3; number <= 24 && fields >> field; ++number) {
    const double value = std::strtod(field.c_str(), nullptr);
    if (number == 22) stat.start_ticks = value;
    if (number == 23) stat.virtual_bytes = value;
    if (number == 24) stat.resident_pages = value;
  }
  return stat;
}

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

// When the machine started, in Unix time.
double boot_time() {
  std::ifstream file("/proc/stat");
  std::string line;
  while (std::getline(file, line)) {
    if (line.starts_with("btime ")) return std::strtod(line.c_str() + 6, nullptr);
  }
  return 0;
}

std::optional<double> count_open_fds() {
  std::error_code error;
  std::filesystem::directory_iterator at("/proc/self/fd", error);
  double count = -1;  // the iterator's own is among them
  for (; !error && at != std::filesystem::directory_iterator(); at.increment(error)) ++count;
  if (error) return std::nullopt;
  return count;
}

}  // namespace

ProcessMetrics::ProcessMetrics(Metrics& metrics)
    : cpu_seconds_(metrics.counter("process_cpu_seconds_total",
                                   "Total user and system CPU time spent in seconds.")),
      resident_(metrics.gauge("process_resident_memory_bytes", "Resident memory size in bytes.")),
      virtual_(metrics.gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.")),
      open_fds_(metrics.gauge("process_open_fds", "Number of open file descriptors.")),
      max_fds_(metrics.gauge("process_max_fds", "Maximum number of open file descriptors.")),
      start_time_(metrics.gauge("process_start_time_seconds",
                                "Start time of the process since unix epoch in seconds.")) {}

void ProcessMetrics::collect() {
  rusage use{};
  if (getrusage(RUSAGE_SELF, &use) == 0) {
    const double spent = seconds_of(use.ru_utime) + seconds_of(use.ru_stime);
    cpu_seconds_.add(spent - counted_);
    counted_ = spent;
  }
  const double tick = static_cast<double>(sysconf(_SC_CLK_TCK));
  if (const auto stat = read_stat()) {
    resident_.set(stat->resident_pages * static_cast<double>(sysconf(_SC_PAGESIZE)));
    virtual_.set(stat->virtual_bytes);
    start_time_.set(boot_time() + stat->start_ticks / tick);
  }
  if (const auto open = count_open_fds()) open_fds_.set(*open);
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) max_fds_.set(static_cast<double>(limit.rlim_cur));
}

}  // namespace mesh
