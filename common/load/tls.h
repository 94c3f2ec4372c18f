// TLS of a load's connections: whom to believe, and as whom to come.
#pragma once

#include <memory>
#include <string>

// OpenSSL's.
struct ssl_st;
struct ssl_ctx_st;

namespace mesh::load {

// Without any of this but the host the system's authorities and the host's name count.
struct TlsOptions {
  std::string host;                 // whose certificate it has to be: a name, or an address
  std::string ca_file;              // PEM, of the authorities in place of the system's
  std::string ca_setting;           // where a user sets ca_file, for messages: "--ca FILE"
  std::string cert_file, key_file;  // PEM, of the client; empty: none
  // "sha256//…": the server's public key, which then counts in place of authorities and name.
  std::string pinned_key;
  bool skip_verify = false;  // anybody may be the server
};

// Constant; one thread.
class Tls {
 public:
  // Throws std::runtime_error for files that cannot be used.
  explicit Tls(TlsOptions options);
  Tls(const Tls&) = delete;
  Tls& operator=(const Tls&) = delete;

  // The client's side of a connection, without a socket; as long as this.
  std::unique_ptr<ssl_st, void (*)(ssl_st*)> connect() const;
  // Why a handshake has failed, for people; right after that.
  std::string reason(const ssl_st* ssl) const;

 private:
  const TlsOptions options_;
  std::shared_ptr<ssl_ctx_st> context_;
};

}  // namespace mesh::load
