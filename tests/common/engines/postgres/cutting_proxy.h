// Stands between a store and its server, and cuts the connection when a commit was passed on: the
// server commits, and its answer is lost.
#pragma once

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <iterator>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>

#include "common/base/fd.h"

namespace mesh::postgres {

class CuttingProxy {
 public:
  explicit CuttingProxy(int server_port) : server_port_(server_port) {
    listener_ = Fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof(address);
    auto* at = reinterpret_cast<sockaddr*>(&address);
    if (bind(listener_.get(), at, size) != 0 || listen(listener_.get(), 64) != 0 ||
        getsockname(listener_.get(), at, &size) != 0) {
      throw std::runtime_error("no listener");
    }
    port_ = ntohs(address.sin_port);
    accepting_ = std::thread([this] { accept_all(); });
  }
  ~CuttingProxy() {
    stopping_ = true;
    accepting_.join();
    for (auto& thread : threads_) thread.join();
  }
  int port() const { return port_; }
  // The next so many commits.
  void cut(int commits) { cuts_ = commits; }
  int cuts_left() const { return cuts_; }
  // From now on connections end as soon as they are made.
  void refuse(bool on) { refusing_ = on; }

 private:
  static sockaddr_in loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    return address;
  }
  static bool readable(int fd) {
    pollfd ready{fd, POLLIN, 0};
    return poll(&ready, 1, 20) > 0;
  }
  void accept_all() {
    while (!stopping_) {
      if (!readable(listener_.get())) continue;
      Fd client(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (refusing_) continue;
      Fd server(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      const sockaddr_in address = loopback(server_port_);
      if (connect(server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) !=
          0) {
        continue;
      }
      threads_.emplace_back([this, client = std::move(client), server = std::move(server)] {
        while (!stopping_ && pass(client.get(), server.get())) {
        }
      });
    }
  }
  // False once either has closed, or is to be cut.
  bool pass(int client, int server) {
    pollfd ready[] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
    if (poll(ready, std::size(ready), 20) <= 0) return true;
    char bytes[65'536];
    if (ready[0].revents != 0) {
      const auto count = recv(client, bytes, sizeof(bytes), 0);
      if (count <= 0 || send(server, bytes, static_cast<std::size_t>(count), MSG_NOSIGNAL) < 0) {
        return false;
      }
      const std::string_view said(bytes, static_cast<std::size_t>(count));
      if (said.find("COMMIT") != std::string_view::npos && cuts_ > 0) {
        --cuts_;
        recv(server, bytes, sizeof(bytes), 0);  // the answer, which nobody gets
        return false;
      }
    }
    if (ready[1].revents == 0) return true;
    const auto count = recv(server, bytes, sizeof(bytes), 0);
    return count > 0 && send(client, bytes, static_cast<std::size_t>(count), MSG_NOSIGNAL) >= 0;
  }

  const int server_port_;
  Fd listener_;
  int port_ = 0;
  std::atomic<bool> stopping_{false}, refusing_{false};
  std::atomic<int> cuts_{0};
  std::vector<std::thread> threads_;  // the accepting thread's
  std::thread accepting_;             // last: it uses all of the above
};

}  // namespace mesh::postgres
