// What every Outbox does.
#pragma once

#include "tests/contract/store_harness.h"

namespace mesh::test {

class OutboxContract : public StoreContract {};

}  // namespace mesh::test
