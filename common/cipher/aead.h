// Bytes that nobody reads or changes without a key: XAES-256-GCM (C2SP), which is AES-256-GCM under
// a key that it derives anew for each nonce. AES-256-GCM alone bears 2^32 random nonces of a key
// (NIST SP 800-38D, 8.3), which a busy tenant uses up within days; this one 2^80.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace mesh::cipher {

inline constexpr std::size_t kKeyBytes = 32;
inline constexpr std::size_t kNonceBytes = 24;
inline constexpr std::size_t kTagBytes = 16;

// Of OpenSSL's generator; good for keys. Any thread, as all of these.
std::string random_bytes(std::size_t count);

// Nonce, ciphertext and tag. `key` has kKeyBytes; `bound` is not in it, and has to be the same when
// it is decrypted.
std::string encrypt(std::string_view key, std::string_view text, std::string_view bound);
// With a nonce of kNonceBytes, which must not come again under the key: for known answers.
std::string encrypt(std::string_view key, std::string_view nonce, std::string_view text,
                    std::string_view bound);
// Nothing where the key or `bound` is another, or a bit was changed.
std::optional<std::string> decrypt(std::string_view key, std::string_view encrypted,
                                   std::string_view bound);

}  // namespace mesh::cipher
