// A connection for what a measurement does beside its load: probes, single requests.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tests/support/raw_client.h"

namespace mesh::load {

class Connection {
 public:
  explicit Connection(std::string address) : address_(std::move(address)) {}

  struct Answer {
    int status = 0;
    std::string body;
  };
  // Sends a whole request and waits for its answer, at most 30 s. Connects first where it is not;
  // throws std::runtime_error when the server does not answer.
  Answer exchange(std::string_view request);
  void close() { client_.reset(); }

 private:
  std::string address_;
  std::optional<test::RawClient> client_;
};

}  // namespace mesh::load
