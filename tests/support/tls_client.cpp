#include "tests/support/tls_client.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "common/base/free_with.h"

namespace mesh::test {
namespace {

using Bio = std::unique_ptr<BIO, FreeWith<BIO_free>>;
using X509Ptr = std::unique_ptr<X509, FreeWith<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;

Bio reader(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

}  // namespace

TlsClient::TlsClient(const std::string& address, TlsClientOptions options)
    : fd_(connect_to(address)), context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free) {
  SSL_CTX* context = context_.get();
  if (!options.ca.empty()) {
    const X509Ptr ca(PEM_read_bio_X509(reader(options.ca).get(), nullptr, nullptr, nullptr));
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), ca.get());
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  }
  if (!options.certificate.empty()) {
    const Bio chain = reader(options.certificate);
    const X509Ptr own(PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr));
    const KeyPtr key(PEM_read_bio_PrivateKey(reader(options.key).get(), nullptr, nullptr, nullptr));
    SSL_CTX_use_certificate(context, own.get());
    SSL_CTX_use_PrivateKey(context, key.get());
    // The chain is one of the certificate that was taken last.
    while (const X509Ptr next{PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr)}) {
      SSL_CTX_add1_chain_cert(context, next.get());
    }
    ERR_clear_error();
  }
  if (options.only_1_2) SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
  ssl_.reset(SSL_new(context), SSL_free);
  if (!options.protocol.empty()) {
    const std::string list = static_cast<char>(options.protocol.size()) + options.protocol;
    SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(list.data()),
                        static_cast<unsigned>(list.size()));
  }
  if (options.resume) SSL_set_session(ssl_.get(), options.resume.get());
  SSL_set_fd(ssl_.get(), fd_);
  SSL_set_connect_state(ssl_.get());
}

TlsClient::~TlsClient() { close(false); }

void TlsClient::note_failure(int result) {
  const int code = SSL_get_error(ssl_.get(), result);
  const unsigned long error = ERR_peek_error();
  if (code == SSL_ERROR_ZERO_RETURN) {
    failure_ = "close_notify";
  } else if (error != 0) {
    const char* reason = ERR_reason_error_string(error);
    failure_ = reason == nullptr ? "?" : reason;
    if (failure_.find("unexpected eof") != failure_.npos) failure_ = "end";
  } else {
    failure_ = errno == ECONNRESET ? "reset" : errno == 0 ? "end" : std::strerror(errno);
  }
}

bool TlsClient::shake_hands() {
  ERR_clear_error();
  errno = 0;
  const int result = SSL_do_handshake(ssl_.get());
  if (result != 1) note_failure(result);
  return result == 1;
}

bool TlsClient::send(std::string_view bytes) {
  ERR_clear_error();
  errno = 0;
  std::size_t sent = 0;
  // SSL_MODE_AUTO_RETRY, and a socket that blocks: all or nothing.
  const int result = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &sent);
  if (result != 1) note_failure(result);
  return result == 1;
}

std::string TlsClient::sealed_by(const std::function<void()>& write) {
  BIO* const memory = BIO_new(BIO_s_mem());
  SSL_set0_wbio(ssl_.get(), memory);
  write();
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(memory, &bytes);
  std::string records(bytes, static_cast<std::size_t>(size));
  BIO* const socket = SSL_get_rbio(ssl_.get());
  BIO_up_ref(socket);
  SSL_set0_wbio(ssl_.get(), socket);
  return records;
}

std::string TlsClient::seal(std::string_view bytes) {
  return sealed_by([&] { send(bytes); });
}

std::string TlsClient::seal_key_updates(int times) {
  return sealed_by([&] {
    for (int i = 0; i < times; ++i) {
      SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_NOT_REQUESTED);
      SSL_do_handshake(ssl_.get());
    }
  });
}

bool TlsClient::send_sealed(std::string_view records) {
  while (!records.empty()) {
    const auto n = ::send(fd_, records.data(), records.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    records.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

bool TlsClient::receive() {
  char bytes[16384];
  std::size_t n = 0;
  ERR_clear_error();
  errno = 0;
  const int result = SSL_read_ex(ssl_.get(), bytes, sizeof bytes, &n);
  if (result != 1) {
    note_failure(result);
    return false;
  }
  buffer_.append(bytes, n);
  return true;
}

Answer TlsClient::read() {
  AnswerParser parser;
  Answer answer;
  while (true) {
    const auto outcome = parser.next(buffer_, false, answer);
    if (outcome == AnswerParser::Outcome::answer) return answer;
    if (outcome == AnswerParser::Outcome::malformed) throw std::runtime_error(parser.why());
    if (!receive()) return {};
  }
}

std::string TlsClient::read_until(std::string_view mark) {
  while (true) {
    if (const auto at = buffer_.find(mark); at != std::string::npos) {
      auto text = buffer_.substr(0, at + mark.size());
      buffer_.erase(0, text.size());
      return text;
    }
    if (!receive()) return {};
  }
}

Answer TlsClient::ask(std::string_view request) {
  send(request);
  return read();
}

std::string TlsClient::ending() {
  if (!buffer_.empty() || receive()) return "sent: " + buffer_;
  return failure_;
}

std::string TlsClient::protocol() const {
  const unsigned char* chosen = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &chosen, &size);
  return {reinterpret_cast<const char*>(chosen), size};
}

std::string TlsClient::version() const { return SSL_get_version(ssl_.get()); }
bool TlsClient::resumed() const { return SSL_session_reused(ssl_.get()) == 1; }
std::shared_ptr<ssl_session_st> TlsClient::session() const {
  return {SSL_get1_session(ssl_.get()), SSL_SESSION_free};
}

void TlsClient::close(bool orderly) {
  if (fd_ < 0) return;
  if (orderly) SSL_shutdown(ssl_.get());
  ::close(std::exchange(fd_, -1));
}

}  // namespace mesh::test
