#include "common/base/sha256.h"

#include <openssl/evp.h>

#include <array>
#include <cstdlib>

namespace mesh {

struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  State() { must(context != nullptr); }
  ~State() { EVP_MD_CTX_free(context); }
  static void must(bool done) {
    if (!done) std::abort();  // the library is broken; no caller could go on
  }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  State::must(EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) == 1);
}

Sha256::~Sha256() = default;

void Sha256::add(std::string_view bytes) {
  State::must(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1);
}

std::string Sha256::hex() {
  constexpr char kDigits[] = "0123456789abcdef";
  std::array<unsigned char, 32> digest;
  // The context has ended with this: nothing can be added any more.
  State::must(EVP_DigestFinal_ex(state_->context, digest.data(), nullptr) == 1);
  std::string text;
  for (const auto byte : digest) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

}  // namespace mesh
