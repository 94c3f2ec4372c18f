// The key that signs receipts of purges.
#pragma once

#include <memory>

#include "common/base/document_signature.h"
#include "common/config/config.h"

namespace mesh {

// Of tenants.receipt_key_file; null where there is none. `invalid` with key and file where what is
// in it is no such key.
Result<std::unique_ptr<const SigningKey>> make_receipt_key(const config::Config& config);

}  // namespace mesh
