#include "common/base/time.h"

#include <array>
#include <charconv>
#include <cstdio>
#include <limits>

namespace mesh {
namespace {

void put_digits(char* out, int width, std::uint64_t value) {
  for (int i = width - 1; i >= 0; --i) {
    out[i] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
}

// Reads exactly `width` digits at `at`; -1 where there are not so many.
int digits(std::string_view text, std::size_t at, int width) {
  if (at + static_cast<std::size_t>(width) > text.size()) return -1;
  int value = 0;
  for (int i = 0; i < width; ++i) {
    const char c = text[at + static_cast<std::size_t>(i)];
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

struct Unit {
  std::string_view name;
  std::int64_t milliseconds;
};
// Largest first; format_duration leaves weeks out, since "7d" is what people write.
constexpr std::array kUnits{Unit{"w", 604'800'000}, Unit{"d", 86'400'000}, Unit{"h", 3'600'000},
                            Unit{"m", 60'000},      Unit{"s", 1'000},      Unit{"ms", 1}};
constexpr std::int64_t kLongest = std::int64_t{3650} * 86'400'000;

tl::unexpected<Error> bad_duration(std::string_view text) {
  return fail(ErrorKind::invalid, "'" + std::string(text.substr(0, 64)) +
                                      "' is not a duration: write like 250ms, 75s, 1h30m or 7d, "
                                      "at most 3650d");
}

struct SizeUnit {
  std::string_view name;
  std::uint64_t bytes;
};
constexpr std::array kSizeUnits{
    SizeUnit{"", 1},
    SizeUnit{"B", 1},
    SizeUnit{"kB", 1'000},
    SizeUnit{"KB", 1'000},
    SizeUnit{"MB", 1'000'000},
    SizeUnit{"GB", 1'000'000'000},
    SizeUnit{"TB", 1'000'000'000'000},
    SizeUnit{"KiB", std::uint64_t{1} << 10},
    SizeUnit{"MiB", std::uint64_t{1} << 20},
    SizeUnit{"GiB", std::uint64_t{1} << 30},
    SizeUnit{"TiB", std::uint64_t{1} << 40},
};

}  // namespace

std::string format_rfc3339(Timestamp t) {
  const auto day = std::chrono::floor<std::chrono::days>(t);
  const std::chrono::year_month_day date{day};
  auto rest = static_cast<std::uint64_t>((t - day).count());
  // Put together by hand, since every record, answer and log line has some, and cheaper than a
  // format string. Years have four digits: parse_rfc3339 lets in no others.
  std::string text = "0000-00-00T00:00:00.000Z";
  char* out = text.data();
  put_digits(out, 4, static_cast<std::uint64_t>(static_cast<int>(date.year())));
  put_digits(out + 5, 2, static_cast<unsigned>(date.month()));
  put_digits(out + 8, 2, static_cast<unsigned>(date.day()));
  put_digits(out + 20, 3, rest % 1000);
  rest /= 1000;
  put_digits(out + 17, 2, rest % 60);
  rest /= 60;
  put_digits(out + 14, 2, rest % 60);
  put_digits(out + 11, 2, rest / 60);
  return text;
}

Result<Timestamp> parse_rfc3339(std::string_view text) {
  using namespace std::chrono;
  const auto bad = [&] {
    return fail(ErrorKind::invalid, "'" + std::string(text.substr(0, 64)) +
                                        "' is not an RFC 3339 date-time such as "
                                        "2026-11-21T08:32:00Z");
  };
  const int y = digits(text, 0, 4), mo = digits(text, 5, 2), d = digits(text, 8, 2);
  const int h = digits(text, 11, 2), mi = digits(text, 14, 2), s = digits(text, 17, 2);
  if (y < 0 || mo < 0 || d < 0 || h < 0 || mi < 0 || s < 0) return bad();
  // RFC 3339 §5.6 allows a small letter, and a space for the reader's sake.
  // The seconds were there, so that the text has 19 characters at least.
  const char sep = text[10];
  if (text[4] != '-' || text[7] != '-' || text[13] != ':' || text[16] != ':' ||
      (sep != 'T' && sep != 't' && sep != ' ')) {
    return bad();
  }
  const year_month_day date{year{y}, month{static_cast<unsigned>(mo)},
                            day{static_cast<unsigned>(d)}};
  if (!date.ok() || h > 23 || mi > 59 || s > 60) return bad();

  std::size_t at = 19;
  int millis = 0;
  if (at < text.size() && text[at] == '.') {
    const std::size_t first = ++at;
    for (int scale = 100; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
      millis += (text[at] - '0') * scale;
      // It becomes 0 behind the milliseconds, and further digits count for nothing.
      scale /= 10;
    }
    if (at == first) return bad();
  }
  minutes offset{0};
  if (at >= text.size()) return bad();
  if (text[at] == 'Z' || text[at] == 'z') {
    ++at;
  } else if (text[at] == '+' || text[at] == '-') {
    // Where both pairs are there, so is what stands between them.
    const int oh = digits(text, at + 1, 2), om = digits(text, at + 4, 2);
    if (oh < 0 || oh > 23 || om < 0 || om > 59 || text[at + 3] != ':') return bad();
    offset = minutes{oh * 60 + om} * (text[at] == '-' ? -1 : 1);
    at += 6;
  } else {
    return bad();
  }
  if (at != text.size()) return bad();

  const auto minute = sys_days{date} + hours{h} + minutes{mi} - offset;
  // A leap second exists only as the last of a UTC day; it becomes the first of the next.
  if (s == 60 && minute - floor<days>(minute) != hours{23} + minutes{59}) return bad();
  const Timestamp time{minute + seconds{s} + milliseconds{millis}};
  // An offset may lead out of the years that the form can say.
  if (time < Timestamp{sys_days{0000y / 1 / 1}} || time >= Timestamp{sys_days{10000y / 1 / 1}}) {
    return bad();
  }
  return time;
}

Result<Duration> parse_duration(std::string_view text) {
  if (text == "0") return Duration{0};
  std::int64_t total = 0;
  std::size_t next_unit = 0;  // units must shrink, each at most once
  const char* p = text.data();
  const char* const end = p + text.size();
  if (p == end) return bad_duration(text);
  while (p != end) {
    std::int64_t count = 0;
    const auto [after, error] = std::from_chars(p, end, count);
    // from_chars reads a minus in front of any of the counts.
    if (error != std::errc{} || *p == '-') return bad_duration(text);
    const char* name_end = after;
    while (name_end != end && *name_end >= 'a' && *name_end <= 'z') ++name_end;
    const std::string_view name(after, static_cast<std::size_t>(name_end - after));
    while (next_unit < kUnits.size() && kUnits[next_unit].name != name) ++next_unit;
    if (next_unit == kUnits.size()) return bad_duration(text);
    const std::int64_t unit = kUnits[next_unit++].milliseconds;
    // Before the product, which could be more than 64 bits hold.
    if (count > kLongest / unit) return bad_duration(text);
    total += count * unit;
    if (total > kLongest) return bad_duration(text);
    p = name_end;
  }
  return Duration{total};
}

std::string format_duration(Duration d) {
  std::int64_t rest = d.count();
  if (rest == 0) return "0s";
  std::string text = rest < 0 ? "-" : "";
  rest = rest < 0 ? -rest : rest;
  // From days on. Each unit is told once and the units fall, as parse_duration wants it.
  for (std::size_t i = 1; i < kUnits.size(); ++i) {
    if (const auto count = rest / kUnits[i].milliseconds; count > 0) {
      text += std::to_string(count);
      text += kUnits[i].name;
      rest %= kUnits[i].milliseconds;
    }
  }
  return text;
}

Result<std::uint64_t> parse_size(std::string_view text) {
  std::uint64_t count = 0;
  const char* const end = text.data() + text.size();
  const auto [after, error] = std::from_chars(text.data(), end, count);
  if (error == std::errc{}) {
    const std::string_view name(after, static_cast<std::size_t>(end - after));
    for (const auto& unit : kSizeUnits) {
      if (unit.name == name && count <= std::numeric_limits<std::uint64_t>::max() / unit.bytes) {
        return count * unit.bytes;
      }
    }
  }
  return fail(ErrorKind::invalid, "'" + std::string(text.substr(0, 64)) +
                                      "' is not a size: write like 4096, 512KiB, 1MiB, 10GiB or "
                                      "1MB");
}

std::string format_size(std::uint64_t bytes) {
  static constexpr std::array kNames{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return std::to_string(bytes) + " B";
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  // From here on "%.1f" would round up to "1024.0".
  while (value >= 1023.95 && unit + 1 < kNames.size()) {
    value /= 1024;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %s", value, kNames[unit]);
  return text;
}

}  // namespace mesh
