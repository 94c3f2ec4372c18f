// What every UsageStore does.
#pragma once

#include "tests/contract/store_harness.h"

namespace mesh::test {

class UsageStoreContract : public StoreContract {
 protected:
  UsageStore& usage() { return store_->stores().usage(); }
  Status record(std::vector<UsageIncrement> increments, const Through& through = {}) {
    return usage().record(increments, through, clock_.now());
  }
};

}  // namespace mesh::test
