#include "common/domain/server_finding.h"

#include <cstdio>

#include "common/base/strings.h"

namespace mesh {
namespace {

constexpr Duration kMostSkew{1'000};

std::string seconds_text(Duration time) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f s", static_cast<double>(time.count()) / 1000);
  return text;
}

}  // namespace

ServerFinding unseen(std::string about, const Error& error, std::string advice) {
  return {std::move(about), false,
          error.message + (error.cause.empty() ? "" : " (" + error.cause + ")"), std::move(advice)};
}

ServerFinding version_finding(const std::string& version, OldestVersion oldest) {
  const auto parts = split(version, '.');
  const auto major = parse_int(parts[0]);
  const auto minor = parts.size() > 1 ? parse_int(parts[1]) : std::nullopt;
  const std::string wanted =
      std::to_string(oldest.major) + (oldest.minor > 0 ? "." + std::to_string(oldest.minor) : "");
  if (!major) {
    return {"version", false, "\"" + version + "\" is no version that the mesh knows",
            wanted + " or newer is supported: is it another server?"};
  }
  const bool supported = std::pair(*major, minor.value_or(0)) >=
                         std::pair<std::int64_t, std::int64_t>(oldest.major, oldest.minor);
  if (supported) return {"version", true, version + ", supported", ""};
  return {"version", false, version + " is not supported", "take " + wanted + " or newer"};
}

ServerFinding clock_finding(Timestamp theirs, Duration step, Timestamp asked, Timestamp answered) {
  const Duration least = theirs - answered, most = theirs + step - asked;  // ahead of the own one
  const bool ahead = least > kMostSkew;
  if (!ahead && most >= -kMostSkew) return {"clock", true, "agrees with meshd's", ""};
  return {
      "clock", false,
      ahead ? seconds_text(least) + " ahead of meshd's" : seconds_text(-most) + " behind meshd's",
      "set the clocks of both machines by NTP"};
}

}  // namespace mesh
