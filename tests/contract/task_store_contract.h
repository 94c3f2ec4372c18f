// What every TaskStore does.
#pragma once

#include "tests/contract/store_harness.h"

namespace mesh::test {

class TaskStoreContract : public StoreContract {};

}  // namespace mesh::test
