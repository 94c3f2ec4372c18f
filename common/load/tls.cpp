#include "common/load/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <stdexcept>

#include "common/base/public_key_pin.h"

namespace mesh::load {
namespace {

// What stands in the first error, which is the cause of the others.
std::string first_error(const char* otherwise) {
  const unsigned long code = ERR_peek_error();
  const char* text = code == 0 ? nullptr : ERR_reason_error_string(code);
  return text == nullptr ? otherwise : text;
}

// In place of the whole verification.
int is_pinned(X509_STORE_CTX* asked, void* pin) {
  X509* const certificate = X509_STORE_CTX_get0_cert(asked);
  if (certificate && public_key_pin(certificate) == *static_cast<const std::string*>(pin)) return 1;
  X509_STORE_CTX_set_error(asked, X509_V_ERR_CERT_REJECTED);
  return 0;
}

// Numbers are compared with the addresses of a certificate, anything else with its names.
bool expect_name(SSL* ssl, const std::string& host) {
  if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str()) == 1) return true;
  return SSL_set1_host(ssl, host.c_str()) == 1 && SSL_set_tlsext_host_name(ssl, host.c_str()) == 1;
}

}  // namespace

Tls::Tls(TlsOptions options)
    : options_(std::move(options)), context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free) {
  SSL_CTX* const context = context_.get();
  if (context == nullptr) throw std::runtime_error("TLS cannot be used");
  ERR_clear_error();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
  // What is written goes on from where it was left, from wherever it then stands.
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  const bool anybody = options_.skip_verify && options_.pinned_key.empty();
  SSL_CTX_set_verify(context, anybody ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nullptr);
  if (!options_.pinned_key.empty()) {
    SSL_CTX_set_cert_verify_callback(context, is_pinned,
                                     const_cast<std::string*>(&options_.pinned_key));
  }
  const bool trusts = options_.ca_file.empty()
                          ? SSL_CTX_set_default_verify_paths(context) == 1
                          : SSL_CTX_load_verify_file(context, options_.ca_file.c_str()) == 1;
  if (!trusts) {
    throw std::runtime_error("the file of authorities " + options_.ca_file +
                             " cannot be used: " + first_error("unknown"));
  }
  if (options_.cert_file.empty()) return;
  if (SSL_CTX_use_certificate_chain_file(context, options_.cert_file.c_str()) != 1 ||
      SSL_CTX_use_PrivateKey_file(context, options_.key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    throw std::runtime_error("the client's certificate " + options_.cert_file + " and key " +
                             options_.key_file + " cannot be used: " + first_error("unknown"));
  }
}

std::unique_ptr<ssl_st, void (*)(ssl_st*)> Tls::connect() const {
  std::unique_ptr<ssl_st, void (*)(ssl_st*)> ssl(SSL_new(context_.get()), SSL_free);
  if (!ssl || !expect_name(ssl.get(), options_.host))
    throw std::runtime_error("TLS cannot be used");
  SSL_set_connect_state(ssl.get());
  return ssl;
}

std::string Tls::reason(const ssl_st* ssl) const {
  const long verdict = SSL_get_verify_result(ssl);
  if (verdict == X509_V_ERR_CERT_REJECTED) {
    return "it is not the server that it was: its public key is another one";
  }
  if (options_.skip_verify || verdict == X509_V_OK) {
    return "no TLS: " + first_error("the server ended the connection");
  }
  const std::string advice =
      options_.ca_setting.empty() ? "" : "; name its authority with " + options_.ca_setting;
  return std::string("its certificate is not accepted (") + X509_verify_cert_error_string(verdict) +
         ")" + advice;
}

}  // namespace mesh::load
