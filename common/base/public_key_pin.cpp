#include "common/base/public_key_pin.h"

#include <openssl/sha.h>
#include <openssl/x509.h>

#include "common/base/strings.h"

namespace mesh {

std::string public_key_pin(x509_st* certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  if (size <= 0) return {};
  unsigned char hash[SHA256_DIGEST_LENGTH];
  SHA256(der, static_cast<std::size_t>(size), hash);
  OPENSSL_free(der);
  return "sha256//" + base64_encode({reinterpret_cast<const char*>(hash), sizeof hash});
}

}  // namespace mesh
