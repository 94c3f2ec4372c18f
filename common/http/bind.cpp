#include "common/http/bind.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "common/base/strings.h"

namespace mesh::http {
namespace {

constexpr int kBacklog = 4096;  // the kernel cuts it to net.core.somaxconn

Result<Fd> listen_on(const addrinfo& info, const std::string& address) {
  const auto failed = [&](std::string_view step) {
    const int error = errno;
    std::string why = error == EADDRINUSE ? "it is in use" : std::strerror(error);
    return fail(ErrorKind::unavailable, "cannot listen on " + address + ": " + why,
                std::string(step) + ": " + std::strerror(error));
  };
  Fd fd(::socket(info.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return failed("socket");
  // A restart binds at once, though connections of the process before may still be in TIME_WAIT.
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(fd.get(), info.ai_addr, info.ai_addrlen) != 0) return failed("bind");
  if (::listen(fd.get(), kBacklog) != 0) return failed("listen");
  return fd;
}

}  // namespace

Result<BoundSocket> bind_listener(const std::string& address) {
  const auto colon = address.rfind(':');
  const auto port = colon == std::string::npos
                        ? std::nullopt
                        : parse_int(std::string_view(address).substr(colon + 1));
  if (!port || *port < 0 || *port > 65535) {
    return fail(ErrorKind::invalid, "not an address to listen on: \"" + address +
                                        "\"; write host:port, such as 127.0.0.1:8081");
  }
  std::string host = address.substr(0, colon);
  // Without its brackets an IPv6 address would end at its own last colon.
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }

  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(host.empty() ? nullptr : host.c_str(),
                                  std::to_string(*port).c_str(), &hints, &found);
  if (error != 0) {
    return fail(ErrorKind::invalid, "cannot listen on " + address + ": unknown host",
                ::gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> guard(found, &::freeaddrinfo);
  // Of a name with several addresses the first: a listener is one socket, and tells one address.
  auto fd = MESH_TRY(listen_on(*found, address));

  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  // Of port 0 only the kernel knows what was taken; tests and readiness tell this one.
  ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&bound), &size);
  return BoundSocket{std::move(fd), format_address(bound)};
}

std::string format_address(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    return "[" + std::string(text) + "]:" + std::to_string(ntohs(v6.sin6_port));
  }
  const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
  ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
  return std::string(text) + ":" + std::to_string(ntohs(v4.sin_port));
}

}  // namespace mesh::http
