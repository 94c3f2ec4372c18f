#include "common/load/wire.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <stdexcept>

#include "common/base/free_with.h"
#include "common/base/wait_fd.h"

namespace mesh::load {
namespace {

// OpenSSL's own BIO for sockets would raise SIGPIPE, and block where the socket does.
int read_socket(BIO* bio, char* into, int size) {
  BIO_clear_retry_flags(bio);
  const auto n = ::recv(static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio))), into,
                        static_cast<std::size_t>(size), MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
  return static_cast<int>(n);
}

int write_socket(BIO* bio, const char* bytes, int size) {
  BIO_clear_retry_flags(bio);
  const auto n = ::send(static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio))), bytes,
                        static_cast<std::size_t>(size), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
  return static_cast<int>(n);
}

BIO* socket_bio(int fd) {
  static const std::unique_ptr<BIO_METHOD, FreeWith<BIO_meth_free>> method = [] {
    std::unique_ptr<BIO_METHOD, FreeWith<BIO_meth_free>> made(
        BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "load"));
    BIO_meth_set_read(made.get(), read_socket);
    BIO_meth_set_write(made.get(), write_socket);
    BIO_meth_set_ctrl(made.get(), [](BIO*, int command, long, void*) -> long {
      return command == BIO_CTRL_FLUSH ? 1 : 0;
    });
    return made;
  }();
  BIO* const bio = BIO_new(method.get());
  if (bio == nullptr) throw std::runtime_error("TLS cannot be used");
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(fd)));
  BIO_set_init(bio, 1);
  return bio;
}

}  // namespace

Wire::Wire() : ssl_(nullptr, SSL_free) {}
Wire::Wire(Fd fd, const Tls* tls) : fd_(std::move(fd)), tls_(tls), ssl_(nullptr, SSL_free) {
  if (tls == nullptr) return;
  ssl_ = tls->connect();
  BIO* const bio = socket_bio(fd_.get());
  SSL_set_bio(ssl_.get(), bio, bio);
}
Wire::~Wire() = default;
Wire::Wire(Wire&&) noexcept = default;
Wire& Wire::operator=(Wire&&) noexcept = default;

void Wire::shake_hands(SteadyTime deadline) {
  if (!ssl_) return;
  while (true) {
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_.get());
    if (result == 1) return;
    const int code = SSL_get_error(ssl_.get(), result);
    if (code != SSL_ERROR_WANT_READ && code != SSL_ERROR_WANT_WRITE) {
      throw std::runtime_error(tls_->reason(ssl_.get()));
    }
    if (!wait_fd(fd_.get(), code == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, deadline)) {
      throw std::runtime_error("no TLS handshake in time");
    }
  }
}

ssize_t Wire::read(char* into, std::size_t size) {
  if (!ssl_) return ::recv(fd_.get(), into, size, MSG_DONTWAIT);
  ERR_clear_error();
  std::size_t n = 0;
  const int result = SSL_read_ex(ssl_.get(), into, size, &n);
  return moved(result, n);
}

ssize_t Wire::write(std::string_view bytes) {
  if (!ssl_) return ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  ERR_clear_error();
  std::size_t n = 0;
  const int result = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &n);
  const auto took = moved(result, n);
  if (took < 0 && errno != EAGAIN) ::shutdown(fd_.get(), SHUT_RDWR);
  return took;
}

ssize_t Wire::moved(int result, std::size_t bytes) {
  if (result == 1) return static_cast<ssize_t>(bytes);
  const int code = SSL_get_error(ssl_.get(), result);
  const bool later = code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE;
  needs_room_ = code == SSL_ERROR_WANT_WRITE;
  errno = later ? EAGAIN : EIO;
  return -1;
}

}  // namespace mesh::load
