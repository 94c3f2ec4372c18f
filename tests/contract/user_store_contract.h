// What every UserStore does.
#pragma once

#include "tests/contract/store_harness.h"

namespace mesh::test {

class UserStoreContract : public StoreContract {};

}  // namespace mesh::test
