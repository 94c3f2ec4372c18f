#include "common/http/syntax.h"

#include <algorithm>
#include <array>
#include <string>

#include "common/base/strings.h"

namespace mesh::http {
namespace {

constexpr std::array<bool, 256> token_characters() {
  std::array<bool, 256> table{};
  for (char c = 'a'; c <= 'z'; ++c) table[static_cast<unsigned char>(c)] = true;
  for (char c = 'A'; c <= 'Z'; ++c) table[static_cast<unsigned char>(c)] = true;
  for (char c = '0'; c <= '9'; ++c) table[static_cast<unsigned char>(c)] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) {
    table[static_cast<unsigned char>(c)] = true;
  }
  return table;
}
constexpr auto kToken = token_characters();

constexpr std::array<char, 256> lower_characters() {
  std::array<char, 256> table{};
  for (int c = 0; c < 256; ++c) {
    table[static_cast<std::size_t>(c)] = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  }
  return table;
}
constexpr auto kLower = lower_characters();

char lower(char c) { return kLower[static_cast<unsigned char>(c)]; }

// RFC 9110 §5.6.6: ;name=value;name="a value". Empty where there is no charset.
std::string charset_of(std::string_view type) {
  std::size_t at = std::min(type.find(';'), type.size());
  while (at < type.size()) {
    const auto begin = at + 1;
    at = std::min(type.find_first_of(";=", begin), type.size());
    const auto name = trim(type.substr(begin, at - begin));
    if (at == type.size() || type[at] == ';') continue;
    std::string value;
    if (++at < type.size() && type[at] == '"') {
      for (++at; at < type.size() && type[at] != '"'; ++at) {
        if (type[at] == '\\' && at + 1 < type.size()) ++at;
        value += type[at];
      }
      at = std::min(type.find(';', at), type.size());
    } else {
      const auto end = std::min(type.find(';', at), type.size());
      value = trim(type.substr(at, end - at));
      at = end;
    }
    if (equal_ignore_case(name, "charset")) return value;
  }
  return {};
}

}  // namespace

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](char c) { return kToken[static_cast<unsigned char>(c)]; });
}

// Without a branch per byte, so that the compiler looks at many at once.
bool is_field_value(std::string_view text) {
  bool bad = false;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    bad |= (byte < 0x20 && byte != '\t') || byte == 0x7f;
  }
  return !bad;
}

bool equal_ignore_case(std::string_view a, std::string_view b) {
  // Most fields differ in length or in the first letter; the rest is looked at for few.
  if (a.size() != b.size() || (!a.empty() && lower(a.front()) != lower(b.front()))) return false;
  return std::equal(a.begin(), a.end(), b.begin(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

bool is_utf8_media(std::string_view content_type) {
  const auto charset = charset_of(content_type);
  // ASCII is a part of UTF-8.
  return charset.empty() || equal_ignore_case(charset, "utf-8") ||
         equal_ignore_case(charset, "utf8") || equal_ignore_case(charset, "us-ascii");
}

double weight_of(std::string_view list, std::string_view member) {
  double best = 0;
  for (const auto& item : split(list, ',')) {
    const auto parts = split(item, ';');
    if (parts.empty() || to_lower(trim(parts.front())) != member) continue;
    double weight = 1;
    for (const auto& part : parts) {
      const auto parameter = to_lower(trim(part));
      if (parameter.starts_with("q=")) weight = parse_double(parameter.substr(2)).value_or(0);
    }
    best = std::max(best, weight);
  }
  return best;
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 207:
      return "Multi-Status";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 421:
      return "Misdirected Request";
    case 422:
      return "Unprocessable Content";
    case 428:
      return "Precondition Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    case 507:
      return "Insufficient Storage";
    default:
      return "Unknown";
  }
}

}  // namespace mesh::http
