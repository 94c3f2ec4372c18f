// The little of HTTP/1.1 that a load generator must read of an answer.
#pragma once

#include <cstddef>
#include <string_view>

namespace mesh::load {

struct AnswerHead {
  enum class State { partial, whole, unreadable };
  State state = State::partial;
  int status = 0;
  std::size_t head_bytes = 0;
  std::size_t body_bytes = 0;
  bool closes = false;  // the server ends the connection after this answer
};

// Reads the head at the start of `bytes`. Only answers with Content-Length, or of statuses without
// a body, are readable: a chunked one is `unreadable`.
AnswerHead read_head(std::string_view bytes);

}  // namespace mesh::load
