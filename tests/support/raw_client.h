// A client that sends exactly the bytes it is told to and accepts only well-formed answers.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/json.h"

namespace mesh::test {

// A blocking socket to "127.0.0.1:port" with TCP_NODELAY; it sends and receives for 30 s at most.
// Throws std::runtime_error.
int connect_to(const std::string& address, int receive_buffer = 0);

struct Answer {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  bool closes = false;  // carries Connection: close

  std::string header(std::string_view name) const;  // "" where it is missing
  int count(std::string_view name) const;
  Json json() const { return Json::parse(body, nullptr, false); }
};

// Takes whole answers from the front of a stream of bytes, interim ones (1xx) too.
class AnswerParser {
 public:
  enum class Outcome { answer, more, malformed };
  // `to_head`: the answer has no body whatever its length says. After `malformed`, why() says what
  // is wrong.
  Outcome next(std::string& buffer, bool to_head, Answer& answer);
  const std::string& why() const { return why_; }

 private:
  Outcome bad(std::string why);
  Outcome read_head(std::string_view head, Answer& answer);
  std::string why_;
};

// A connection; a test that would hang fails instead, after 30 s.
class RawClient {
 public:
  explicit RawClient(const std::string& address, int receive_buffer = 0);
  RawClient(RawClient&& other) noexcept;
  RawClient& operator=(RawClient&& other) noexcept;
  ~RawClient();
  bool connected() const { return fd_ >= 0; }
  int fd() const { return fd_; }

  // Waits until all is sent; a server that has closed already is told by what is read next.
  void send(std::string_view bytes);
  // As much as goes without waiting; how much that was.
  std::size_t push(std::string_view bytes);
  // The next answer; status 0 where the connection ended first. `to_head`: it has no body. Throws
  // std::runtime_error for what is no answer.
  Answer read(bool to_head = false);
  Answer ask(std::string_view request);
  // All that comes up to `mark`, and it; "" where the connection ended or nothing more came first.
  std::string read_until(std::string_view mark);
  // Waits for the server's end; false where it sent something instead, or nothing for long.
  bool closed_by_server();
  // After an end: whether it came as a reset, which loses what was on its way.
  bool was_reset() const { return reset_; }

  // Sends `bytes` while it reads, until `answers` answers have come, the server ended the
  // connection or patience is at its end. heads[i]: the i-th request is a HEAD.
  struct Received {
    std::vector<Answer> answers;  // final ones
    std::string bytes;            // all that came
    bool ended = false;           // by the server
    bool impatient = false;       // nothing more came
    std::string malformed;        // why, where an answer was not well-formed
  };
  Received exchange(std::string_view bytes, const std::vector<bool>& heads);
  // Sends all, says that no more will come, and reads to the end of the connection.
  Received exchange_to_end(std::string_view bytes);

  void finish_sending();
  void leave();  // with a reset, which the server sees at once
  void close();

 private:
  Received run(std::string_view bytes, const std::vector<bool>* heads);
  bool receive();

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

}  // namespace mesh::test
