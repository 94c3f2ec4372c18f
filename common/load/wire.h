// The bytes of one connection of a load: as the socket has them, or in TLS.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/load/tls.h"

namespace mesh::load {

// Does not block, whatever the socket does. One thread.
class Wire {
 public:
  Wire();  // none
  // Plain where `tls` is null, which else must outlive it.
  Wire(Fd fd, const Tls* tls);
  ~Wire();
  Wire(Wire&& other) noexcept;
  Wire& operator=(Wire&& other) noexcept;

  explicit operator bool() const { return static_cast<bool>(fd_); }
  int fd() const { return fd_.get(); }
  // Waits for the handshake, to which read and write else come as to any bytes; nothing to do
  // where it is plain. Throws std::runtime_error with the reason.
  void shake_hands(SteadyTime deadline);
  // As recv and send; EAGAIN where nothing moves now. What a write does not take must be what the
  // next one begins with. After another error the socket is readable, and so says read.
  ssize_t read(char* into, std::size_t size);
  ssize_t write(std::string_view bytes);
  // Whether a write that took less goes on when the socket has room, and not when bytes come.
  bool needs_room() const { return needs_room_; }

 private:
  ssize_t moved(int result, std::size_t bytes);

  Fd fd_;
  const Tls* tls_ = nullptr;
  std::unique_ptr<ssl_st, void (*)(ssl_st*)> ssl_;  // null: plain
  bool needs_room_ = true;
};

}  // namespace mesh::load
