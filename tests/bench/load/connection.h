// A blocking connection for what a measurement does beside its load: probes, single requests.
#pragma once

#include <string>
#include <string_view>

namespace mesh::load {

// A connected socket to "127.0.0.1:port" with TCP_NODELAY; blocking. Throws std::runtime_error.
int connect_to(const std::string& address);

class Connection {
 public:
  explicit Connection(std::string address) : address_(std::move(address)) {}
  ~Connection();
  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&&) = delete;

  struct Answer {
    int status = 0;
    std::string body;
  };
  // Sends a whole request and waits for its answer, at most 30 s. Connects first where it is not;
  // throws std::runtime_error when the server does not answer.
  Answer exchange(std::string_view request);
  void close();

 private:
  std::string address_;
  int fd_ = -1;
};

}  // namespace mesh::load
