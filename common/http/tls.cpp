#include "common/http/tls.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>

#include <ctime>

#include "common/base/free_with.h"
#include "common/base/public_key_pin.h"

namespace mesh::http {
namespace {

using Bio = std::unique_ptr<BIO, FreeWith<BIO_free>>;
using Certificate = std::unique_ptr<X509, FreeWith<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;

constexpr unsigned char kProtocols[] = "\x08http/1.1";

// Before 1.3: forward secrecy and authenticated encryption, nothing else.
constexpr const char* kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";

constexpr long kMostOfCertificates = 16 << 10;

tl::unexpected<Error> refuse(const TlsOptions::Pem& pem, const std::string& what) {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return fail(ErrorKind::invalid, pem.name + " " + what, reason == nullptr ? "" : reason);
}

Bio reader(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

Timestamp time_of(const ASN1_TIME* time) {
  std::tm parts{};
  ASN1_TIME_to_tm(time, &parts);
  return Timestamp(std::chrono::seconds(::timegm(&parts)));
}

Result<std::vector<Certificate>> certificates(const TlsOptions::Pem& pem) {
  const auto bio = reader(pem.text);
  std::vector<Certificate> all;
  ERR_clear_error();
  while (Certificate one{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
    all.push_back(std::move(one));
  }
  // The end of the text is told as an error, too.
  if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
    return refuse(pem, "holds a certificate that cannot be read");
  }
  ERR_clear_error();
  if (all.empty()) return refuse(pem, "holds no PEM certificate (-----BEGIN CERTIFICATE-----)");
  return all;
}

Result<Key> private_key(const TlsOptions::Pem& pem) {
  // Without this OpenSSL would ask for a pass phrase on the terminal.
  const auto no_phrase = [](char*, int, int, void* asked) {
    *static_cast<bool*>(asked) = true;
    return -1;
  };
  bool encrypted = false;
  const auto bio = reader(pem.text);
  ERR_clear_error();
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_phrase, &encrypted));
  if (key) return key;
  return refuse(pem, encrypted ? "holds a key with a pass phrase, which nobody could type in; "
                                 "`openssl pkey -in FILE -out NEW` takes it away"
                               : "holds no PEM private key (-----BEGIN PRIVATE KEY-----)");
}

// Who speaks another protocol alone is refused, so that nothing of it is taken for HTTP/1.1.
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* size,
                    const unsigned char* offered, unsigned int offered_size, void*) {
  unsigned char* found = nullptr;
  if (SSL_select_next_proto(&found, size, kProtocols, sizeof kProtocols - 1, offered,
                            offered_size) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

void set_up(SSL_CTX* context, bool only_1_3) {
  SSL_CTX_set_min_proto_version(context, only_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context, kCiphers);
  // HTTP tells where a message ends, so that an end without close_notify hides nothing.
  SSL_CTX_set_options(
      context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  // An idle connection holds no buffers; what is written may move between two tries.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context, 1);
  // What is held of a client's chain before anybody knows it; OpenSSL's own bound is 100 KiB.
  SSL_CTX_set_max_cert_list(context, kMostOfCertificates);
  // Sessions are resumed by tickets alone: nothing is kept here.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
}

Status use_client_ca(SSL_CTX* context, const TlsOptions::Pem& pem) {
  for (const auto& authority : MESH_TRY(certificates(pem))) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority.get());
    SSL_CTX_add_client_CA(context, authority.get());  // told to clients that have several
  }
  return {};
}

int verify_mode(ClientAuth auth) {
  if (auth == ClientAuth::none) return SSL_VERIFY_NONE;
  return SSL_VERIFY_PEER | (auth == ClientAuth::require ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0);
}

}  // namespace

Result<std::shared_ptr<const TlsContext>> TlsContext::make(const TlsOptions& options) {
  std::shared_ptr<TlsContext> made(new TlsContext);
  made->context_.reset(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  SSL_CTX* context = made->context_.get();
  if (context == nullptr) return fail(ErrorKind::internal, "TLS cannot be used", "SSL_CTX_new");
  set_up(context, options.only_1_3);

  const auto chain = MESH_TRY(certificates(options.certificate));
  const auto key = MESH_TRY(private_key(options.key));
  ERR_clear_error();
  if (SSL_CTX_use_certificate(context, chain.front().get()) != 1) {
    return refuse(options.certificate, "holds a certificate that cannot be used");
  }
  for (std::size_t i = 1; i < chain.size(); ++i) SSL_CTX_add1_chain_cert(context, chain[i].get());
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1) {
    return refuse(options.key,
                  "is not the key of the first certificate of " + options.certificate.name);
  }
  made->client_auth_ = options.client_auth;
  made->operators_client_auth_ = options.operators_client_auth;
  if (options.client_auth != ClientAuth::none ||
      options.operators_client_auth != ClientAuth::none) {
    MESH_TRY(use_client_ca(context, options.client_ca));
    made->client_ca_ = options.client_ca.text;
  }
  const auto first = std::ranges::min_element(
      chain, {}, [](const auto& one) { return time_of(X509_get0_notAfter(one.get())); });
  made->not_before_ = time_of(X509_get0_notBefore(first->get()));
  made->not_after_ = time_of(X509_get0_notAfter(first->get()));
  made->public_key_pin_ = mesh::public_key_pin(chain.front().get());
  return made;
}

std::unique_ptr<ssl_st, void (*)(ssl_st*)> TlsContext::accept(bool for_operators) const {
  std::unique_ptr<ssl_st, void (*)(ssl_st*)> ssl(SSL_new(context_.get()), SSL_free);
  if (!ssl) return ssl;
  const auto asked = auth(for_operators);
  SSL_set_verify(ssl.get(), verify_mode(asked), nullptr);
  // A session is resumed only where as much is asked of clients as where it began, or one without a
  // certificate would be continued where one is required.
  const auto id = static_cast<unsigned char>(asked);
  SSL_set_session_id_context(ssl.get(), &id, 1);
  SSL_set_accept_state(ssl.get());
  return ssl;
}

bool TlsContext::takes_over(ssl_st* client, const TlsContext& then, bool for_operators) const {
  const auto asked = auth(for_operators);
  if (asked == then.auth(for_operators) && client_ca_ == then.client_ca_) return true;
  const Certificate certificate(SSL_get1_peer_certificate(client));
  if (!certificate) return asked != ClientAuth::require;
  if (asked == ClientAuth::none) return false;
  // A ticket holds no chain: behind an authority in between who resumed has to connect anew.
  const std::unique_ptr<X509_STORE_CTX, FreeWith<X509_STORE_CTX_free>> verified(
      X509_STORE_CTX_new());
  if (!verified || X509_STORE_CTX_init(verified.get(), SSL_CTX_get_cert_store(context_.get()),
                                       certificate.get(), SSL_get_peer_cert_chain(client)) != 1) {
    return false;
  }
  X509_STORE_CTX_set_default(verified.get(), "ssl_client");
  X509_VERIFY_PARAM_set_auth_level(X509_STORE_CTX_get0_param(verified.get()),
                                   SSL_get_security_level(client));
  return X509_verify_cert(verified.get()) == 1;
}

}  // namespace mesh::http
