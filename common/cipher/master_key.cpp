#include "common/cipher/master_key.h"

#include "common/base/strings.h"
#include "common/cipher/aead.h"
#include "common/cipher/tenant_cipher.h"
#include "common/ports/written_once.h"

namespace mesh::cipher {
namespace {

constexpr const char* kDocument = "master_key";

// Nothing, encrypted: the tag tells one key from another, and neither.
std::string mark_of(std::string_view key) { return base64_encode(encrypt(key, "", kDocument)); }
bool is_of(std::string_view mark, std::string_view key) {
  const auto bytes = base64_decode(mark);
  return bytes && decrypt(key, *bytes, kDocument).has_value();
}

tl::unexpected<Error> is_another() {
  return fail(ErrorKind::conflict,
              "tenants.master_key_file holds another key than the one that the tenants' keys of "
              "this store are encrypted with: put that one back");
}

}  // namespace

Result<std::string> master_key(std::string_view digits, EpochStore& marks, KeyStore& keys) {
  auto key = hex_decode(digits);
  if (!key || key->size() != kKeyBytes) {
    return fail(ErrorKind::invalid, "a master key is 64 hexadecimal digits");
  }
  const auto mark = MESH_TRY(written_once(marks, kDocument, [&]() -> Result<std::string> {
    // A migration leaves the mark behind, a repair may lose it; the tenants' keys are older.
    const auto wrapped = MESH_TRY(keys.any());
    if (wrapped && !unwrap(*key, *wrapped)) return is_another();
    return mark_of(*key);
  }));
  if (!is_of(mark, *key)) return is_another();
  return *std::move(key);
}

}  // namespace mesh::cipher
