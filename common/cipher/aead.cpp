#include "common/cipher/aead.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <cstdlib>
#include <memory>

#include "common/base/free_with.h"
#include "common/base/raw_bytes.h"

namespace mesh::cipher {
namespace {

constexpr std::size_t kBlock = 16;
constexpr std::size_t kDerivedNonce =
    12;  // the nonce's first bytes derive a key, the rest serve it

// The library is broken, or out of memory: no caller could go on.
void must(bool done) {
  if (!done) std::abort();
}

using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeWith<EVP_CIPHER_CTX_free>>;

Context context() {
  Context made{EVP_CIPHER_CTX_new()};
  must(made != nullptr);
  return made;
}

// Looked up once: OpenSSL would do so for each record, under a lock.
const EVP_CIPHER* aes_256_ecb() {
  static const EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-ECB", nullptr);
  return cipher;
}
const EVP_CIPHER* aes_256_gcm() {
  static const EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  return cipher;
}

void blocks(EVP_CIPHER_CTX* aes, std::string& text) {
  int done = 0;
  must(EVP_EncryptUpdate(aes, bytes(text), &done, bytes(text), static_cast<int>(text.size())) == 1);
}

// The subkey K1 of CMAC (NIST SP 800-38B, 6.1).
std::string subkey(EVP_CIPHER_CTX* aes) {
  std::string key(kBlock, '\0');
  blocks(aes, key);
  const bool carry = (key.front() & 0x80) != 0;
  for (std::size_t i = 0; i < kBlock; ++i) {
    const auto next = i + 1 < kBlock ? static_cast<unsigned char>(key[i + 1]) >> 7 : 0;
    key[i] = static_cast<char>((key[i] << 1) | next);
  }
  if (carry) key.back() = static_cast<char>(key.back() ^ 0x87);
  return key;
}

// CMAC in counter mode (NIST SP 800-108), label 'X', for the two blocks that are a key.
std::string derived_key(std::string_view key, std::string_view nonce) {
  const Context aes = context();
  must(EVP_EncryptInit_ex(aes.get(), aes_256_ecb(), nullptr, bytes(key), nullptr) == 1 &&
       EVP_CIPHER_CTX_set_padding(aes.get(), 0) == 1);
  const std::string mask = subkey(aes.get());
  std::string derived;
  for (const char counter : {1, 2}) {
    (derived += {'\0', counter, 'X', '\0'}).append(nonce.substr(0, kDerivedNonce));
  }
  for (std::size_t i = 0; i < derived.size(); ++i) {
    derived[i] = static_cast<char>(derived[i] ^ mask[i % kBlock]);
  }
  blocks(aes.get(), derived);
  return derived;
}

Context begin(std::string_view key, std::string_view nonce, std::string_view bound, bool encrypts) {
  Context gcm = context();
  int done = 0;
  must(EVP_CipherInit_ex(gcm.get(), aes_256_gcm(), nullptr, bytes(derived_key(key, nonce)),
                         bytes(nonce.substr(kDerivedNonce)), encrypts ? 1 : 0) == 1 &&
       EVP_CipherUpdate(gcm.get(), nullptr, &done, bytes(bound), static_cast<int>(bound.size())) ==
           1);
  return gcm;
}

void pass(EVP_CIPHER_CTX* gcm, std::string_view from, unsigned char* to) {
  int done = 0;
  must(EVP_CipherUpdate(gcm, to, &done, bytes(from), static_cast<int>(from.size())) == 1);
}

}  // namespace

std::string random_bytes(std::size_t count) {
  std::string made(count, '\0');
  must(RAND_bytes(bytes(made), static_cast<int>(count)) == 1);
  return made;
}

std::string encrypt(std::string_view key, std::string_view text, std::string_view bound) {
  return encrypt(key, random_bytes(kNonceBytes), text, bound);
}

std::string encrypt(std::string_view key, std::string_view nonce, std::string_view text,
                    std::string_view bound) {
  must(key.size() == kKeyBytes && nonce.size() == kNonceBytes);
  const Context gcm = begin(key, nonce, bound, true);
  std::string made(nonce);
  made.resize(kNonceBytes + text.size() + kTagBytes);
  unsigned char* const hidden = bytes(made) + kNonceBytes;
  pass(gcm.get(), text, hidden);
  int done = 0;
  must(EVP_CipherFinal_ex(gcm.get(), hidden + text.size(), &done) == 1 &&
       EVP_CIPHER_CTX_ctrl(gcm.get(), EVP_CTRL_AEAD_GET_TAG, kTagBytes, hidden + text.size()) == 1);
  return made;
}

std::optional<std::string> decrypt(std::string_view key, std::string_view encrypted,
                                   std::string_view bound) {
  must(key.size() == kKeyBytes);
  if (encrypted.size() < kNonceBytes + kTagBytes) return std::nullopt;
  const auto nonce = encrypted.substr(0, kNonceBytes);
  const auto hidden = encrypted.substr(kNonceBytes, encrypted.size() - kNonceBytes - kTagBytes);
  std::string tag(encrypted.substr(encrypted.size() - kTagBytes));
  const Context gcm = begin(key, nonce, bound, false);
  std::string text(hidden.size(), '\0'), end(kBlock, '\0');
  pass(gcm.get(), hidden, bytes(text));
  must(EVP_CIPHER_CTX_ctrl(gcm.get(), EVP_CTRL_AEAD_SET_TAG, kTagBytes, tag.data()) == 1);
  int done = 0;
  if (EVP_CipherFinal_ex(gcm.get(), bytes(end), &done) != 1) return std::nullopt;
  return text;
}

}  // namespace mesh::cipher
