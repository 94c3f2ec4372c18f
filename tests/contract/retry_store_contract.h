// What every RetryStore does.
#pragma once

#include "tests/contract/store_harness.h"

namespace mesh::test {

class RetryStoreContract : public StoreContract {};

}  // namespace mesh::test
