#include "tests/bench/load/connection.h"

#include <stdexcept>

namespace mesh::load {

Connection::Answer Connection::exchange(std::string_view request) {
  if (!client_) client_.emplace(address_);
  auto answer = client_->ask(request);
  if (answer.status == 0) throw std::runtime_error("no answer of " + address_);
  if (answer.closes) close();
  return {answer.status, std::move(answer.body)};
}

}  // namespace mesh::load
