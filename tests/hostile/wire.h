// A client that sends exactly the bytes it is told to and accepts only well-formed answers.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mesh::hostile {

struct WireAnswer {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  bool closes = false;  // carries Connection: close

  std::string_view header(std::string_view name) const;  // "" where it is missing
  int count(std::string_view name) const;
};

// Takes whole answers from the front of a stream of bytes.
class AnswerParser {
 public:
  enum class Outcome { answer, more, malformed };
  // `to_head`: the answer has no body whatever its length says. Interim answers (1xx) are passed
  // over. After `malformed`, why() says what is wrong.
  Outcome next(std::string& buffer, bool to_head, WireAnswer& answer);
  const std::string& why() const { return why_; }

 private:
  Outcome bad(std::string why);
  Outcome read_head(std::string_view head, WireAnswer& answer);
  std::string why_;
};

// A blocking connection; nothing waits longer than its patience.
class Wire {
 public:
  explicit Wire(const std::string& address, int receive_buffer = 0);
  Wire(Wire&& other) noexcept;
  Wire& operator=(Wire&& other) noexcept;
  ~Wire();
  bool connected() const { return fd_ >= 0; }
  int fd() const { return fd_; }

  // Sends `bytes` while it reads, until `answers` answers have come, the server ended the
  // connection or patience is at its end. heads[i]: the i-th request is a HEAD.
  struct Received {
    std::vector<WireAnswer> answers;
    std::string bytes;       // all that came
    bool ended = false;      // by the server
    bool impatient = false;  // nothing more came
    std::string malformed;   // why, where an answer was not well-formed
  };
  Received exchange(std::string_view bytes, const std::vector<bool>& heads);
  // Sends all, says that no more will come, and reads to the end of the connection.
  Received exchange_to_end(std::string_view bytes);

  // As much as goes without waiting; how much that was.
  std::size_t push(std::string_view bytes);
  void finish_sending();
  void reset();  // leaves with an RST
  void close();

 private:
  Received run(std::string_view bytes, const std::vector<bool>* heads);
  int fd_ = -1;
  std::string buffer_;
};

}  // namespace mesh::hostile
