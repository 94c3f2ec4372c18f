#include "tests/support/certificates.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <atomic>
#include <fstream>
#include <stdexcept>

#include "common/base/free_with.h"
#include "common/base/strings.h"

namespace mesh::test {
namespace {

using Bio = std::unique_ptr<BIO, FreeWith<BIO_free>>;

void need(bool good, const char* what) {
  if (!good) throw std::runtime_error(std::string("no test certificate: ") + what);
}

void add_name(X509_NAME* subject, const std::string& name) {
  need(X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8,
                                  reinterpret_cast<const unsigned char*>(name.data()),
                                  static_cast<int>(name.size()), -1, 0) == 1,
       "its name");
}

void add_extension(X509* to, X509* issuer, int id, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, to, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, FreeWith<X509_EXTENSION_free>> made(
      X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str()));
  need(made && X509_add_ext(to, made.get(), -1) == 1, value.c_str());
}

std::string text_of(const Bio& bio) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

}  // namespace

Certificate Certificate::make(const CertificateRequest& request, const Certificate* by) {
  static std::atomic<long> serial{1};
  Certificate made;
  made.key_.reset(EVP_EC_gen("P-256"), EVP_PKEY_free);
  made.certificate_.reset(X509_new(), X509_free);
  X509* const one = made.certificate_.get();
  need(one != nullptr && made.key_ != nullptr, "memory");
  X509* const issuer = by == nullptr ? one : by->certificate_.get();
  X509_set_version(one, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(one), serial.fetch_add(1));
  X509_gmtime_adj(X509_getm_notBefore(one), request.from.count());
  X509_gmtime_adj(X509_getm_notAfter(one), request.until.count());
  add_name(X509_get_subject_name(one), request.common_name);
  for (const auto& name : request.more_common_names) add_name(X509_get_subject_name(one), name);
  X509_set_issuer_name(one, X509_get_subject_name(issuer));
  X509_set_pubkey(one, made.key_.get());
  add_extension(one, issuer, NID_basic_constraints,
                request.authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
  if (!request.names.empty()) {
    add_extension(one, issuer, NID_subject_alt_name, join(request.names, ","));
  }
  const auto& signer = by == nullptr ? made.key_ : by->key_;
  need(X509_sign(one, signer.get(), EVP_sha256()) != 0, "its signature");
  return made;
}

Certificate Certificate::authority(const std::string& name) {
  return make({.common_name = name, .authority = true});
}

Certificate Certificate::server(std::chrono::seconds until) const {
  return make({.common_name = "meshd", .names = {"IP:127.0.0.1", "DNS:localhost"}, .until = until},
              this);
}

Certificate Certificate::client(const std::string& name, std::chrono::seconds until) const {
  return make({.common_name = "client", .names = {"URI:" + name}, .until = until}, this);
}

std::string Certificate::pem() const {
  const Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), certificate_.get());
  return text_of(bio);
}

std::string Certificate::key_pem() const {
  const Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return text_of(bio);
}

std::string Certificate::encrypted_key_pem(const std::string& phrase) const {
  const Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(bio.get(), key_.get(), EVP_aes_256_cbc(),
                           reinterpret_cast<const unsigned char*>(phrase.data()),
                           static_cast<int>(phrase.size()), nullptr, nullptr);
  return text_of(bio);
}

void Certificate::write(const std::string& stem) const {
  std::ofstream(stem + ".crt", std::ios::binary | std::ios::trunc) << pem();
  std::ofstream(stem + ".key", std::ios::binary | std::ios::trunc) << key_pem();
  ::chmod((stem + ".key").c_str(), 0600);
}

}  // namespace mesh::test
