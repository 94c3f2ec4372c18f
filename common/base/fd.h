// A file descriptor that closes itself; -1 is none. One thread at a time.
// A std::unique_ptr holds no int; libbase's unique_fd and folly::File come with their libraries.
#pragma once

#include <unistd.h>

#include <utility>

namespace mesh {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  // What was held goes to `other`, which closes it when it ends.
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() { close(); }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_ = -1;
};

}  // namespace mesh
