// The bytes of one connection: as the socket has them, or in TLS.
//
// So that all above is one mechanism: a TLS handshake is a read that brings no bytes yet. BIO pairs
// would copy everything once more, and Boost.Asio's SSL streams come with its own loop.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/fd.h"
#include "common/domain/client_certificate.h"
#include "common/http/tls.h"

namespace mesh::http {

// Over a socket that does not block. One thread.
class Stream {
 public:
  enum class Outcome {
    moved,    // some bytes
    blocked,  // none now; the socket's next event may change that
    ended,    // the peer sends no more
    plain,    // it does not speak TLS but HTTP, and from now on the stream is plain
    refused,  // the handshake failed: failure() says why, and the peer has been told
    failed,   // the connection is of no use any more
  };
  struct Moved {
    Outcome outcome = Outcome::moved;
    std::size_t bytes = 0;
    bool emptied = false;  // nothing more has come by now
  };

  // Plain where `tls` is null.
  Stream(Fd fd, const std::shared_ptr<const TlsContext>& tls, bool for_operators);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  int fd() const { return fd_.get(); }
  Moved read(char* into, std::size_t size);
  // A read that was blocked goes on when the socket has room.
  bool read_needs_room() const;
  // Never `ended`, `plain` or `refused`. What is not taken must be what the next write begins with.
  Moved write(std::string_view bytes);
  // A few bytes that nothing depends on. False where they leave the stream of no use.
  bool mention(std::string_view bytes);
  // Whether something has come. Of TLS the beginning of a record, once it was read, is nothing yet:
  // whoever sends no more of it is as idle as who sends nothing.
  bool has_input() const;
  // Says that no more will be sent: close_notify, and the end of the socket's own.
  void finish();
  // Reads and forgets what comes after that, deciphered or not.
  Moved drop(char* into, std::size_t size);
  // With close_notify where there was no finish().
  void close();

  // Whether a handshake with `now` would take the client, too; asked anew where `now` is another
  // one than the last that did. Once something was read; a plain one takes everybody.
  bool still_taken(const std::shared_ptr<const TlsContext>& now);
  // From the first byte that was read on; null where no certificate was presented.
  std::shared_ptr<const ClientCertificate> certificate();
  const std::string& failure() const { return failure_; }

 private:
  struct Tls;
  Moved trouble(int code);
  void notify();

  Fd fd_;
  std::unique_ptr<Tls> tls_;  // null: plain
  std::string failure_;
};

}  // namespace mesh::http
