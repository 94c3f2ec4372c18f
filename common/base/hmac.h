// HMAC-SHA-256 (RFC 2104, FIPS 180-4).
#pragma once

#include <string>
#include <string_view>

namespace mesh {

// The 32 raw bytes of the code of `bytes` under `key`.
std::string hmac_sha256(std::string_view key, std::string_view bytes);

}  // namespace mesh
