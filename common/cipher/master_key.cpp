#include "common/cipher/master_key.h"

#include "common/base/strings.h"
#include "common/cipher/aead.h"

namespace mesh::cipher {
namespace {

constexpr const char* kDocument = "master_key";
constexpr int kTries = 10;  // others write only while they start

// Nothing, encrypted: the tag tells one key from another, and neither.
bool is_of(std::string_view mark, std::string_view key) {
  const auto bytes = base64_decode(mark);
  return bytes && decrypt(key, *bytes, kDocument).has_value();
}

}  // namespace

Result<std::string> master_key(std::string_view digits, EpochStore& store) {
  auto key = hex_decode(digits);
  if (!key || key->size() != kKeyBytes) {
    return fail(ErrorKind::invalid, "a master key is 64 hexadecimal digits");
  }
  auto known = MESH_TRY(store.read(kDocument));
  for (int i = 1; known.body.empty(); ++i) {
    known = MESH_TRY(store.take_over(kDocument));
    if (!known.body.empty()) break;
    const Status written =
        store.write(kDocument, known.epoch, base64_encode(encrypt(*key, "", kDocument)));
    if (written) return *std::move(key);
    if (written.error().kind != ErrorKind::conflict || i == kTries) return fail(written.error());
  }
  if (is_of(known.body, *key)) return *std::move(key);
  return fail(ErrorKind::conflict,
              "tenants.master_key_file holds another key than the one that the tenants' keys of "
              "this store are encrypted with: put that one back");
}

}  // namespace mesh::cipher
