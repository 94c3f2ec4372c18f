#include "common/base/hmac.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cstdlib>

namespace mesh {

std::string hmac_sha256(std::string_view key, std::string_view bytes) {
  std::string code(32, '\0');
  unsigned int length = 0;
  const auto* made = HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                          reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                          reinterpret_cast<unsigned char*>(code.data()), &length);
  // An empty code would equal an empty signature.
  if (made == nullptr || length != code.size()) std::abort();
  return code;
}

}  // namespace mesh
