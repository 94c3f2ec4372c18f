#include "common/http/stream.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <cerrno>
#include <ctime>

#include "common/base/free_with.h"

namespace mesh::http {
namespace {

using Outcome = Stream::Outcome;

// Records without data, one after another, of an established connection (Go's crypto/tls bears as
// many). OpenSSL would go on within one read for as long as new keys come, and hold up the loop.
constexpr int kMostWithoutData = 16;

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK; }

ssize_t receive(int fd, void* into, std::size_t size, int flags = 0) {
  ssize_t n = -1;
  do {
    n = ::recv(fd, into, size, flags);
  } while (n < 0 && errno == EINTR);
  return n;
}

ssize_t transmit(int fd, const void* bytes, std::size_t size) {
  ssize_t n = -1;
  do {
    n = ::send(fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (n < 0 && errno == EINTR);
  return n;
}

Stream::Moved moved(ssize_t n, std::size_t size) {
  if (n > 0)
    return {Outcome::moved, static_cast<std::size_t>(n), static_cast<std::size_t>(n) < size};
  if (n == 0) return {Outcome::ended};
  return {would_block() ? Outcome::blocked : Outcome::failed};
}

// "" where it has bytes that are not printable ASCII.
std::string name_of(const ASN1_STRING* name) {
  unsigned char* bytes = nullptr;
  const int size = ASN1_STRING_to_UTF8(&bytes, name);
  if (size < 0) return {};
  std::string text(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  const bool printable = std::ranges::all_of(text, [](char c) { return c >= ' ' && c < 0x7f; });
  return printable ? text : std::string();
}

ClientCertificate content_of(X509* certificate) {
  ClientCertificate out;
  X509_NAME* subject = X509_get_subject_name(certificate);
  for (int at = -1; (at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0;) {
    out.common_names.push_back(name_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at))));
  }
  const std::unique_ptr<GENERAL_NAMES, FreeWith<GENERAL_NAMES_free>> names(
      static_cast<GENERAL_NAMES*>(
          X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_URI) out.uris.push_back(name_of(name->d.uniformResourceIdentifier));
  }
  std::tm parts{};
  ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &parts);
  out.not_after = Timestamp(std::chrono::seconds(::timegm(&parts)));
  return out;
}

}  // namespace

struct Stream::Tls {
  Tls(int f, std::shared_ptr<const TlsContext> c, bool operators);

  const int fd;
  const bool for_operators;
  std::shared_ptr<const TlsContext> context;  // the last that has taken the client
  bool begun = false;                         // a byte has come
  bool plain = false;                         // and it was of HTTP
  bool ended = false;                         // the socket
  bool emptied = false;     // a look at the socket in the last read took all that it had
  int without_data = 0;     // records since the last data
  bool needs_room = false;  // of the last read
  bool broken = false;      // nothing can be said in TLS any more
  bool looked = false;      // at the certificate of the client
  std::shared_ptr<const ClientCertificate> certificate;
  std::unique_ptr<ssl_st, void (*)(ssl_st*)> ssl;
};

namespace {

// OpenSSL's own BIO for sockets would raise SIGPIPE, and does not tell that it took all there was.
template <typename Tls>
struct SocketBio {
  static int read(BIO* bio, char* into, int size) {
    auto& tls = *static_cast<Tls*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    if (tls.without_data > kMostWithoutData) return -1;
    const ssize_t n = receive(tls.fd, into, static_cast<std::size_t>(size));
    tls.emptied = n < size;
    tls.ended = n == 0;
    if (n < 0 && would_block()) BIO_set_retry_read(bio);
    // A handshake begins with its own type of record, and no method of HTTP begins like that.
    if (n > 0 && !std::exchange(tls.begun, true)) tls.plain = *into >= 'A' && *into <= 'Z';
    return static_cast<int>(n);
  }
  static int write(BIO* bio, const char* bytes, int size) {
    auto& tls = *static_cast<Tls*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    if (tls.plain) return size;  // an alert means nothing to who speaks HTTP
    const ssize_t n = transmit(tls.fd, bytes, static_cast<std::size_t>(size));
    if (n < 0 && would_block()) BIO_set_retry_write(bio);
    return static_cast<int>(n);
  }
  static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }
  static int create(BIO* bio) {
    BIO_set_init(bio, 1);
    return 1;
  }
  static const BIO_METHOD* method() {
    static const std::unique_ptr<BIO_METHOD, FreeWith<BIO_meth_free>> made = [] {
      std::unique_ptr<BIO_METHOD, FreeWith<BIO_meth_free>> m(
          BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket"));
      BIO_meth_set_read(m.get(), read);
      BIO_meth_set_write(m.get(), write);
      BIO_meth_set_ctrl(m.get(), control);
      BIO_meth_set_create(m.get(), create);
      return m;
    }();
    return made.get();
  }
};

template <typename Tls>
void count_record(int is_written, int, int type, const void*, std::size_t, SSL* ssl, void* tls) {
  if (is_written == 0 && type == SSL3_RT_HEADER && SSL_is_init_finished(ssl)) {
    ++static_cast<Tls*>(tls)->without_data;
  }
}

}  // namespace

Stream::Tls::Tls(int f, std::shared_ptr<const TlsContext> c, bool operators)
    : fd(f), for_operators(operators), context(std::move(c)), ssl(context->accept(operators)) {
  BIO* bio = ssl ? BIO_new(SocketBio<Tls>::method()) : nullptr;
  broken = bio == nullptr;
  if (broken) return;
  BIO_set_data(bio, this);
  SSL_set_bio(ssl.get(), bio, bio);
  SSL_set_msg_callback(ssl.get(), count_record<Tls>);
  SSL_set_msg_callback_arg(ssl.get(), this);
}

Stream::Stream(Fd fd, const std::shared_ptr<const TlsContext>& tls, bool for_operators)
    : fd_(std::move(fd)),
      tls_(tls == nullptr ? nullptr : std::make_unique<Tls>(fd_.get(), tls, for_operators)) {}
Stream::~Stream() = default;

Stream::Moved Stream::read(char* into, std::size_t size) {
  if (!tls_) return moved(receive(fd_.get(), into, size), size);
  if (tls_->broken) return {Outcome::failed};
  // A read that is served from what OpenSSL holds does not look at the socket.
  tls_->needs_room = tls_->emptied = false;
  ERR_clear_error();
  std::size_t n = 0;
  const int ok = SSL_read_ex(tls_->ssl.get(), into, size, &n);
  if (tls_->without_data > kMostWithoutData) return {Outcome::failed};
  if (ok == 1) {
    tls_->without_data = 0;
    return {Outcome::moved, n, tls_->emptied && SSL_has_pending(tls_->ssl.get()) == 0};
  }
  const int code = SSL_get_error(tls_->ssl.get(), ok);
  tls_->needs_room = code == SSL_ERROR_WANT_WRITE;
  return trouble(code);
}

bool Stream::read_needs_room() const { return tls_ && tls_->needs_room; }

Stream::Moved Stream::write(std::string_view bytes) {
  if (!tls_) return moved(transmit(fd_.get(), bytes.data(), bytes.size()), bytes.size());
  if (tls_->broken) return {Outcome::failed};
  ERR_clear_error();
  std::size_t n = 0;
  const int ok = SSL_write_ex(tls_->ssl.get(), bytes.data(), bytes.size(), &n);
  if (ok == 1) return {Outcome::moved, n};
  const auto outcome = trouble(SSL_get_error(tls_->ssl.get(), ok)).outcome;
  return {outcome == Outcome::blocked ? Outcome::blocked : Outcome::failed};
}

// Of what OpenSSL did not do.
Stream::Moved Stream::trouble(int code) {
  if (code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE) return {Outcome::blocked};
  if (code == SSL_ERROR_ZERO_RETURN) return {Outcome::ended};
  tls_->broken = true;
  if (tls_->plain) {
    tls_.reset();
    return {Outcome::plain};
  }
  if (tls_->ended) return {Outcome::ended};
  if (code != SSL_ERROR_SSL || SSL_is_init_finished(tls_->ssl.get())) return {Outcome::failed};
  const char* reason = ERR_reason_error_string(ERR_peek_error());
  failure_ = reason == nullptr ? "unknown" : reason;
  if (const long verdict = SSL_get_verify_result(tls_->ssl.get()); verdict != X509_V_OK) {
    failure_ += std::string(": ") + X509_verify_cert_error_string(verdict);
  }
  return {Outcome::refused};
}

bool Stream::mention(std::string_view bytes) {
  const auto outcome = write(bytes).outcome;
  // In TLS what is under way would be taken for the beginning of the next write.
  return outcome == Outcome::moved || !tls_;
}

bool Stream::has_input() const {
  char byte = 0;
  if (tls_ && !tls_->broken && SSL_pending(tls_->ssl.get()) > 0) return true;
  return receive(fd_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

void Stream::notify() {
  if (!tls_ || tls_->broken || !SSL_is_init_finished(tls_->ssl.get())) return;
  ERR_clear_error();
  SSL_shutdown(tls_->ssl.get());
  tls_->broken = true;
}

void Stream::finish() {
  notify();
  ::shutdown(fd_.get(), SHUT_WR);
}

Stream::Moved Stream::drop(char* into, std::size_t size) {
  return moved(receive(fd_.get(), into, size), size);
}

void Stream::close() {
  notify();
  fd_.close();
}

bool Stream::still_taken(const std::shared_ptr<const TlsContext>& now) {
  if (!tls_ || tls_->context == now) return true;
  if (!now->takes_over(tls_->ssl.get(), *tls_->context, tls_->for_operators)) return false;
  tls_->context = now;
  return true;
}

std::shared_ptr<const ClientCertificate> Stream::certificate() {
  if (!tls_) return nullptr;
  if (!std::exchange(tls_->looked, true)) {
    const std::unique_ptr<X509, FreeWith<X509_free>> peer(
        SSL_get1_peer_certificate(tls_->ssl.get()));
    if (peer) tls_->certificate = std::make_shared<const ClientCertificate>(content_of(peer.get()));
  }
  return tls_->certificate;
}

}  // namespace mesh::http
