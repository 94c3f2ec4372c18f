// Pins of certificates' keys, as curl and RFC 7469 write them.
#pragma once

#include <string>

struct x509_st;  // OpenSSL's X509

namespace mesh {

// "sha256//" and the digest of the SubjectPublicKeyInfo in base64; empty for want of memory.
std::string public_key_pin(x509_st* certificate);

}  // namespace mesh
