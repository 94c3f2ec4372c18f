// TLS of a server: its certificate, and whose certificates it takes of clients.
#pragma once

#include <memory>
#include <string>

#include "common/base/clock.h"
#include "common/base/error.h"

// OpenSSL's, so that no header of ours includes it.
struct ssl_st;
struct ssl_ctx_st;

namespace mesh::http {

// Of a client's certificate. Whatever is presented is verified, or the handshake fails.
enum class ClientAuth {
  none,      // none is asked for
  optional,  // one may be presented
  require,   // the handshake fails without one
};

struct TlsOptions {
  struct Pem {
    std::string name;  // of what holds it, for messages: "http.tls.cert_file: \"/etc/…\""
    std::string text;
  };
  Pem certificate;  // the server's, then those that lead to its authority
  Pem key;          // without a pass phrase
  Pem client_ca;    // authorities of clients; used where one of the next two asks for certificates
  ClientAuth client_auth = ClientAuth::none;
  ClientAuth operators_client_auth = ClientAuth::none;  // on listeners for operators
  bool only_1_3 = false;
};

// Constant, any thread. Connections hold the one that they began with.
class TlsContext {
 public:
  // `invalid` for what is no certificate, no key, or not a pair.
  static Result<std::shared_ptr<const TlsContext>> make(const TlsOptions& options);

  // Of the certificate of the chain that expires first.
  Timestamp not_before() const { return not_before_; }
  Timestamp not_after() const { return not_after_; }
  // "sha256//…": the server's public key as libcurl pins it (RFC 7469 §2.4).
  const std::string& public_key_pin() const { return public_key_pin_; }

  // The server's side of a connection; null for want of memory.
  std::unique_ptr<ssl_st, void (*)(ssl_st*)> accept(bool for_operators) const;
  // Whether a handshake of this context would take `client`, too, whose own was of `then`.
  bool takes_over(ssl_st* client, const TlsContext& then, bool for_operators) const;

 private:
  TlsContext() = default;
  ClientAuth auth(bool for_operators) const {
    return for_operators ? operators_client_auth_ : client_auth_;
  }

  std::shared_ptr<ssl_ctx_st> context_;
  std::string client_ca_;  // PEM
  ClientAuth client_auth_ = ClientAuth::none;
  ClientAuth operators_client_auth_ = ClientAuth::none;
  Timestamp not_before_{};
  Timestamp not_after_{};
  std::string public_key_pin_;
};

}  // namespace mesh::http
