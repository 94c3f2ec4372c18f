// The key that encrypts the tenants' keys, and how it is exchanged for another.
//
// Whoever starts first leaves a mark of it with the mesh's stores, which tells whether a start has
// the same one. While it is exchanged, the mark is of both keys: then each of the tenants' keys is
// opened by one or the other, and a start that knows one alone is refused. Several processes may
// exchange it at once, and one that ends amid it leaves the rest to the next start.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"
#include "common/cipher/tenant_cipher.h"
#include "common/ports/epoch_store.h"
#include "common/ports/key_store.h"

namespace mesh::cipher {

// The keys of 64 hexadecimal digits each; `invalid` for another text. `conflict` where the mark is
// of a key that is none of them, or there is none and a key of a tenant was encrypted with another:
// with both in use, each would read a part only. Changes nothing but to leave the first mark.
Result<MasterKeys> master_keys(std::string_view digits, std::optional<std::string_view> old_digits,
                               EpochStore& marks, KeyStore& keys);

struct Exchanged {
  std::int64_t rewrapped = 0;        // by this call
  std::vector<TenantId> unreadable;  // their keys were opened by neither, and stay as they are
};
// For each start, since it looks at each of the tenants' keys. Encrypts those anew that are not
// encrypted with `masters.present`, which is all that is needed from then on. Not so where some are
// unreadable, whereupon the mark stays as it is, or where another process, which has the old key
// alone, makes keys meanwhile: the next call finds them. Without an old key it changes nothing, and
// is `conflict` where a key is not opened, naming its tenant. Blocks.
Result<Exchanged> exchange_master_key(const MasterKeys& masters, EpochStore& marks, KeyStore& keys);

}  // namespace mesh::cipher
