// What every TenantStore does.
#pragma once

#include "tests/contract/store_harness.h"

namespace mesh::test {

class TenantStoreContract : public StoreContract {};

}  // namespace mesh::test
