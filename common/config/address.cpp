#include "common/config/address.h"

#include <arpa/inet.h>

#include <algorithm>

#include "common/base/strings.h"

namespace mesh::config {
namespace {

bool is_ipv6(const std::string& host) {
  in6_addr ignored{};
  return inet_pton(AF_INET6, host.c_str(), &ignored) == 1;
}

// A name, or an IPv4 address: what has only digits and dots must be one.
bool is_name_or_ipv4(const std::string& host) {
  if (host.empty() || host.size() > 253 || host.front() == '-' || host.front() == '.') return false;
  // "127.0.0.256" is no name that a resolver should be asked for.
  if (host.find_first_not_of("0123456789.") == std::string::npos) {
    in_addr ignored{};
    return inet_pton(AF_INET, host.c_str(), &ignored) == 1;
  }
  return std::ranges::all_of(host, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
  });
}

}  // namespace

std::optional<Address> parse_address(std::string_view text) {
  // The last one: an IPv6 host has colons of its own, within brackets.
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string host(text.substr(0, colon));
  const auto digits = text.substr(colon + 1);
  const auto port = parse_int(digits);
  // parse_int takes leading zeros, any number of them, and -0: at most five digits here.
  const bool signs = digits.starts_with('-') || digits.starts_with('+');
  if (!port || signs || *port > 65535 || digits.size() > 5) return std::nullopt;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    if (!is_ipv6(host)) return std::nullopt;
  } else if (!is_name_or_ipv4(host)) {
    return std::nullopt;
  }
  return Address{std::move(host), static_cast<std::uint16_t>(*port)};
}

bool is_loopback(std::string_view host) {
  const std::string text(host);
  // By value, not by text: all of 127.0.0.0/8 is loopback, and ::1 has several spellings.
  in_addr v4{};
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  if (inet_pton(AF_INET6, text.c_str(), &v6) == 1) return IN6_IS_ADDR_LOOPBACK(&v6);
  return to_lower(text) == "localhost";
}

}  // namespace mesh::config
