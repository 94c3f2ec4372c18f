#include "tests/support/raw_client.h"

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

namespace mesh::test {
namespace {

constexpr int kPatienceSeconds = 30;

[[noreturn]] void give_up(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

}  // namespace

int connect_to(const std::string& address, int receive_buffer) {
  const auto colon = address.rfind(':');
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1))));
  if (::inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr) != 1) {
    throw std::runtime_error("not an IPv4 address: " + address);
  }
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) give_up("socket");
  const int on = 1;
  const timeval patience{kPatienceSeconds, 0};
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (receive_buffer > 0) {
    ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  }
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    const int error = errno;
    ::close(fd);
    errno = error;
    give_up("cannot connect to " + address);
  }
  return fd;
}

std::string Answer::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (http::equal_ignore_case(key, name)) return value;
  }
  return {};
}

int Answer::count(std::string_view name) const {
  return static_cast<int>(std::ranges::count_if(
      headers, [&](const auto& field) { return http::equal_ignore_case(field.first, name); }));
}

AnswerParser::Outcome AnswerParser::bad(std::string why) {
  why_ = std::move(why);
  return Outcome::malformed;
}

AnswerParser::Outcome AnswerParser::read_head(std::string_view head, Answer& answer) {
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

AnswerParser::Outcome AnswerParser::next(std::string& buffer, bool to_head, Answer& answer) {
  const auto end = buffer.find("\r\n\r\n");
  if (end == std::string::npos) {
    return buffer.size() > 65536 ? bad("a head without an end") : Outcome::more;
  }
  answer = {};
  if (read_head(std::string_view(buffer).substr(0, end), answer) == Outcome::malformed) {
    return Outcome::malformed;
  }
  const bool bodiless = answer.status < 200 || answer.status == 204 || answer.status == 304;
  std::size_t size = 0;
  if (!bodiless) {
    const auto length = answer.header("Content-Length");
    const auto [stop, error] = std::from_chars(length.data(), length.data() + length.size(), size);
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

RawClient::RawClient(const std::string& address, int receive_buffer)
    : fd_(connect_to(address, receive_buffer)) {}

RawClient::RawClient(RawClient&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      buffer_(std::move(other.buffer_)),
      impatient_(other.impatient_),
      reset_(other.reset_) {}

RawClient& RawClient::operator=(RawClient&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(buffer_, other.buffer_);
  std::swap(impatient_, other.impatient_);
  std::swap(reset_, other.reset_);
  return *this;
}

RawClient::~RawClient() { close(); }

void RawClient::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

void RawClient::leave() {
  const linger at_once{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close();
}

void RawClient::finish_sending() { ::shutdown(fd_, SHUT_WR); }

std::size_t RawClient::push(std::string_view bytes) {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const auto n =
        ::send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n <= 0) break;
    sent += static_cast<std::size_t>(n);
  }
  return sent;
}

void RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

bool RawClient::receive() {
  char bytes[16384];
  const auto n = ::recv(fd_, bytes, sizeof bytes, 0);
  impatient_ = n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
  reset_ = n < 0 && errno == ECONNRESET;
  if (n <= 0) return false;
  buffer_.append(bytes, static_cast<std::size_t>(n));
  return true;
}

Answer RawClient::read(bool to_head) {
  AnswerParser parser;
  Answer answer;
  while (true) {
    const auto outcome = parser.next(buffer_, to_head, answer);
    if (outcome == AnswerParser::Outcome::answer) return answer;
    if (outcome == AnswerParser::Outcome::malformed) throw std::runtime_error(parser.why());
    if (!receive()) return {};
  }
}

std::string RawClient::read_until(std::string_view mark) {
  while (true) {
    if (const auto at = buffer_.find(mark); at != std::string::npos) {
      auto text = buffer_.substr(0, at + mark.size());
      buffer_.erase(0, text.size());
      return text;
    }
    if (!receive()) return {};
  }
}

Answer RawClient::ask(std::string_view request) {
  send(request);
  return read();
}

bool RawClient::closed_by_server() { return buffer_.empty() && !receive() && !impatient_; }

RawClient::Received RawClient::exchange(std::string_view bytes, const std::vector<bool>& heads) {
  return run(bytes, &heads);
}

RawClient::Received RawClient::exchange_to_end(std::string_view bytes) {
  return run(bytes, nullptr);
}

RawClient::Received RawClient::run(std::string_view bytes, const std::vector<bool>* heads) {
  Received out;
  AnswerParser parser;
  bool sending = true, rest_is_body = false;
  while (true) {
    Answer answer;
    while (!rest_is_body && (heads == nullptr || out.answers.size() < heads->size())) {
      const bool to_head = heads != nullptr && (*heads)[out.answers.size()];
      const auto outcome = parser.next(buffer_, to_head, answer);
      if (outcome == AnswerParser::Outcome::more) break;
      if (outcome == AnswerParser::Outcome::malformed) {
        out.malformed = parser.why();
        return out;
      }
      if (answer.status < 200) continue;
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
    const int n = ::poll(&ready, 1, kPatienceSeconds * 1000);
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

}  // namespace mesh::test
