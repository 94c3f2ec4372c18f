// What every IdempotencyStore does.
#pragma once

#include "tests/contract/store_harness.h"

namespace mesh::test {

class IdempotencyStoreContract : public StoreContract {};

}  // namespace mesh::test
