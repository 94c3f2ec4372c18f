// The key that encrypts the tenants' keys.
#pragma once

#include <string>
#include <string_view>

#include "common/base/error.h"
#include "common/ports/epoch_store.h"
#include "common/ports/key_store.h"

namespace mesh::cipher {

// kKeyBytes of 64 hexadecimal digits. Whoever starts first leaves a mark of it with the mesh's
// stores; `conflict` where that is of another key, or there is none and a key of a tenant was
// encrypted with another: with both in use, each would read a part only. `invalid` for another
// text.
Result<std::string> master_key(std::string_view digits, EpochStore& marks, KeyStore& keys);

}  // namespace mesh::cipher
