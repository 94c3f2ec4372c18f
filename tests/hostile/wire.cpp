#include "tests/hostile/wire.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <stdexcept>

#include "common/http/syntax.h"

namespace mesh::hostile {
namespace {

constexpr int kPatienceMilliseconds = 30'000;

}  // namespace

std::string_view WireAnswer::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (http::equal_ignore_case(key, name)) return value;
  }
  return {};
}

int WireAnswer::count(std::string_view name) const {
  return static_cast<int>(std::ranges::count_if(
      headers, [&](const auto& field) { return http::equal_ignore_case(field.first, name); }));
}

AnswerParser::Outcome AnswerParser::bad(std::string why) {
  why_ = std::move(why);
  return Outcome::malformed;
}

AnswerParser::Outcome AnswerParser::read_head(std::string_view head, WireAnswer& answer) {
  const auto line = head.substr(0, head.find("\r\n"));
  const auto digits = line.substr(std::min<std::size_t>(9, line.size()), 3);
  const auto [stop, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), answer.status);
  if (!line.starts_with("HTTP/1.1 ") || error != std::errc() || stop != digits.data() + 3 ||
      line.size() < 13 || line[12] != ' ' || !http::is_field_value(line)) {
    return bad("no status line: " + std::string(line.substr(0, 200)));
  }
  auto rest = head.substr(line.size());
  while (rest.size() > 2) {
    rest.remove_prefix(2);
    const auto field = rest.substr(0, rest.find("\r\n"));
    const auto colon = field.find(": ");
    if (colon == std::string_view::npos || !http::is_token(field.substr(0, colon)) ||
        !http::is_field_value(field.substr(colon + 2))) {
      return bad("no header field: " + std::string(field.substr(0, 200)));
    }
    answer.headers.emplace_back(field.substr(0, colon), field.substr(colon + 2));
    rest.remove_prefix(field.size());
  }
  return Outcome::answer;
}

AnswerParser::Outcome AnswerParser::next(std::string& buffer, bool to_head, WireAnswer& answer) {
  while (true) {
    const auto end = buffer.find("\r\n\r\n");
    if (end == std::string::npos) {
      return buffer.size() > 65536 ? bad("a head without an end") : Outcome::more;
    }
    answer = {};
    if (read_head(std::string_view(buffer).substr(0, end), answer) == Outcome::malformed) {
      return Outcome::malformed;
    }
    if (answer.status < 200) {
      buffer.erase(0, end + 4);
      continue;
    }
    const bool bodiless = answer.status == 204 || answer.status == 304;
    std::size_t size = 0;
    if (!bodiless) {
      const auto length = answer.header("Content-Length");
      const auto [stop, error] =
          std::from_chars(length.data(), length.data() + length.size(), size);
      if (answer.count("Content-Length") != 1 || error != std::errc() ||
          stop != length.data() + length.size() || answer.count("Transfer-Encoding") != 0) {
        return bad("the length of the body is not said once");
      }
    } else if (answer.count("Content-Length") != 0) {
      return bad("a length where there is no body");
    }
    if (to_head) size = 0;
    if (buffer.size() < end + 4 + size) return Outcome::more;
    answer.body = buffer.substr(end + 4, size);
    answer.closes = http::equal_ignore_case(answer.header("Connection"), "close");
    buffer.erase(0, end + 4 + size);
    return Outcome::answer;
  }
}

Wire::Wire(const std::string& address, int receive_buffer) {
  const auto colon = address.rfind(':');
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1))));
  ::inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr);
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd_ < 0) throw std::runtime_error(std::string("socket: ") + std::strerror(errno));
  if (receive_buffer > 0) {
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  }
  const int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    const std::string why = std::strerror(errno);
    close();
    throw std::runtime_error("cannot connect to " + address + ": " + why);
  }
}

Wire::Wire(Wire&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), buffer_(std::move(other.buffer_)) {}

Wire& Wire::operator=(Wire&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(buffer_, other.buffer_);
  return *this;
}

Wire::~Wire() { close(); }

void Wire::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

void Wire::reset() {
  const linger at_once{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close();
}

void Wire::finish_sending() { ::shutdown(fd_, SHUT_WR); }

std::size_t Wire::push(std::string_view bytes) {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const auto n =
        ::send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n <= 0) break;
    sent += static_cast<std::size_t>(n);
  }
  return sent;
}

Wire::Received Wire::exchange(std::string_view bytes, const std::vector<bool>& heads) {
  return run(bytes, &heads);
}

Wire::Received Wire::exchange_to_end(std::string_view bytes) { return run(bytes, nullptr); }

Wire::Received Wire::run(std::string_view bytes, const std::vector<bool>* heads) {
  Received out;
  AnswerParser parser;
  bool sending = true, rest_is_body = false;
  while (true) {
    WireAnswer answer;
    while (!rest_is_body && (heads == nullptr || out.answers.size() < heads->size())) {
      const bool to_head = heads != nullptr && (*heads)[out.answers.size()];
      const auto outcome = parser.next(buffer_, to_head, answer);
      if (outcome == AnswerParser::Outcome::more) break;
      if (outcome == AnswerParser::Outcome::malformed) {
        out.malformed = parser.why();
        return out;
      }
      out.answers.push_back(std::move(answer));
      if (!out.answers.back().closes) continue;
      heads = nullptr;         // to the end of the connection
      rest_is_body = to_head;  // a request line without an end is not known to be of a HEAD
    }
    if (heads != nullptr && out.answers.size() == heads->size()) return out;
    if (sending) {
      const auto sent = push(bytes);
      bytes.remove_prefix(sent);
      if (bytes.empty()) {
        sending = false;
        if (heads == nullptr) finish_sending();
      }
    }
    pollfd ready{fd_, static_cast<short>(POLLIN | (sending ? POLLOUT : 0)), 0};
    const int n = ::poll(&ready, 1, kPatienceMilliseconds);
    if (n <= 0) {
      if (n < 0 && errno == EINTR) continue;
      out.impatient = true;
      return out;
    }
    if (ready.revents & (POLLERR | POLLHUP)) sending = false;
    if (!(ready.revents & (POLLIN | POLLERR | POLLHUP))) continue;
    char chunk[65536];
    const auto got = ::recv(fd_, chunk, sizeof chunk, MSG_DONTWAIT);
    if (got > 0) {
      buffer_.append(chunk, static_cast<std::size_t>(got));
      out.bytes.append(chunk, static_cast<std::size_t>(got));
    } else if (got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
      out.ended = true;
      if (!buffer_.empty() && !rest_is_body)
        out.malformed = "the answer was cut off: " + buffer_.substr(0, 200);
      return out;
    }
  }
}

}  // namespace mesh::hostile
