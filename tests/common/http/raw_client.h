// A client that sends exactly the bytes it is told to, and reads whole answers.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/json.h"
#include "common/base/strings.h"

namespace mesh::http {

struct Reply {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;

  std::string header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
      if (to_lower(key) == to_lower(name)) return value;
    }
    return {};
  }
  Json json() const { return Json::parse(body, nullptr, false); }
};

class RawClient {
 public:
  explicit RawClient(const std::string& address, int receive_buffer = 0) {
    const auto colon = address.rfind(':');
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1))));
    ::inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr);
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const timeval patience{30, 0};  // a test that would hang fails instead
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (receive_buffer > 0) {
      ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    }
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
      ::close(fd_);
      throw std::runtime_error("cannot connect to " + address);
    }
  }
  RawClient(RawClient&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), buffer_(std::move(other.buffer_)) {}
  ~RawClient() {
    if (fd_ >= 0) ::close(fd_);
  }

  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return;  // the server may have closed already; read() will tell
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  void finish_sending() { ::shutdown(fd_, SHUT_WR); }
  // Leaves with a reset, which the server sees at once.
  void leave() {
    const linger at_once{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    ::close(std::exchange(fd_, -1));
  }

  // The next answer; status 0 where the connection ended first. `to_head`: it has no body.
  Reply read(bool to_head = false) {
    std::size_t end = 0;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!receive()) return {};
    }
    Reply reply;
    for (const auto& line : split(buffer_.substr(0, end), '\n')) {
      const auto text = std::string(trim(line));
      const auto colon = text.find(": ");
      if (reply.status == 0) {
        reply.status = std::stoi(text.substr(9, 3));
      } else if (colon != std::string::npos) {
        reply.headers.emplace_back(text.substr(0, colon), text.substr(colon + 2));
      }
    }
    buffer_.erase(0, end + 4);
    const auto length = reply.header("Content-Length");
    const std::size_t size = length.empty() || to_head ? 0 : std::stoul(length);
    while (buffer_.size() < size) {
      if (!receive()) return {};
    }
    reply.body = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return reply;
  }
  Reply ask(std::string_view request) {
    send(request);
    return read();
  }
  // Waits for the server's end; false where it sent something instead, or nothing for long.
  bool closed_by_server() { return buffer_.empty() && !receive() && !impatient_; }
  // After an end: whether it came as a reset, which loses what was on its way.
  bool was_reset() const { return reset_; }

 private:
  bool receive() {
    char bytes[16384];
    const auto n = ::recv(fd_, bytes, sizeof bytes, 0);
    impatient_ = n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    reset_ = n < 0 && errno == ECONNRESET;
    if (n <= 0) return false;
    buffer_.append(bytes, static_cast<std::size_t>(n));
    return true;
  }

  int fd_ = -1;
  std::string buffer_;
  bool impatient_ = false;
  bool reset_ = false;
};

inline std::string get(std::string_view path, std::string_view headers = "") {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: t\r\n" + std::string(headers) + "\r\n";
}

inline std::string post(std::string_view path, std::string_view body,
                        std::string_view headers = "Content-Type: application/json\r\n") {
  return "POST " + std::string(path) + " HTTP/1.1\r\nHost: t\r\n" + std::string(headers) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

}  // namespace mesh::http
