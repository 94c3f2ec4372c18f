#include "tests/bench/load/connection.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>
#include <utility>

#include "tests/bench/load/answer.h"

namespace mesh::load {
namespace {

constexpr timeval kPatience{30, 0};

[[noreturn]] void give_up(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

}  // namespace

int connect_to(const std::string& address) {
  const auto colon = address.rfind(':');
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1))));
  if (inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr) != 1) {
    throw std::runtime_error("not an IPv4 address: " + address);
  }
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) give_up("socket");
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
  if (connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) {
    const int error = errno;
    ::close(fd);
    errno = error;
    give_up("connect to " + address);
  }
  return fd;
}

Connection::~Connection() { close(); }

Connection::Connection(Connection&& other) noexcept
    : address_(std::move(other.address_)), fd_(std::exchange(other.fd_, -1)) {}

void Connection::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

Connection::Answer Connection::exchange(std::string_view request) {
  if (fd_ < 0) fd_ = connect_to(address_);
  for (std::size_t sent = 0; sent < request.size();) {
    const auto n = send(fd_, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) give_up("send to " + address_);
    sent += static_cast<std::size_t>(n);
  }
  std::string bytes;
  char buffer[16384];
  AnswerHead head;
  while (head.state != AnswerHead::State::whole ||
         bytes.size() < head.head_bytes + head.body_bytes) {
    const auto n = recv(fd_, buffer, sizeof buffer, 0);
    if (n == 0) errno = ECONNRESET;
    if (n <= 0) give_up("answer of " + address_);
    bytes.append(buffer, static_cast<std::size_t>(n));
    if (head.state == AnswerHead::State::partial) head = read_head(bytes);
    if (head.state == AnswerHead::State::unreadable) {
      throw std::runtime_error("unreadable answer: " + bytes.substr(0, 200));
    }
  }
  if (head.closes) close();
  return {head.status, bytes.substr(head.head_bytes)};
}

}  // namespace mesh::load
