#include "common/base/http_date.h"

#include <cstdio>
#include <string>

namespace mesh {

std::optional<Timestamp> parse_http_date(std::string_view text) {
  int day = 0, year = 0, hour = 0, minute = 0, second = 0, length = 0;
  char month[4] = {};
  const std::string copy(text);
  if (std::sscanf(copy.c_str(), "%*3s, %2d %3s %4d %2d:%2d:%2d GMT%n", &day, month, &year, &hour,
                  &minute, &second, &length) != 6 ||
      // %n is reached only behind GMT: nothing may follow it, and no other zone passes.
      length != static_cast<int>(copy.size())) {
    return std::nullopt;
  }
  // Not strptime, whose names follow the locale.
  static constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const auto at = kMonths.find(month);
  const std::chrono::year_month_day date{std::chrono::year{year},
                                         std::chrono::month{static_cast<unsigned>(at / 3 + 1)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  if (at == kMonths.npos || at % 3 != 0 || !date.ok() || hour > 23 || minute > 59 || second > 60)
    return std::nullopt;
  return std::chrono::sys_days{date} + std::chrono::hours{hour} + std::chrono::minutes{minute} +
         std::chrono::seconds{second};
}

}  // namespace mesh
