#include "cli/render/number.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

namespace mesh::cli {
namespace {

constexpr std::int64_t kUnits[] = {86'400, 3'600, 60, 1};  // in seconds
constexpr char kNames[] = {'d', 'h', 'm', 's'};

// The largest unit there is, and the next where there are fewer than `detailed` of it.
std::string two_units(std::int64_t seconds, std::int64_t detailed) {
  for (std::size_t i = 0; i < std::size(kUnits); ++i) {
    const std::int64_t count = seconds / kUnits[i];
    if (count == 0 && i + 1 < std::size(kUnits)) continue;
    std::string text = std::to_string(count) + kNames[i];
    if (i + 1 == std::size(kUnits) || count >= detailed) return text;
    const std::int64_t rest = seconds % kUnits[i] / kUnits[i + 1];
    return rest == 0 ? text : text + std::to_string(rest) + kNames[i + 1];
  }
  return {};
}

}  // namespace

std::string clock_text(double seconds) {
  // Beyond 100 hours an estimate says nothing, and would need more columns.
  if (!std::isfinite(seconds) || seconds < 0 || seconds >= 360'000) return "--:--";
  const long whole = std::lround(seconds);
  char text[32];
  if (whole >= 3600) {
    std::snprintf(text, sizeof text, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
  } else {
    std::snprintf(text, sizeof text, "%02ld:%02ld", whole / 60, whole % 60);
  }
  return text;
}

std::string percent_text(double share) {
  return std::to_string(static_cast<int>(std::clamp(share, 0.0, 1.0) * 100)) + "%";
}

std::string rate_text(double per_second) {
  if (per_second == 0) return "0";
  if (per_second < 0.1) return "<0.1";
  // Here one decimal would round to "10.0".
  if (per_second >= 9.95) return with_thousands(std::llround(per_second));
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", per_second);
  return text;
}

std::string duration_text(double seconds) {
  char text[32];
  if (seconds == 0) return "0s";
  if (seconds < 0.001) return "<1ms";
  // What would round to "1000ms" is a second.
  if (seconds < 0.9995) {
    std::snprintf(text, sizeof text, "%.0fms", seconds * 1'000);
    return text;
  }
  if (seconds < 9.95) {
    std::snprintf(text, sizeof text, "%.2gs", seconds);
    return text;
  }
  // No bound for the second unit: ages alone drop it, from ten of the first on.
  return two_units(std::llround(seconds), std::numeric_limits<std::int64_t>::max());
}

std::string age_text(Duration age) {
  const std::int64_t seconds = std::chrono::duration_cast<std::chrono::seconds>(age).count();
  constexpr std::int64_t kDetailed = 10;
  return seconds < 0 ? "in " + two_units(-seconds, kDetailed) : two_units(seconds, kDetailed);
}

}  // namespace mesh::cli
