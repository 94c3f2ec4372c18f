#include "common/http/host_check.h"

#include <arpa/inet.h>

#include <algorithm>

#include "common/base/strings.h"
#include "common/http/syntax.h"

namespace mesh::http {
namespace {

// Names can be pointed here by others (DNS rebinding); addresses and localhost (RFC 6761 §6.3)
// cannot.
bool is_address(const std::string& text, int family) {
  unsigned char bytes[sizeof(in6_addr)];
  return ::inet_pton(family, text.c_str(), bytes) == 1;
}

}  // namespace

bool is_allowed_host(std::string_view host, const std::vector<std::string>& allowed) {
  if (host.starts_with('[')) {
    const auto end = host.find(']');
    return end != std::string_view::npos &&
           is_address(std::string(host.substr(1, end - 1)), AF_INET6);
  }
  std::string name = to_lower(host.substr(0, host.find(':')));
  // "localhost." is the same name, written from the root.
  if (name.ends_with('.')) name.pop_back();
  if (name == "localhost" || name.ends_with(".localhost") || is_address(name, AF_INET)) return true;
  return std::ranges::any_of(
      allowed, [&](const std::string& one) { return one == "*" || equal_ignore_case(one, name); });
}

}  // namespace mesh::http
