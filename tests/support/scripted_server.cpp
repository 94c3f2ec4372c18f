#include "tests/support/scripted_server.h"

#include "common/base/strings.h"

namespace mesh::test {
namespace {

// Appends what comes; false where nothing more does.
bool receive(int fd, std::string& bytes) {
  char buffer[16 << 10];
  const auto got = ::recv(fd, buffer, sizeof buffer, 0);
  if (got <= 0) return false;
  bytes.append(buffer, static_cast<std::size_t>(got));
  return true;
}

bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

// Takes one request from the front of `bytes`, and receives what is missing.
std::optional<ScriptedRequest> next_request(int fd, std::string& bytes) {
  std::size_t end = 0;
  while ((end = bytes.find("\r\n\r\n")) == std::string::npos) {
    if (!receive(fd, bytes)) return std::nullopt;
  }
  ScriptedRequest request;
  const auto lines = split(bytes.substr(0, end), '\n');
  const auto words = split(lines.at(0), ' ');
  request.method = words.at(0);
  request.target = words.at(1);
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const auto colon = lines[i].find(':');
    request.headers[to_lower(lines[i].substr(0, colon))] = trim(lines[i].substr(colon + 1));
  }
  bytes.erase(0, end + 4);
  // What a client waits for before it sends a large body.
  if (request.headers.contains("expect")) send_all(fd, "HTTP/1.1 100 Continue\r\n\r\n");
  const auto it = request.headers.find("content-length");
  const auto length = it == request.headers.end() ? 0 : parse_int(it->second).value();
  while (bytes.size() < static_cast<std::size_t>(length)) {
    if (!receive(fd, bytes)) return std::nullopt;
  }
  request.body = bytes.substr(0, static_cast<std::size_t>(length));
  bytes.erase(0, static_cast<std::size_t>(length));
  return request;
}

}  // namespace

ScriptedServer::ScriptedServer(Handler handler)
    : handler_(std::move(handler)), acceptor_([this] { accept_all(); }) {}

ScriptedServer::~ScriptedServer() {
  ::shutdown(listener_.fd(), SHUT_RDWR);  // ends the accept
  acceptor_.join();
  for (auto& [fd, thread] : served_) ::shutdown(fd, SHUT_RDWR);
  for (auto& [fd, thread] : served_) {
    thread.join();
    ::close(fd);
  }
}

int ScriptedServer::connections() const {
  std::lock_guard lock(mutex_);
  return static_cast<int>(served_.size());
}

void ScriptedServer::accept_all() {
  while (true) {
    const int fd = ::accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    std::lock_guard lock(mutex_);
    served_.emplace_back(fd, std::thread([this, fd] { serve(fd); }));
  }
}

void ScriptedServer::serve(int fd) {
  std::string bytes;
  while (auto request = next_request(fd, bytes)) {
    const ScriptedAnswer answer = handler_(*request);
    if (answer.silent) continue;
    std::string text = "HTTP/1.1 " + std::to_string(answer.status) + " Scripted\r\n";
    for (const auto& [name, value] : answer.headers) text += name + ": " + value + "\r\n";
    text +=
        "Content-Type: application/json\r\nContent-Length: " + std::to_string(answer.body.size()) +
        "\r\n\r\n";
    text += answer.body.substr(0, answer.cut_after.value_or(answer.body.size()));
    if (!send_all(fd, text) || answer.cut_after) break;
  }
  ::shutdown(fd, SHUT_RDWR);
}

}  // namespace mesh::test
