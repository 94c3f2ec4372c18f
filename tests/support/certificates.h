// Certificates of the tests' own making.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

struct x509_st;
struct evp_pkey_st;

namespace mesh::test {

// What is asked for; `from` and `until` count from now.
struct CertificateRequest {
  std::string common_name = "mesh test";
  std::vector<std::string> more_common_names{};
  std::vector<std::string>
      names{};  // as OpenSSL writes them: "DNS:db.mesh", "IP:127.0.0.1", "URI:…"
  std::chrono::seconds from{-3600};
  std::chrono::seconds until{24 * 3600};
  bool authority = false;
};

// A certificate and its key, P-256.
class Certificate {
 public:
  // By `by`, or where that is null by itself. Throws std::runtime_error.
  static Certificate make(const CertificateRequest& request, const Certificate* by = nullptr);
  // An authority, and what one signs: a server of 127.0.0.1 and localhost; a client.
  static Certificate authority(const std::string& name = "mesh test CA");
  Certificate server(std::chrono::seconds until = std::chrono::hours{24}) const;
  Certificate client(const std::string& name,
                     std::chrono::seconds until = std::chrono::hours{24}) const;

  std::string pem() const;
  std::string key_pem() const;
  std::string encrypted_key_pem(const std::string& phrase) const;
  // <stem>.crt and <stem>.key (0600).
  void write(const std::string& stem) const;

 private:
  std::shared_ptr<x509_st> certificate_;
  std::shared_ptr<evp_pkey_st> key_;
};

}  // namespace mesh::test
