#include "common/engines/redis/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>

#include <cerrno>
#include <cstring>

#include "common/base/free_with.h"
#include "common/base/wait_fd.h"

namespace mesh::redis {
namespace {

using Context = std::unique_ptr<SSL_CTX, FreeWith<SSL_CTX_free>>;

constexpr const char* kNoTls = "no TLS connection to the Redis server; see redis.url";

std::string last_error() {
  const unsigned long code = ERR_peek_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  if (reason != nullptr) return reason;
  return errno == 0 ? "the server ended the connection" : std::strerror(errno);
}

// Numbers are compared with the addresses of a certificate, anything else with its names.
bool expect_name(SSL* ssl, const std::string& host) {
  if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str()) == 1) return true;
  return SSL_set1_host(ssl, host.c_str()) == 1 && SSL_set_tlsext_host_name(ssl, host.c_str()) == 1;
}

}  // namespace

void Tls::Free::operator()(ssl_st* ssl) const { SSL_free(ssl); }

Result<Tls> Tls::connect(int fd, const ServerOptions& options, const std::string& server,
                         SteadyTime deadline) {
  const auto failed = [&](std::string message, const std::string& cause) {
    return fail(ErrorKind::unavailable, std::move(message), "redis " + server + ": " + cause);
  };
  ERR_clear_error();
  // Made for each connection, so that a file that was renewed counts from the next one on.
  const Context context(SSL_CTX_new(TLS_client_method()));
  if (!context) return failed("TLS cannot be used for Redis", last_error());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION);
  // What waits to be sent may have moved, and grown, by the next try.
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  const bool trusts = options.ca_file.empty()
                          ? SSL_CTX_set_default_verify_paths(context.get()) == 1
                          : SSL_CTX_load_verify_file(context.get(), options.ca_file.c_str()) == 1;
  if (!trusts) return failed("the authorities of redis.ca_file cannot be read", last_error());
  std::unique_ptr<ssl_st, Free> ssl(SSL_new(context.get()));
  if (!ssl || SSL_set_fd(ssl.get(), fd) != 1 || !expect_name(ssl.get(), options.host)) {
    return failed("TLS cannot be used for Redis", last_error());
  }
  while (true) {
    ERR_clear_error();
    errno = 0;
    const int result = SSL_connect(ssl.get());
    if (result == 1) return Tls(std::move(ssl), server);
    const int code = SSL_get_error(ssl.get(), result);
    if (code != SSL_ERROR_WANT_READ && code != SSL_ERROR_WANT_WRITE) break;
    const short event = code == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
    if (!wait_fd(fd, event, deadline)) return failed(kNoTls, "no answer in time");
  }
  const long verdict = SSL_get_verify_result(ssl.get());
  if (verdict != X509_V_OK) {
    return failed("the certificate of the Redis server is not accepted; see redis.ca_file",
                  X509_verify_cert_error_string(verdict));
  }
  return failed(kNoTls, last_error());
}

Result<std::size_t> Tls::moved(int result, std::size_t bytes) const {
  if (result == 1) return bytes;
  const int code = SSL_get_error(ssl_.get(), result);
  if (code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE) return 0;
  return fail(ErrorKind::unavailable, "the connection to the Redis server broke",
              "redis " + server_ + ": " +
                  (code == SSL_ERROR_ZERO_RETURN ? "Server closed the connection" : last_error()));
}

Result<std::size_t> Tls::write(std::string_view bytes) {
  ERR_clear_error();
  errno = 0;
  std::size_t n = 0;
  const int result = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &n);
  return moved(result, n);
}

Result<std::size_t> Tls::read(std::span<char> into) {
  ERR_clear_error();
  errno = 0;
  std::size_t n = 0;
  const int result = SSL_read_ex(ssl_.get(), into.data(), into.size(), &n);
  return moved(result, n);
}

}  // namespace mesh::redis
