#include "common/http/wire.h"

#include <array>
#include <charconv>
#include <ctime>

#include "common/http/syntax.h"

namespace mesh::http {
namespace {

void append_number(std::string& out, std::size_t number) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  out.append(digits, end);
}

// What append_response writes, or leaves out, by itself: a handler's would contradict it.
bool is_framing_field(std::string_view name) {
  return equal_ignore_case(name, "Content-Length") || equal_ignore_case(name, "Connection") ||
         equal_ignore_case(name, "Transfer-Encoding") || equal_ignore_case(name, "Date");
}

// The date of this second, made once per second and thread.
const std::string& date_of(Timestamp now) {
  thread_local std::chrono::sys_seconds second{std::chrono::seconds::min()};
  thread_local std::string text;
  const auto current = std::chrono::floor<std::chrono::seconds>(now);
  if (current != second) {
    second = current;
    text = http_date(now);
  }
  return text;
}

}  // namespace

std::string http_date(Timestamp t) {
  // Not strftime, whose names follow the locale.
  static constexpr std::array<const char*, 7> kDays{"Sun", "Mon", "Tue", "Wed",
                                                    "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t seconds = Timestamp::clock::to_time_t(t);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[64];
  std::snprintf(text, sizeof text, "%s, %02d %s %04d %02d:%02d:%02d GMT", kDays[parts.tm_wday],
                parts.tm_mday, kMonths[parts.tm_mon], parts.tm_year + 1900, parts.tm_hour,
                parts.tm_min, parts.tm_sec);
  return text;
}

void append_response(std::string& out, const Response& response, const WireOptions& options) {
  out.append("HTTP/1.1 ");
  append_number(out, static_cast<std::size_t>(response.status));
  out.append(" ").append(reason_phrase(response.status)).append("\r\nDate: ");
  out.append(date_of(options.now)).append("\r\n");
  for (const auto& [name, value] : response.headers) {
    // Values come out of requests and stores; one with a line break would write fields of its own.
    if (!is_token(name) || !is_field_value(value) || is_framing_field(name)) continue;
    out.append(name).append(": ").append(value).append("\r\n");
  }
  // RFC 9110: 1xx, 204 and 304 have none, and a client would take its bytes for the next answer.
  const bool may_have_body =
      response.status >= 200 && response.status != 204 && response.status != 304;
  if (options.framing == Framing::chunked) {
    out.append("Transfer-Encoding: chunked\r\n");
  } else if (may_have_body && options.framing == Framing::length) {
    out.append("Content-Length: ");
    append_number(out, response.body.size());
    out.append("\r\n");
  }
  // Answers hold what tenants wrote; a browser must not guess that some of it is a page.
  out.append("X-Content-Type-Options: nosniff\r\n");
  out.append(options.keep_alive ? "\r\n" : "Connection: close\r\n\r\n");
  if (may_have_body && !options.head_only) out.append(response.body);
}

void append_chunk(std::string& out, std::string_view bytes) {
  char digits[16];
  const auto end = std::to_chars(digits, digits + sizeof digits, bytes.size(), 16).ptr;
  out.append(digits, end).append("\r\n").append(bytes).append("\r\n");
}

}  // namespace mesh::http
