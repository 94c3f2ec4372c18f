#include "common/http/retry_after.h"

#include <algorithm>
#include <cmath>

#include "common/base/http_date.h"
#include "common/base/strings.h"
#include "common/http/syntax.h"

namespace mesh::http {

std::optional<Duration> retry_after(const Response& response, Timestamp now) {
  constexpr double kMostSeconds = 1e9;
  for (const auto& [name, value] : response.headers) {
    if (!equal_ignore_case(name, "Retry-After")) continue;
    const auto text = trim(value);
    if (const auto seconds = parse_double(text); seconds && *seconds >= 0) {
      if (*seconds >= kMostSeconds) return std::nullopt;
      return Duration(static_cast<std::int64_t>(std::ceil(*seconds * 1000)));
    }
    if (const auto date = parse_http_date(text)) {
      return std::max(Duration{0}, *date - now);
    }
    return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace mesh::http
