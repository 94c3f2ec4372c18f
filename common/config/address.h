// host:port, as the configuration writes it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mesh::config {

struct Address {
  std::string host;  // IPv6 without its brackets
  std::uint16_t port = 0;
};

// "127.0.0.1:8081", "[::1]:8081", "meshd.local:0"; nothing for anything else. A host is required.
std::optional<Address> parse_address(std::string_view text);

// 127.0.0.0/8, ::1 and "localhost".
bool is_loopback(std::string_view host);

}  // namespace mesh::config
