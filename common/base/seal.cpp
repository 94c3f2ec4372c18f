#include "common/base/seal.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <new>

#include "common/base/free_with.h"
#include "common/base/raw_bytes.h"
#include "common/base/strings.h"

namespace mesh {
namespace {

constexpr std::size_t kKey = 32, kNonce = 12, kTag = 16;
constexpr std::size_t kBlock = 64;  // texts are filled up to a multiple of it
constexpr char kFill = '\0';

// OpenSSL refuses none of what is done here; it may lack memory.
void require(bool done) {
  if (!done) throw std::bad_alloc();
}

using Cipher = std::unique_ptr<EVP_CIPHER_CTX, FreeWith<EVP_CIPHER_CTX_free>>;

// With its key schedule.
Cipher cipher(std::string_view key, bool encrypts) {
  Cipher made{EVP_CIPHER_CTX_new()};
  require(made && EVP_CipherInit_ex(made.get(), EVP_aes_256_gcm(), nullptr, bytes(key), nullptr,
                                    encrypts ? 1 : 0) == 1);
  return made;
}

using Mac = std::unique_ptr<EVP_MAC_CTX, FreeWith<EVP_MAC_CTX_free>>;

// HMAC-SHA-256 with its key: hmac_sha256 would look OpenSSL's methods up for each text.
Mac mac(std::string_view key) {
  const std::unique_ptr<EVP_MAC, FreeWith<EVP_MAC_free>> hmac{
      EVP_MAC_fetch(nullptr, "HMAC", nullptr)};
  require(hmac != nullptr);
  Mac made{EVP_MAC_CTX_new(hmac.get())};
  char digest[] = "SHA256";
  const OSSL_PARAM with[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                             OSSL_PARAM_construct_end()};
  require(made && EVP_MAC_init(made.get(), bytes(key), key.size(), with) == 1);
  return made;
}

// The first bytes of the code of both, which a byte that neither has sets apart.
bool code_of(EVP_MAC_CTX* mac, std::string_view bound, std::string_view text, std::string& code) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> whole;
  std::size_t length = 0;
  const unsigned char between = 0;
  const bool done = EVP_MAC_init(mac, nullptr, 0, nullptr) == 1 &&
                    EVP_MAC_update(mac, bytes(bound), bound.size()) == 1 &&
                    EVP_MAC_update(mac, &between, 1) == 1 &&
                    EVP_MAC_update(mac, bytes(text), text.size()) == 1 &&
                    EVP_MAC_final(mac, whole.data(), &length, whole.size()) == 1;
  std::copy_n(whole.begin(), code.size(), code.begin());
  return done && length >= code.size();
}

// What is written by `from` into `to`, of the same length.
bool pass(EVP_CIPHER_CTX* cipher, std::string_view from, std::string& to) {
  int done = 0;
  return EVP_CipherUpdate(cipher, bytes(to), &done, bytes(from), static_cast<int>(from.size())) ==
         1;
}

bool begin(EVP_CIPHER_CTX* cipher, std::string_view nonce, std::string_view bound) {
  int done = 0;
  return EVP_CipherInit_ex(cipher, nullptr, nullptr, nullptr, bytes(nonce), -1) == 1 &&
         EVP_CipherUpdate(cipher, nullptr, &done, bytes(bound), static_cast<int>(bound.size())) ==
             1;
}

}  // namespace

// Each is for one text at a time; a text takes about a microsecond.
struct Seal::Ciphers {
  explicit Ciphers(std::string_view secret)
      : nonces(mac(derive_key(secret, "nonce"))),
        closing(cipher(derive_key(secret, "cipher"), true)),
        opening(cipher(derive_key(secret, "cipher"), false)) {}
  std::mutex closing_mutex, opening_mutex;  // the first also over `nonces`
  const Mac nonces;
  const Cipher closing, opening;
};

std::string derive_key(std::string_view secret, std::string_view label) {
  const std::unique_ptr<EVP_KDF, FreeWith<EVP_KDF_free>> hkdf{
      EVP_KDF_fetch(nullptr, "HKDF", nullptr)};
  require(hkdf != nullptr);
  const std::unique_ptr<EVP_KDF_CTX, FreeWith<EVP_KDF_CTX_free>> derivation{
      EVP_KDF_CTX_new(hkdf.get())};
  require(derivation != nullptr);
  std::string digest = "SHA256", from(secret), use(label), key(kKey, '\0');
  const OSSL_PARAM with[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, from.data(), from.size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, use.data(), use.size()),
      OSSL_PARAM_construct_end()};
  require(EVP_KDF_derive(derivation.get(), bytes(key), key.size(), with) == 1);
  return key;
}

Seal::Seal(std::string_view key) : ciphers_(std::make_unique<Ciphers>(key)) {}
Seal::~Seal() = default;

// The nonce is made of what is sealed, so no two texts share one, in whatever process: GCM would
// show the difference of those that do.
std::string Seal::close(std::string_view text, std::string_view bound) const {
  std::string filled(text);
  filled.resize((text.size() / kBlock + 1) * kBlock, kFill);
  std::string nonce(kNonce, '\0'), hidden(filled.size(), '\0'), tag(kTag, '\0');
  {
    std::lock_guard lock(ciphers_->closing_mutex);
    EVP_CIPHER_CTX* const with = ciphers_->closing.get();
    int done = 0;
    require(code_of(ciphers_->nonces.get(), bound, filled, nonce) && begin(with, nonce, bound) &&
            pass(with, filled, hidden) && EVP_CipherFinal_ex(with, bytes(tag), &done) == 1 &&
            EVP_CIPHER_CTX_ctrl(with, EVP_CTRL_AEAD_GET_TAG, kTag, tag.data()) == 1);
  }
  return base64url_encode(nonce + hidden + tag);
}

std::optional<std::string> Seal::open(std::string_view token, std::string_view bound) const {
  auto whole = base64url_decode(token);
  if (!whole || whole->size() < kNonce + kBlock + kTag) return std::nullopt;
  std::string tag = whole->substr(whole->size() - kTag);
  const std::string_view hidden =
      std::string_view(*whole).substr(kNonce, whole->size() - kNonce - kTag);
  std::string text(hidden.size(), '\0');
  {
    std::lock_guard lock(ciphers_->opening_mutex);
    EVP_CIPHER_CTX* const with = ciphers_->opening.get();
    int done = 0;
    std::string end(kTag, '\0');
    const bool true_one = begin(with, std::string_view(*whole).substr(0, kNonce), bound) &&
                          pass(with, hidden, text) &&
                          EVP_CIPHER_CTX_ctrl(with, EVP_CTRL_AEAD_SET_TAG, kTag, tag.data()) == 1 &&
                          EVP_CipherFinal_ex(with, bytes(end), &done) == 1;
    if (!true_one) return std::nullopt;
  }
  text.resize(text.find_last_not_of(kFill) + 1);
  return text;
}

}  // namespace mesh
