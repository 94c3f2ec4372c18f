#include "common/load/socket.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/time.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <stdexcept>

namespace mesh::load {
namespace {

[[noreturn]] void give_up(const Place& place, int error) {
  throw std::runtime_error("cannot connect to " + place.name + ": " + std::strerror(error));
}

Fd open_socket(const Place& place, int flags) {
  Fd fd(::socket(place.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
  if (!fd) give_up(place, errno);
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

int connect(const Fd& fd, const Place& place) {
  return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&place.address), place.size);
}

}  // namespace

Fd connect_to(const Place& place) {
  Fd fd = open_socket(place, 0);
  // The kernel takes it as the time-out of connect, too.
  const timeval patience{kConnectTime.count(), 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (connect(fd, place) == 0) return fd;
  give_up(place, errno == EINPROGRESS ? ETIMEDOUT : errno);
}

Place resolve(const std::string& address) {
  const auto colon = address.rfind(':');
  if (colon == address.npos) throw std::runtime_error(address + " names no port");
  std::string host = address.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* first = nullptr;
  const int error = ::getaddrinfo(host.c_str(), address.c_str() + colon + 1, &wanted, &first);
  if (error != 0) throw std::runtime_error(address + ": " + ::gai_strerror(error));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> all(first, &::freeaddrinfo);
  for (const addrinfo* found = first;; found = found->ai_next) {
    Place place;
    std::memcpy(&place.address, found->ai_addr, found->ai_addrlen);
    place.size = found->ai_addrlen;
    place.name = address;
    // "localhost" is mostly two addresses, and a server listens on one.
    try {
      (void)connect_to(place);
      return place;
    } catch (const std::runtime_error&) {
      if (found->ai_next == nullptr) throw;
    }
  }
}

Fd begin_to_connect(const Place& place) {
  Fd fd = open_socket(place, SOCK_NONBLOCK);
  // A refusal at once is read from the socket like one that comes later.
  (void)connect(fd, place);
  return fd;
}

}  // namespace mesh::load
