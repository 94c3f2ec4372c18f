// HMAC-SHA-256 (RFC 2104, FIPS 180-4).
#pragma once

#include <string>
#include <string_view>

namespace mesh {

// The 32 raw bytes of the code of `bytes` under `key`; empty where OpenSSL has no memory. Any
// thread.
std::string hmac_sha256(std::string_view key, std::string_view bytes);

}  // namespace mesh
