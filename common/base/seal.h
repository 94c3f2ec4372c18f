// Texts that go out and come back, such as positions, and that nobody outside can read, make or
// change.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace mesh {

// 32 raw bytes for one use, the `label`, of a secret that serves several (HKDF-SHA-256, RFC 5869).
std::string derive_key(std::string_view secret, std::string_view label);

// Any thread.
class Seal {
 public:
  // All that have the same key open each other's tokens. The key is one of derive_key.
  explicit Seal(std::string_view key);
  ~Seal();

  // A token of `text`, whose end is no zero byte, that opens with the same `bound` alone:
  // AES-256-GCM, in base64url. The same of both has the same token. Its length tells the text's up
  // to 64 bytes only.
  std::string close(std::string_view text, std::string_view bound) const;
  // Nothing where the token was not made by close, with this key and `bound`.
  std::optional<std::string> open(std::string_view token, std::string_view bound) const;

 private:
  struct Ciphers;
  const std::unique_ptr<Ciphers> ciphers_;
};

}  // namespace mesh
