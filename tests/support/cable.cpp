#include "tests/support/cable.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cerrno>
#include <stdexcept>
#include <vector>

namespace mesh::test {
namespace {

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

void send_at_once(const Fd& fd) {
  const int on = 1;
  setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

// What one side sends and the other has not taken yet.
struct Flow {
  std::string bytes;

  // Reads no more before that is gone, so that whoever sends feels it.
  short wants_from() const { return bytes.empty() ? POLLIN : 0; }
  short wants_to() const { return bytes.empty() ? 0 : POLLOUT; }
  // False once the connection is over.
  bool take(int from) {
    char buffer[64 << 10];
    const auto got = recv(from, buffer, sizeof buffer, MSG_DONTWAIT);
    if (got > 0) bytes.assign(buffer, static_cast<std::size_t>(got));
    return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
  }
  bool give(int to) {
    const auto sent = send(to, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) bytes.erase(0, static_cast<std::size_t>(sent));
    return sent > 0 || errno == EAGAIN || errno == EINTR;
  }
};

}  // namespace

struct Cable::Line {
  Fd client, server;
  Flow up = {}, down = {};

  pollfd client_wants() const {
    return {client.get(), static_cast<short>(up.wants_from() | down.wants_to()), 0};
  }
  pollfd server_wants() const {
    return {server.get(), static_cast<short>(down.wants_from() | up.wants_to()), 0};
  }
  // False once either side has closed.
  bool pass(short client_ready, short server_ready) {
    const auto ended = POLLHUP | POLLERR;
    if ((client_ready & (POLLIN | ended)) != 0 && up.bytes.empty() && !up.take(client.get()))
      return false;
    if ((server_ready & (POLLIN | ended)) != 0 && down.bytes.empty() && !down.take(server.get()))
      return false;
    if (!up.bytes.empty() && !up.give(server.get())) return false;
    return down.bytes.empty() || down.give(client.get());
  }
};

Cable::Cable()
    : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)),
      news_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  auto* at = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener_.get(), at, size) != 0 || listen(listener_.get(), 128) != 0 ||
      getsockname(listener_.get(), at, &size) != 0) {
    throw std::runtime_error("cannot listen");
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { run(); });
}

Cable::~Cable() {
  stopping_ = true;
  eventfd_write(news_.get(), 1);
  thread_.join();
}

void Cable::set(State state, int server_port) {
  server_port_ = server_port;
  state_ = state;
  eventfd_write(news_.get(), 1);
}

void Cable::accept_one(std::list<Line>& lines) {
  Fd client(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!client || state_ == State::ended) return;
  Fd server(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = loopback(server_port_);
  if (connect(server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return;
  send_at_once(client);
  send_at_once(server);
  lines.push_back({std::move(client), std::move(server)});
}

void Cable::run() {
  std::list<Line> lines;
  while (!stopping_) {
    const bool passes = state_ == State::plugged;
    if (state_ == State::ended) lines.clear();
    std::vector<pollfd> ready{{news_.get(), POLLIN, 0}};
    if (state_ != State::pulled) ready.push_back({listener_.get(), POLLIN, 0});
    if (passes) {
      for (const Line& line : lines) {
        ready.push_back(line.client_wants());
        ready.push_back(line.server_wants());
      }
    }
    poll(ready.data(), ready.size(), -1);
    eventfd_t ignored;
    if (ready[0].revents != 0) {
      eventfd_read(news_.get(), &ignored);
      continue;
    }
    std::size_t at = 2;
    for (auto line = lines.begin(); passes && line != lines.end(); at += 2) {
      line = line->pass(ready[at].revents, ready[at + 1].revents) ? std::next(line)
                                                                  : lines.erase(line);
    }
    if (ready[1].revents != 0) accept_one(lines);
  }
}

}  // namespace mesh::test
